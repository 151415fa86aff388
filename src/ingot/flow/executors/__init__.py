"""Where a step runs. In: a request (run reference, literals, folders). Out: facts, events on the way.

Each file is one place: `local` is a child process on this machine.
"""
