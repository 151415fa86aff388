"""The ports filled with files: models of the home folder, keys from a file, usage appended to a file.

This is all `ingot serve` needs. Without a key file anybody on this machine may ask, so listening beyond this machine
requires one. Read app first; then keys, usage, and models (which version answers) over serving and open_models.
"""
