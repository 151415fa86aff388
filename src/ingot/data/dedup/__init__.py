"""Dedup: which document repeats an earlier one. One file per notion of "the same".

Each file holds `Config` and `duplicates(batches, config)`: for every text, in order, the number of the first text of
its group (its own number when it repeats nothing). Batches are read once, and their texts are not kept.
"""
