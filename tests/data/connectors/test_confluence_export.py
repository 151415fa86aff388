"""Spaces as Confluence exports them: current pages with revision, author and restrictions, and their attachments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.connectors.confluence_export import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors.counting import bytes_read
from tests.data.connectors.exports import confluence, entity, page, reference, value, write_zip
from tests.data.connectors.reading import contents, texts


def snapshot(place: Path, cache: Path, **options: Any) -> Snapshot:
    return Connector(Config((str(place),), **options), cache).snapshot()


def restriction(identity: str, owner: str, *rules: str) -> str:
    numbers = [f"{identity}{number}" for number in range(len(rules))]
    held = "".join(f'<element class="ContentPermission"><id name="id">{number}</id></element>' for number in numbers)
    kept = f'<collection name="contentPermissions">{held}</collection>'
    made = (entity("ContentPermission", number, rule) for number, rule in zip(numbers, rules, strict=True))
    view = value("type", "View")
    return entity("ContentPermissionSet", identity, view, reference("owningContent", owner), kept) + "".join(made)


def attachment(identity: str, owner: str, title: str, *parts: str) -> str:
    usual = (value("title", title), '<property name="version">2</property>', reference("containerContent", owner))
    return entity("Attachment", identity, *usual, *parts)


def test_pages_are_named_by_space_and_id(tmp_path: Path) -> None:
    modifier = reference("lastModifier", "k1", "ConfluenceUserImpl")
    entities = confluence(page("7", "Leave & rest", "<p>Thirty days.</p>", modifier, version="3"))
    found = snapshot(write_zip(tmp_path / "HR.zip", {"entities.xml": entities}), tmp_path / "cache")
    (item,) = found.items
    assert (item.uri, item.version, item.owner, item.media_type) == ("HR/7", "3", "ada", "text/html")
    assert (item.meta["title"], item.modified) == ("Leave & rest", 1793613600.0)
    assert "<h1>Leave &amp; rest</h1><p>Thirty days.</p>" in texts(found)["HR/7"]


def test_drafts_old_revisions_and_what_is_deleted_stay_out(tmp_path: Path) -> None:
    entities = confluence(
        page("1", "Now", "<p>now</p>"),
        page("2", "Then", "<p>then</p>", reference("originalVersion", "1")),
        page("3", "Draft", "<p>draft</p>", value("contentStatus", "draft")),
        page("4", "Gone", "<p>gone</p>", value("contentStatus", "deleted")),
        entity("Comment", "5", value("title", "x")),
    )
    found = snapshot(write_zip(tmp_path / "HR.zip", {"entities.xml": entities}), tmp_path / "cache")
    assert [item.uri for item in found.items] == ["HR/1"]


def test_restrictions_become_access_lists_and_hold_for_pages_below(tmp_path: Path) -> None:
    entities = confluence(
        page("1", "Open", "<p>open</p>"),
        page("2", "Board", "<p>board</p>"),
        page("3", "Below", "<p>below</p>", reference("parent", "2")),
        restriction("50", "2", value("groupName", "board"), reference("userSubject", "k1", "ConfluenceUserImpl")),
        entity("ContentPermissionSet", "60", value("type", "Edit"), reference("owningContent", "1")),
    )
    place = write_zip(tmp_path / "HR.zip", {"entities.xml": entities})
    found = snapshot(place, tmp_path / "cache", rights=Rights(access=("everybody",)))
    assert {item.uri: item.access for item in found.items} == {
        "HR/1": ("everybody",),
        "HR/2": ("group:board", "user:ada"),
        "HR/3": ("group:board", "user:ada"),
    }


def test_attachments_lie_below_their_page(tmp_path: Path) -> None:
    entities = confluence(
        page("1", "Now", "<p>now</p>"),
        attachment("8", "1", "plan.pdf"),
        attachment("9", "1", "../../evil.pdf"),
        attachment("10", "1", "old.pdf", reference("originalVersion", "8", "Attachment")),
    )
    files = {"entities.xml": entities, "attachments/1/8/2": b"%PDF-1.7 plan", "attachments/1/8/1": b"%PDF-1.7 before"}
    place = write_zip(tmp_path / "HR.zip", files)
    found = snapshot(place, tmp_path / "cache")
    assert contents(found)["HR/1/plan.pdf"] == b"%PDF-1.7 plan"
    assert [item.uri for item in found.items] == ["HR/1", "HR/1/plan.pdf"]
    assert dict(found.skipped) == {"HR/1/../../evil.pdf": "its file is not in the export"}
    assert [item.uri for item in snapshot(place, tmp_path / "2", attachments=False).items] == ["HR/1"]


def test_the_end_of_code_in_a_body_is_restored(tmp_path: Path) -> None:
    macro = '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[a[b[0]]]></ac:plain-text-body>'
    entities = confluence(page("1", "Code", f"{macro}</ac:structured-macro><p>after</p>"))
    found = snapshot(write_zip(tmp_path / "HR.zip", {"entities.xml": entities}), tmp_path / "cache")
    assert "<pre>a[b[0]</pre>" in texts(found)["HR/1"]
    assert "<p>after</p>" in texts(found)["HR/1"]


def test_the_next_export_changes_what_changed(tmp_path: Path) -> None:
    place = tmp_path / "exports"
    files = {"entities.xml": confluence(page("1", "A", "one"), page("2", "B", "two"), page("3", "C", "three"))}
    write_zip(place / "2026-10.zip", files)
    before = snapshot(place, tmp_path / "cache")
    (place / "2026-10.zip").unlink()
    files = {"entities.xml": confluence(page("1", "A", "one"), page("2", "B", "2", version="2"))}
    write_zip(place / "2026-11.zip", files)
    found = snapshot(place, tmp_path / "cache")
    hashes = {item.uri: item.sha256 for item in before.items}
    assert [item.uri for item in found.items if hashes[item.uri] != item.sha256] == ["HR/2"]
    assert found.vanished == (("HR/3", "1"),)


def test_an_export_that_did_not_change_is_not_opened(tmp_path: Path) -> None:
    noise = "".join(f"{(number * 2654435761) % 2**32:x}" for number in range(400_000))
    entities = confluence(*(page(str(number), "T", f"<p>{number}{noise}</p>") for number in range(4)))
    place = write_zip(tmp_path / "HR.zip", {"entities.xml": entities})
    before, cost = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    again, less = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    assert again == before
    assert cost > 3_000_000 > 10 * less


def test_an_html_export_gives_its_pages_and_files(tmp_path: Path) -> None:
    files = {
        "HR/index.html": "<h1>Space</h1>",
        "HR/Leave_7.html": "<h1>Leave</h1>",
        "HR/attachments/7/8.pdf": b"%PDF-1.7",
        "HR/styles/site.css": "x",
        "HR/images/icons/a.gif": b"GIF89a",
    }
    found = snapshot(write_zip(tmp_path / "HR.zip", files), tmp_path / "cache")
    assert [item.uri for item in found.items] == ["HR/Leave_7.html", "HR/attachments/7/8.pdf"]


@pytest.mark.parametrize(
    ("entities", "said"),
    [
        ("<hibernate-generic><object", "damaged"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><hibernate-generic/>', "document type"),
        ("", "damaged"),
        ("plain text", "not XML"),
    ],
)
def test_a_broken_export_is_told(tmp_path: Path, entities: str, said: str) -> None:
    place = tmp_path / "exports"
    write_zip(place / "bad.zip", {"entities.xml": entities})
    write_zip(place / "good.zip", {"entities.xml": confluence(page("1", "A", "one"))})
    found = snapshot(place, tmp_path / "cache")
    assert [item.uri for item in found.items] == ["HR/1"]
    assert said in dict(found.skipped)["bad.zip"]


def test_no_export_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents"):
        snapshot(tmp_path, tmp_path / "cache")
