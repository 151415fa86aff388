"""Transforms: what is changed in a text on its way into a dataset. One file per kind of change.

Each file holds `Config` and `Transform`, which describes edits (data/edits) and may survey the corpus first
(data/transforming). Nothing is changed without a record of what and why.
"""
