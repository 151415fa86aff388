"""The command line: the one room that knows every other, reads the environment and prints.

In: words typed by a person or a script. Out: text, events as JSON lines, exit codes.
Read in this order: main, options, wire, build, then any command; show/ holds what is printed and how.
"""
