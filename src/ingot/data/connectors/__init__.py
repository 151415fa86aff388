"""Connectors: where documents come from. One file per kind of source.

Each holds `Config` and `Connector(config)` with `snapshot()` (what is there now: names, sizes, content hashes, and
what was skipped, with the reason) and `open(item)` (the bytes of one item of the snapshot).
"""
