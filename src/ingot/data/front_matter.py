"""The settings at the top of a Markdown page (YAML between `---`, TOML between `+++`): title and licence count.

The rest is for the generator of a web site. Only short front matter is read, and only words are taken of it, so a
page cannot make the reader work: references in YAML are followed, never copied.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

import yaml

_YAML = re.compile(r"\A---[ \t]*\n((?:[^\n]*\n){0,400}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_TOML = re.compile(r"\A\+\+\+[ \t]*\n((?:[^\n]*\n){0,400}?)\+\+\+[ \t]*(?:\n|\Z)")
# A page may also begin with a horizontal rule: only a field name makes it front matter.
_FIRST_FIELD = re.compile(r"\A(?:\s*\n|#[^\n]*\n)*[A-Za-z_\"'][\w .\"'-]*[:=]")
_MOST_CHARACTERS = 20_000
_LICENCE = ("license", "licence", "rights")


@dataclass(frozen=True)
class FrontMatter:
    """What a page says of itself: its title and licence, if any, and the text that follows."""

    text: str
    title: str = ""
    licence: str | None = None


def read_front_matter(text: str) -> FrontMatter:
    """Return the page without its front matter. What looks like one and cannot be read is left out all the same.

    >>> read_front_matter("---\\ntitle: Leave\\n---\\nFive days.")
    FrontMatter(text='Five days.', title='Leave', licence=None)
    """
    for pattern, load in ((_YAML, yaml.safe_load), (_TOML, tomllib.loads)):
        found = pattern.match(text)
        if found and _FIRST_FIELD.match(found[1]):
            fields = _fields(found[1], load)
            licence = next((fields[name] for name in _LICENCE if fields.get(name)), None)
            return FrontMatter(text[found.end() :], fields.get("title", ""), licence)
    return FrontMatter(text)


def _fields(source: str, load: Any) -> dict[str, str]:
    """Return the fields that hold a word or a phrase, names in lower case."""
    if len(source) > _MOST_CHARACTERS:
        return {}
    try:
        loaded = load(source)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError):
        return {}
    fields = loaded.items() if isinstance(loaded, dict) else ()
    return {str(name).lower(): " ".join(value.split()) for name, value in fields if isinstance(value, str)}
