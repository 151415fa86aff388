"""A verdict as Markdown, for a pull request or the summary of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SIGNS = {"pass": "✅ pass", "fail": "❌ fail", "unsure": "❔ unsure"}
_HEADLINES = {
    "pass": "may take the place of the version in use",
    "fail": "must not be promoted",
    "unsure": "cannot be judged yet",
}


def as_markdown(told: Mapping[str, Any]) -> str:
    """Return the facts of a gate as a page: the verdict, a table, and what was not asked."""
    against = f" against {_code(told['against'])}" if told["against"] else ", with no version in use"
    lines = [
        f"## Gate: {_code(told['model'])} {_HEADLINES[told['verdict']]}",
        "",
        f"**{_SIGNS[told['verdict']]}**{against}.",
        "",
        *_table(("verdict", "kind", "demanded", "found"), [_row(each) for each in told["requirements"]]),
    ]
    fixes = [each["fix"] for each in told["requirements"] if each.get("fix")]
    lines += _listed("To be sure", [_code(fix) if fix.startswith("ingot ") else fix for fix in dict.fromkeys(fixes)])
    lines += _listed("Not asked", [_unasked(each) for each in told["not_asked"]])
    lines += ["", told["errors"]]
    return "\n".join(lines) + "\n"


def _row(each: Mapping[str, Any]) -> tuple[str, ...]:
    return _SIGNS[each["verdict"]], each["kind"], each["demands"], each["reason"]


def _unasked(each: Mapping[str, Any]) -> str:
    ask = f" ({_code(each['fix'])})" if each["fix"].startswith("ingot ") else ""
    return f"{each['kind']}, {each['demands']}: {each['why']}{ask}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_cells(head), _cells(["---"] * len(head)), *map(_cells, rows)] if rows else ["No requirement was asked."]


def _cells(cells: Sequence[str]) -> str:
    # A name from outside must not open a new column, a new line or a tag.
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _listed(title: str, points: Sequence[str]) -> list[str]:
    return ["", f"{title}:", "", *(f"- {_plain(point)}" for point in points)] if points else []


def _plain(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"
