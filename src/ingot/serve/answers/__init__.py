"""From tokens to the wire.

Read reading (tokens become words and calls), then chat and completion (how they look on the wire), usage, and
answering (one request from its slot to its last byte).
"""
