"""Scorers: each file holds an answer that was written against the right ones, and gives it 0 to 1 (`score`)."""
