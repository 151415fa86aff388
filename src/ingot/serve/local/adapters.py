"""Which models of a home a server is to put adapters on: that decides which engine may open them."""

from __future__ import annotations

from collections.abc import Sequence

from ingot.flow.home import Home
from ingot.registry.files import FileStore
from ingot.registry.release_file import ReleaseFile


def has_adapters(home: Home, names: Sequence[str], base: str) -> bool:
    """Say whether a server of these names is to put adapters on a model, which not every engine can."""
    releases = ReleaseFile(home).read()
    released = [one for name in (names or releases) if name in releases for one in releases[name].versions]
    served = {one.partition("@")[0] for one in (*names, *released)}
    models = FileStore(home, with_adapters=True).models()
    return any(model.name in served and model.facts.get("base") == base for model in models)
