"""Filters: one statistic of a text each. They annotate; none of them drops a document.

Each file holds `Config` and `annotate(texts, config) -> Annotation`: a column of numbers, the name of the flag for
documents whose number is far out, and on which side. How far is far is decided by the corpus itself (see
annotations).
"""
