"""Objectives: what a batch is worth. One file each, holding `Config` and `loss(decoder, batch, config) -> Loss`."""
