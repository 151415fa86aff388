"""Pages in HTML for people: each one file with nothing loaded from anywhere, all with the same look.

What they say comes from documents, and documents may hold anything: templates escape every value, and the page forbids
scripts and outside content by its own policy, so that even a mistake would show text and run nothing. A template
extends `page.html.jinja` and fills its blocks; page.css is the look, in light and dark, on a phone and on paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

_FOLDER = Path(__file__).parent
LOOK = _FOLDER / "page.css"


def render(template: Path, values: Mapping[str, Any]) -> str:
    """Return the page a template makes of these values. A name the values lack is an error, never an empty place."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, _FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    look = Markup(LOOK.read_text(encoding="utf-8"))
    return environment.get_template(template.name).render({**values, "look": look})
