"""Filters: what can be told of a text by itself. They annotate; none of them drops a document.

Each file holds `Config` and `annotate(batch, config)`, which returns columns (see annotations): numbers, which the
corpus may judge by its own standards when they name a flag, and, for filters with published thresholds, whether a text
passes and the first reason why not. Most only divide what one compiled pass has counted (see statistics).
"""
