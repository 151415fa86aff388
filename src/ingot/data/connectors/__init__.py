"""Connectors: where documents come from. One file per kind of source.

Each holds `Config` and `Connector(config, cache)` with `snapshot()` (what is there now: names, sizes, content hashes,
terms of use, what was skipped, with the reason, and what is gone) and `open(item)` (the bytes of one item, without a
network). Beside this folder lie what several need: local_files (walking), connector_state and byte_cache (what is known
and kept between snapshots), containers (files with many items, listed in the sandbox), json_api (services). Read first:
folder, then objects for a remote source and mailbox for a file with many items.
"""
