"""Parsers: the bytes of one item in, Documents out, and the files inside it for other parsers.

One file per format: `Config` (its `extensions` are the file names it is chosen for) and `parse(stream, item, config)
-> Iterator[Parsed]`: Documents, Members (files inside, see data/parsing) and what cannot be had of them. A parser runs
in the sandbox; it raises InputError with a reason and a fix for a file it cannot read, never returns half a text
silently, and opens nothing but the stream. Read text first, then table and jsonl; pdf, office, slides, sheets, book and
html share extraction; archive and mail yield Members.
"""
