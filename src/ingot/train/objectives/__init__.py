"""Objectives: what a batch is worth. One file each, holding `Config` and `loss(decoder, batch, config) -> Loss`.

One that needs the tokenizer, or another model, has a fourth parameter `given` (train/objective.py).
"""
