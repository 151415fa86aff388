"""Detectors: each finds some types of personal data or secrets in a text.

Each file holds `Config`, whose `TYPES` lists the types it can find, and `detect(text, config)`, which yields Findings
in any order. `Config.TRIGGER`, where there is one, is a pattern without which there is nothing to find: one pass over
a text tries all of them, so that clean text costs little. Where several detectors run they are handed a Text and share
its words (see text). Patterns for whole texts run on RE2 (see patterns); `re` only looks at what stands around a hit.
"""
