"""Rewards: what an answer to a prompt is worth, checked by a program. One file each.

An entry `reward(prompt, expected, answers, config)` returns a number for every answer of a group: the model gave all
of them to the same prompt, and `expected` is what the file of prompts has as its answer. More is better; only
differences within a group count.
"""
