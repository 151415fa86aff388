"""Dedup: which document repeats an earlier one. One file per notion of "the same".

Each file holds `Config` and `duplicates(texts, config)`: for every text, in order, the number of the first text of
its group (its own number when it repeats nothing). Texts are read once and not kept.
"""
