"""Messages of mbox files, Maildirs and folders of files, each once and by a name that stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.connectors.mailbox import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors.counting import bytes_read
from tests.data.connectors.reading import contents


def message(number: int, text: str = "Hello.") -> str:
    date = f"Date: Mon, {number:02} Nov 2026 10:00:00 +0100\n" if number else ""
    identity = f"Message-ID: <{number}.x@example.org>\n" if number else ""
    return f"From: Ada <ada@example.org>\n{identity}{date}Subject: Number {number}\n\n{text}\n"


def mbox(*messages: str) -> str:
    return "".join(f"From ada@example.org Mon Nov  2 10:00:00 2026\n{each}\n" for each in messages)


def snapshot(place: Path, cache: Path) -> Snapshot:
    return Connector(Config((str(place),), rights=Rights(access=("ada",))), cache).snapshot()


def test_an_mbox_is_a_document_for_each_message(tmp_path: Path) -> None:
    body = "Line.\n>From here on.\nFrom the middle of a paragraph, which begins no message.\n"
    (tmp_path / "in.mbox").write_text(mbox(message(1), message(2, body)), encoding="utf-8")
    found = snapshot(tmp_path / "in.mbox", tmp_path / "cache")
    read = contents(found)
    assert list(read) == ["in.mbox/1.x@example.org.eml", "in.mbox/2.x@example.org.eml"]
    assert read["in.mbox/1.x@example.org.eml"].decode() == message(1) + "\n"
    assert b"which begins no message" in read["in.mbox/2.x@example.org.eml"]
    first = found.items[0]
    assert (first.media_type, first.access, first.modified) == ("message/rfc822", ("ada",), 1793523600.0)


def test_an_mbox_that_did_not_change_is_not_opened(tmp_path: Path) -> None:
    box = tmp_path / "mail" / "Archive"
    box.parent.mkdir()
    box.write_text(mbox(*(message(number % 28 + 1, "word " * 200_000) for number in range(12))), encoding="utf-8")
    before, cost = bytes_read(lambda: snapshot(box.parent, tmp_path / "cache"))
    again, less = bytes_read(lambda: snapshot(box.parent, tmp_path / "cache"))
    assert again == before
    assert cost > box.stat().st_size > 50 * less


def test_a_message_keeps_its_name_when_the_box_is_tidied(tmp_path: Path) -> None:
    box = tmp_path / "in.mbox"
    box.write_text(mbox(message(1), message(2), message(3)), encoding="utf-8")
    before = {item.uri: item.sha256 for item in snapshot(box, tmp_path / "cache").items}
    box.write_text(mbox(message(3), message(2)), encoding="utf-8")
    found = snapshot(box, tmp_path / "cache")
    assert {item.uri: item.sha256 for item in found.items}.items() < before.items()
    assert found.vanished == (("in.mbox/1.x@example.org.eml", None),)
    assert b"Number 2" in contents(found)["in.mbox/2.x@example.org.eml"]


def test_messages_without_an_identity_and_twice_the_same(tmp_path: Path) -> None:
    box = tmp_path / "in.mbox"
    box.write_text(mbox(message(0, "a"), message(0, "b"), message(1), message(1)), encoding="utf-8")
    found = snapshot(box, tmp_path / "cache")
    assert len(found.items) == 3
    assert found.skipped == (("in.mbox/1.x@example.org.eml (again)", "another message has the same Message-ID"),)


def test_an_identity_is_a_name_and_never_a_path(tmp_path: Path) -> None:
    hostile = "Message-ID: <../../etc/passwd\0\x1b[2J>\n\ntext\n"
    (tmp_path / "in.mbox").write_text(mbox(hostile), encoding="utf-8")
    (item,) = snapshot(tmp_path / "in.mbox", tmp_path / "cache").items
    assert item.uri == "in.mbox/..%2F..%2Fetc%2Fpasswd%00%1B%5B2J.eml"


def maildir(place: Path) -> Path:
    for folder in ("cur", "new", "tmp"):
        (place / folder).mkdir(parents=True)
    (place / "new" / "1700.M1.host").write_text(message(1), encoding="utf-8")
    (place / "cur" / "1700.M2.host:2,S").write_text(message(2), encoding="utf-8")
    (place / "tmp" / "half").write_text("half a message", encoding="utf-8")
    return place


def test_a_maildir_names_messages_without_their_flags(tmp_path: Path) -> None:
    place = maildir(tmp_path / "mail")
    maildir(place / ".Sent")
    (place / "dovecot.index").write_bytes(b"\0" * 100)
    before = snapshot(place, tmp_path / "cache")
    names = [item.uri for item in before.items]
    assert names == [".Sent/1700.M1.host.eml", ".Sent/1700.M2.host.eml", "1700.M1.host.eml", "1700.M2.host.eml"]
    (place / "new/1700.M1.host").rename(place / "cur/1700.M1.host:2,RS")
    after = snapshot(place, tmp_path / "cache")
    assert (after.digest, after.vanished) == (before.digest, ())
    assert contents(after)["1700.M1.host.eml"].decode() == message(1)


def test_message_files_lie_where_they_are(tmp_path: Path) -> None:
    place = tmp_path / "mails"
    (place / "deep").mkdir(parents=True)
    (place / "a.eml").write_text(message(1), encoding="utf-8")
    (place / "deep/b.MSG").write_bytes(b"\xd0\xcf\x11\xe0")
    (place / "notes.txt").write_text("not mail", encoding="utf-8")
    found = snapshot(place, tmp_path / "cache")
    assert [(item.uri, item.media_type) for item in found.items] == [
        ("a.eml", "message/rfc822"),
        ("deep/b.MSG", None),
    ]
    assert found.items[0].locator == str(place / "a.eml")


def test_message_files_that_did_not_change_are_not_read(tmp_path: Path) -> None:
    place = tmp_path / "mails"
    place.mkdir()
    for number in range(5):
        (place / f"{number}.eml").write_text(message(1, "word " * 400_000), encoding="utf-8")
    before, cost = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    again, less = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    assert again == before
    assert cost > 10_000_000 > 50 * less


def test_what_is_no_mbox_is_listed(tmp_path: Path) -> None:
    (tmp_path / "in.mbox").write_text("just text\n", encoding="utf-8")
    (tmp_path / "a.eml").write_text(message(1), encoding="utf-8")
    (tmp_path / "gone.eml").symlink_to(tmp_path / "nowhere")
    found = snapshot(tmp_path, tmp_path / "cache")
    assert [item.uri for item in found.items] == ["a.eml"]
    reasons = dict(found.skipped)
    assert "not an mbox" in reasons["in.mbox"]
    assert "link" in reasons["gone.eml"]


def test_too_large_a_message_costs_only_itself(tmp_path: Path) -> None:
    box = tmp_path / "in.mbox"
    box.write_text(mbox(message(1, "x" * (66 << 20)), message(2)), encoding="utf-8")
    found = snapshot(box, tmp_path / "cache")
    assert list(contents(found)) == ["in.mbox/2.x@example.org.eml"]
    assert "larger than" in dict(found.skipped)["in.mbox/1.x@example.org.eml"]


def test_a_folder_without_mail_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not mail", encoding="utf-8")
    with pytest.raises(InputError, match="no documents"):
        snapshot(tmp_path, tmp_path / "cache")
