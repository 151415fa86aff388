"""Many requests at once, answered in the background through the same gateway.

Read record (what a batch is), then lines (its input), then runner (who works on it).
"""
