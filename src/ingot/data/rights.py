"""What holds for every item of a source unless the source says something of its own: owner, licence, who may see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ingot.flow.source import SourceItem


@dataclass(frozen=True)
class Rights:
    """Terms of a whole source. `access` names who may see it, `retention` is the date until which it may be kept."""

    owner: str | None = None
    licence: str | None = None
    access: tuple[str, ...] = ()
    retention: str | None = None
    region: str | None = None

    def fill(self, item: SourceItem) -> SourceItem:
        """Return the item with the terms its source left open."""
        missing = {name: value for name, value in vars(self).items() if value and not getattr(item, name)}
        return replace(item, **missing) if missing else item
