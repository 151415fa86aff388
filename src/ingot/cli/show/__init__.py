"""What the command line prints and how: the live display, the preview, the summary, tables.

In: events, artifacts, plans. Out: text for people (colours only on a terminal) or JSON for programs.
Read in this order: display, preview, summary, tables.
"""
