"""Parsers: the bytes of one item in, Documents out.

One file per format: `Config` (its `extensions` are the file names it is chosen for) and `parse(stream, item, config)
-> Iterator[Document]`. A parser runs in the sandbox; it raises InputError with a reason and a fix for a file it
cannot read, never returns half a text silently, and opens nothing but the stream. Read text first, then table and
jsonl; pdf, docx, office and html share extraction.
"""
