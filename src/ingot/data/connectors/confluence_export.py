"""Spaces exported from Confluence, Cloud or Data Center, as XML or HTML: the zip file as it was downloaded.

The XML export says most: revision, author, and who may see a page (its view restrictions), so it is the one to take. A
page is named by its space and id, which stay when it is renamed, and its attachments below it. Drafts, old revisions
and what is in the trash are left out. Of the HTML export the pages and files are taken as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

from ingot.core.errors import InputError
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import list_containers, refused, with_body
from ingot.data.local_files import LEFT_BEHIND, find_files
from ingot.data.packed import PackedFile, packed_files
from ingot.data.plain_xml import PROLOG_BYTES, check_prolog
from ingot.data.rights import Rights
from ingot.data.row_text import modified_seconds
from ingot.data.storage_format import page_html
from ingot.flow.source import Snapshot, SourceItem

_ENTITIES = "entities.xml"
_PAGES = ("Page", "BlogPost")
_NOT_PAGES = ("images/", "styles/", "index.html")


@dataclass(frozen=True)
class Config:
    """Which exports to read: zip files, or folders that hold them. Of two exports the one that sorts last counts."""

    paths: tuple[str, ...]
    attachments: bool = True
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the exports of `config.paths`. `cache` holds their pages and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        places = [os.path.abspath(os.path.expanduser(path)) for path in config.paths]
        self._state = SourceState(cache, "confluence_export", [places, config.exclude])

    def snapshot(self) -> Snapshot:
        """List every page and attachment; an export that did not change is not opened."""
        found = find_files(self._config.paths, self._config.exclude)
        files = [file for file in found if file.path.suffix.lower() == ".zip"]
        options = {"attachments": self._config.attachments}
        with self._state as state:
            items, skipped = list_containers(state, files, f"{__name__}:{space.__name__}", options)
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a page."""
        return open_copy(item)


def space(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the pages and attachments of an export as items; runs in the sandbox."""
    files = {file.name: file for file in packed_files(stream)}
    entities = next((file for name, file in files.items() if name.rpartition("/")[2] == _ENTITIES), None)
    if entities is None:
        yield from _html_export(files, task["attachments"])
        return
    export = _read(entities)
    for page, body in _bodies(entities, export):
        if page in export.pages and export.is_current(page):
            yield from _page(export, page, body)
    if task["attachments"]:
        folder = entities.name.removesuffix(_ENTITIES)
        for number in sorted(export.attachments):
            yield from _attachment(export, number, files, folder)


@dataclass(frozen=True)
class _Object:
    """An object of entities.xml: its id, its values, the ids it refers to, and the ids in its collections."""

    kind: str
    id: str
    values: Mapping[str, str]
    refers: Mapping[str, str]
    holds: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Export:
    """The objects of an export by kind and id, without bodies."""

    pages: dict[str, _Object] = field(default_factory=dict)
    attachments: dict[str, _Object] = field(default_factory=dict)
    spaces: dict[str, _Object] = field(default_factory=dict)
    people: dict[str, _Object] = field(default_factory=dict)
    rules: dict[str, _Object] = field(default_factory=dict)
    rule_sets: dict[str, _Object] = field(default_factory=dict)

    def add(self, found: _Object) -> None:
        kinds = {
            **dict.fromkeys(_PAGES, self.pages),
            **{"Attachment": self.attachments, "Space": self.spaces, "ConfluenceUserImpl": self.people},
            **{"ContentPermission": self.rules, "ContentPermissionSet": self.rule_sets},
        }
        if found.kind in kinds:
            kinds[found.kind][found.id] = found

    def is_current(self, page: str) -> bool:
        found = self.pages[page]
        is_old = "originalVersion" in found.refers or "originalVersionId" in found.values
        return not is_old and found.values.get("contentStatus", "current") == "current"

    def place(self, page: str) -> str:
        known = self.spaces.get(self.pages[page].refers.get("space", ""))
        return f"{known.values.get('key', 'space') if known else 'space'}/{page}"

    def person(self, key: str) -> str | None:
        known = self.people.get(key)
        return (known.values.get("name") or known.values.get("lowerName") if known else key) or None

    def viewers(self, page: str) -> list[str]:
        """Return who may see a page that not everybody may see.

        A page below a restricted one is restricted too; of several restrictions on the way up the nearest is named.
        """
        seen: set[str] = set()
        while page and page not in seen:
            seen.add(page)
            names = {self._viewer(self.rules[number]) for number in self._restrictions.get(page, ())}
            if names - {""}:
                return sorted(names - {""})
            page = self.pages[page].refers.get("parent", "") if page in self.pages else ""
        return []

    @cached_property
    def _restrictions(self) -> dict[str, list[str]]:
        """The rules about seeing each page, by the page's id."""
        found: dict[str, list[str]] = {}
        for each in self.rule_sets.values():
            if each.values.get("type") == "View":
                numbers = (number for number in each.holds.get("contentPermissions", ()) if number in self.rules)
                found.setdefault(each.refers.get("owningContent", ""), []).extend(numbers)
        return found

    def _viewer(self, rule: _Object) -> str:
        if rule.values.get("groupName"):
            return f"group:{rule.values['groupName']}"
        name = self.person(rule.refers.get("userSubject", "")) or rule.values.get("userName")
        return f"user:{name}" if name else ""


def _read(entities: PackedFile) -> _Export:
    export = _Export()
    for found in _objects(entities):
        if found.kind != "BodyContent":
            export.add(found)
    return export


def _bodies(entities: PackedFile, export: _Export) -> Iterator[tuple[str, str]]:
    """Yield the page and the body of every body that there is. Read again: all of them together may be gigabytes."""
    for found in _objects(entities):
        if found.kind == "BodyContent" and found.refers.get("content") in export.pages:
            yield found.refers["content"], found.values.get("body", "")


def _objects(entities: PackedFile) -> Iterator[_Object]:
    """Yield the objects of entities.xml one by one. Raises InputError when it is no such file."""
    parser: Any = ElementTree.XMLPullParser(["start", "end"])
    open_elements: list[ElementTree.Element] = []
    beginning = b""
    try:
        for chunk in entities.open():
            if len(beginning) < PROLOG_BYTES:
                beginning += chunk[:PROLOG_BYTES]
                check_prolog(beginning, entities.name)
            parser.feed(chunk)
            for event, element in parser.read_events():
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if len(open_elements) == 1 and element.tag == "object":
                    yield _object(element)
                    open_elements[0].clear()  # what was read of the file need not be held
        parser.close()
    except ElementTree.ParseError as error:
        raise InputError("entities.xml is damaged", why=str(error), fix="export the space again") from None


def _object(element: ElementTree.Element) -> _Object:
    identity = next((part.text or "" for part in element if part.tag == "id"), "")
    values: dict[str, str] = {}
    refers: dict[str, str] = {}
    holds: dict[str, tuple[str, ...]] = {}
    for part in element:
        name = part.get("name", "")
        inner = part.find("id")
        if part.tag == "collection":
            holds[name] = tuple((each.findtext("id") or "").strip() for each in part)
        elif inner is not None:
            refers[name] = (inner.text or "").strip()
        elif part.tag == "property":
            # Inside a body the end of a CDATA section is written with a space, so that it does not end this one.
            values[name] = (part.text or "").replace("]] >", "]]>")
    return _Object(element.get("class", ""), identity.strip(), values, refers, holds)


def _page(export: _Export, page: str, body: str) -> Iterator[dict[str, Any]]:
    found = export.pages[page]
    title = found.values.get("title", "")
    content = page_html(title, body).encode("utf-8", "replace")
    yield from with_body(
        export.place(page), [content], media_type="text/html", meta={"title": title}, **_described(export, page, found)
    )


def _attachment(export: _Export, number: str, files: Mapping[str, PackedFile], folder: str) -> Iterator[dict[str, Any]]:
    found = export.attachments[number]
    page = found.refers.get("containerContent") or found.refers.get("content", "")
    is_old = "originalVersion" in found.refers or found.values.get("contentStatus", "current") != "current"
    if is_old or page not in export.pages or not export.is_current(page):
        return
    version = found.values.get("version") or found.values.get("attachmentVersion") or "1"
    uri = f"{export.place(page)}/{found.values.get('title') or found.values.get('fileName') or number}"
    packed = files.get(f"{folder}attachments/{page}/{number}/{version}")
    if packed is None or packed.reason:
        yield refused(uri, packed.reason if packed else "its file is not in the export")
        return
    try:
        yield from with_body(uri, packed.open(), **_described(export, page, found))
    except InputError as error:
        yield refused(uri, error.what)


def _described(export: _Export, page: str, found: _Object) -> dict[str, Any]:
    person = found.refers.get("lastModifier") or found.refers.get("creator") or found.values.get("creatorName", "")
    return {
        "modified": modified_seconds(found.values.get("lastModificationDate", "")),
        "version": found.values.get("version"),
        "owner": export.person(person),
        "access": export.viewers(page),
    }


def _html_export(files: Mapping[str, PackedFile], attachments: bool) -> Iterator[dict[str, Any]]:
    for name, file in files.items():
        inner = name.partition("/")[2] or name
        is_page = inner.endswith(".html") and "/" not in inner
        if inner.startswith(_NOT_PAGES) or not (is_page or (attachments and inner.startswith("attachments/"))):
            continue
        if file.reason:
            yield refused(name, file.reason)
            continue
        try:
            yield from with_body(name, file.open(), file.modified)
        except InputError as error:
            yield refused(name, error.what)
