"""Tasks: each file turns rows of one published format into items (`items`), and says its `VERSION`.

A file may also have `ASKING` (how questions are put and judged), `columns` (names for tables without a heading).
"""
