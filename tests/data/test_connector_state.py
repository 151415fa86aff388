"""What is known of a source survives an interruption, and what is gone leaves its name behind and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import BusyError, InputError, UsageError
from ingot.data import connector_state
from ingot.data.byte_cache import open_copy, range_locator
from ingot.data.connector_state import SourceState
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem


def state(folder: Path, place: object = "here") -> SourceState:
    return SourceState(folder, "test", place)


def taken(opened: SourceState, uri: str, text: str, version: str = "1", part: str = "") -> SourceItem:
    copy = opened.pack(text.encode()) if part else opened.keep([text.encode()])
    return opened.remember(copy.as_item(uri, 1.0, version=version), part, etag="x")


def whole(folder: Path, **texts: str) -> Snapshot:
    with state(folder) as opened:
        return opened.finish([taken(opened, uri, text) for uri, text in texts.items()])


def copies(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for kind in ("bytes/*/*", "packs/*") for path in folder.rglob(kind))


def read(item: SourceItem) -> bytes:
    with open_copy(item) as stream:
        return stream.read()


def test_what_was_remembered_is_known_the_next_time(tmp_path: Path) -> None:
    before = whole(tmp_path, a="one", b="two")
    with state(tmp_path) as opened:
        known = opened.known("a")
        assert known is not None
        assert (known.item.version, known.notes, read(known.item)) == ("1", {"etag": "x"}, b"one")
        assert opened.known("c") is None
        assert opened.finish([known.item, taken(opened, "b", "two")]) == before


def test_what_is_gone_is_named_until_it_is_back(tmp_path: Path) -> None:
    whole(tmp_path, a="one", b="secret")
    for _ in range(2):  # looking twice does not use it up
        assert whole(tmp_path, a="one").vanished == (("b", "1"),)
    assert copies(tmp_path) == [b"one"]
    assert "secret" not in (next(tmp_path.rglob("known.jsonl"))).read_text(encoding="utf-8")
    assert whole(tmp_path, a="one", b="again").vanished == ()


def test_what_was_skipped_may_still_be_there(tmp_path: Path) -> None:
    whole(tmp_path, a="one", b="two")
    with state(tmp_path) as opened:
        found = opened.finish([taken(opened, "a", "one")], [("b", "the server is busy")])
    assert (found.vanished, found.skipped) == ((), (("b", "the server is busy"),))
    with state(tmp_path) as opened:
        assert opened.known("b") is not None


def test_an_interruption_loses_nothing_that_was_remembered(tmp_path: Path) -> None:
    with state(tmp_path) as opened:  # and no finish
        taken(opened, "a", "one")
        taken(opened, "b", "two", part="p")
    with next(tmp_path.rglob("known.jsonl")).open("a", encoding="utf-8") as file:
        file.write('{"item": {"uri": "torn", "loc')
    with state(tmp_path) as opened:
        known = [opened.known("a"), opened.known("b", "p"), opened.known("torn")]
        assert [each and read(each.item) for each in known] == [b"one", b"two", None]
        found = opened.finish([taken(opened, "c", "three")])
    assert [uri for uri, _ in found.vanished] == ["a", "b"]


def test_a_pack_that_a_power_cut_damaged_is_not_believed(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        taken(opened, "a", "one", part="p")
    (pack,) = tmp_path.rglob("packs/*")
    pack.write_bytes(b"\0\0\0")
    with state(tmp_path) as opened:
        assert opened.known("a", "p") is None


def test_a_missing_or_short_copy_is_not_known(tmp_path: Path) -> None:
    whole(tmp_path, a="one", b="two")
    first, second = sorted(tmp_path.rglob("bytes/*/*"), key=lambda path: path.read_bytes())
    first.unlink()
    second.write_bytes(b"t")
    with state(tmp_path) as opened:
        assert opened.known("a") is opened.known("b") is None


def test_packs_are_rewritten_without_what_is_gone(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        items = [taken(opened, uri, f"text of {uri}", part="p") for uri in "abc"]
        opened.remember_part("p", "1", items)
        opened.finish(items)
    with state(tmp_path) as opened:
        kept = [item for item in opened.items_of("p") if item.uri != "b"]
        opened.remember_part("p", "2", kept)
        found = opened.finish(kept)
    assert copies(tmp_path) == [b"text of atext of c"]
    assert [read(item) for item in found.items] == [b"text of a", b"text of c"]
    assert found.vanished == (("b", "1"),)


def test_the_same_name_in_two_parts_is_two_items(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        first, second = taken(opened, "a", "one", part="p"), taken(opened, "a", "two", part="q")
        opened.remember_part("p", "1", [first])
        opened.remember_part("q", "1", [second])
        assert read(opened.finish([second]).items[0]) == b"two"
    with state(tmp_path) as opened:
        opened.keep_parts(["p"])
        (left,) = opened.items_of("p")
        found = opened.finish([left])
    assert (read(found.items[0]), found.vanished) == (b"one", ())
    assert copies(tmp_path) == [b"one"]


def test_what_lies_outside_the_cache_is_left_alone(tmp_path: Path) -> None:
    mail = tmp_path / "inbox"
    mail.write_bytes(b"From a\nbody")
    with state(tmp_path / "cache") as opened:
        item = SourceItem("m", range_locator(str(mail), 7, 11), 4, "0" * 64, 1.0)
        found = opened.finish([opened.remember(item, str(mail))])
    assert read(found.items[0]) == b"body"
    assert mail.read_bytes() == b"From a\nbody"


def test_rights_fill_what_the_source_left_open(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        own = opened.remember(opened.keep([b"x"]).as_item("a", 1.0, owner="ada"))
        (item,) = opened.finish([own], rights=Rights(owner="it", region="eu")).items
    assert (item.owner, item.region) == ("ada", "eu")


def test_a_swept_copy_says_what_to_do(tmp_path: Path) -> None:
    (item,) = whole(tmp_path, a="one").items
    whole(tmp_path, a="two")
    with pytest.raises(InputError, match="copy is gone") as caught:
        open_copy(item)
    assert "again" in caught.value.fix


def test_sources_stay_apart_and_private(tmp_path: Path) -> None:
    with state(tmp_path, "here") as here, state(tmp_path, "there") as there:
        assert here.folder != there.folder
        assert here.folder.stat().st_mode & 0o077 == 0


def test_two_builds_do_not_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector_state, "_PATIENCE_SECONDS", 0.1)
    with state(tmp_path), pytest.raises(BusyError, match="another build"), state(tmp_path):
        pytest.fail("both were let in")


def test_nothing_and_nowhere_are_errors(tmp_path: Path) -> None:
    with state(tmp_path) as opened, pytest.raises(InputError, match="no documents") as caught:
        opened.finish([], [("a", "it is locked")])
    assert "it is locked" in caught.value.why
    with pytest.raises(UsageError, match="cache folder"):
        SourceState(None, "test", "here")
