"""Pages out of web archives: the latest capture of each, of the hosts and kinds that were asked for."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.connectors.warc import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.counting import bytes_read
from tests.data.connectors.reading import texts

PAGE = b"<html><body><p>%s</p></body></html>"


class Archive:
    """Writes captures into a WARC file, as ISO 28500 describes it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")
        self._is_packed = path.suffix == ".gz"

    def capture(
        self, url: str, body: bytes, *, date: str = "2026-11-01T10:00:00Z", status: str = "200 OK", **headers: str
    ) -> None:
        named = {"Content-Type": "text/html; charset=utf-8", **{k.replace("_", "-"): v for k, v in headers.items()}}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items()), "", ""]
        self.write(url, "response", "\r\n".join(lines).encode() + body, date)

    def write(self, url: str, kind: str, block: bytes, date: str = "2026-11-01T10:00:00Z") -> None:
        named = {"WARC-Type": kind, "WARC-Record-ID": "<urn:uuid:0>", "WARC-Date": date, "WARC-Target-URI": url}
        named |= {"Content-Type": f"application/http; msgtype={kind}", "Content-Length": str(len(block))}
        lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
        record = "\r\n".join(lines).encode() + block + b"\r\n\r\n"
        self._file.write(gzip.compress(record) if self._is_packed else record)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def snapshot(place: Path, cache: Path, **options: Any) -> Snapshot:
    return Connector(Config((str(place),), **options), cache).snapshot()


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_pages_are_named_by_address_and_dated_by_capture(tmp_path: Path, name: str) -> None:
    with Archive(tmp_path / name) as archive:
        archive.write("https://example.org/", "request", b"GET / HTTP/1.1\r\n\r\n")
        archive.capture("https://example.org/", PAGE % b"one")
        archive.capture("https://example.org/b?c=1", PAGE % b"two", Content_Type="application/xhtml+xml")
    found = snapshot(tmp_path / name, tmp_path / "cache")
    assert texts(found) == {
        "https://example.org/": "<html><body><p>one</p></body></html>",
        "https://example.org/b?c=1": "<html><body><p>two</p></body></html>",
    }
    first = found.items[0]
    assert (first.version, first.media_type) == ("2026-11-01T10:00:00Z", "text/html")
    assert first.modified == 1793527200.0


def test_the_latest_capture_counts(tmp_path: Path) -> None:
    with Archive(tmp_path / "w" / "a.warc.gz") as archive:
        archive.capture("https://example.org/", b"newest", date="2026-11-03T10:00:00Z")
        archive.capture("https://example.org/", b"oldest", date="2026-11-01T10:00:00Z")
    assert texts(snapshot(tmp_path / "w", tmp_path / "cache")) == {"https://example.org/": "newest"}
    with Archive(tmp_path / "w" / "b.warc.gz") as archive:
        archive.capture("https://example.org/", b"of the last archive", date="2026-11-04T10:00:00Z")
    for _ in range(2):
        assert texts(snapshot(tmp_path / "w", tmp_path / "cache")) == {"https://example.org/": "of the last archive"}
    (tmp_path / "w" / "b.warc.gz").unlink()
    found = snapshot(tmp_path / "w", tmp_path / "cache")
    assert texts(found) == {"https://example.org/": "newest"}
    assert found.vanished == ()


def test_what_was_not_asked_for_stays_out(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.warc") as archive:
        archive.capture("https://docs.example.org/", b"wanted")
        archive.capture("https://example.com/", b"other host")
        archive.capture("https://docs.example.org/gone", b"gone", status="404 Not Found")
        archive.capture("https://docs.example.org/moved", b"", status="301 Moved")
        archive.capture("https://docs.example.org/x.png", b"\x89PNG", Content_Type="image/png")
        archive.capture("ftp://docs.example.org/", b"no page")
        archive.capture("https://docs.example.org/" + "x" * 3000, b"too long a name")
        archive.capture("https://[docs.example.org/", b"no address")
    found = snapshot(tmp_path / "a.warc", tmp_path / "cache", hosts=("*.example.org",))
    assert texts(found) == {"https://docs.example.org/": "wanted"}


def test_packed_and_chunked_answers_are_undone(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.warc") as archive:
        archive.capture("https://example.org/gzip", gzip.compress(b"packed"), Content_Encoding="gzip")
        archive.capture("https://example.org/parts", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    found = snapshot(tmp_path / "a.warc", tmp_path / "cache")
    assert texts(found) == {"https://example.org/gzip": "packed", "https://example.org/parts": "abcde"}


def test_a_bomb_costs_only_itself(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.warc.gz") as archive:
        archive.capture("https://example.org/bomb", gzip.compress(bytes(200 << 20)), Content_Encoding="gzip")
        archive.capture("https://example.org/good", b"good")
    found = snapshot(tmp_path / "a.warc.gz", tmp_path / "cache", most_bytes=1 << 20)
    assert texts(found) == {"https://example.org/good": "good"}
    assert "larger than 1 MiB" in dict(found.skipped)["https://example.org/bomb"]


def test_an_archive_that_did_not_change_is_not_opened(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.warc") as archive:
        for number in range(20):
            archive.capture(f"https://example.org/{number}", b"word " * 200_000)
    before, cost = bytes_read(lambda: snapshot(tmp_path / "a.warc", tmp_path / "cache"))
    again, less = bytes_read(lambda: snapshot(tmp_path / "a.warc", tmp_path / "cache"))
    assert again == before
    assert cost > 20_000_000 > 50 * less


@pytest.mark.parametrize("content", [b"WARC/1.0\r\nrubbish", b"no archive at all, just text\n" * 10, b""])
def test_a_damaged_archive_costs_only_itself(tmp_path: Path, content: bytes) -> None:
    with Archive(tmp_path / "w" / "good.warc") as archive:
        archive.capture("https://example.org/", b"good")
    (tmp_path / "w" / "bad.warc").write_bytes(content)
    found = snapshot(tmp_path / "w", tmp_path / "cache")
    assert texts(found) == {"https://example.org/": "good"}
    assert set(dict(found.skipped)) <= {"bad.warc"}


def test_a_truncated_archive_gives_what_is_whole(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.warc.gz") as archive:
        archive.capture("https://example.org/a", b"first")
        archive.capture("https://example.org/b", b"second" * 10_000)
    whole = (tmp_path / "a.warc.gz").read_bytes()
    (tmp_path / "a.warc.gz").write_bytes(whole[:-40])
    found = snapshot(tmp_path / "a.warc.gz", tmp_path / "cache")
    assert texts(found)["https://example.org/a"] == "first"


def test_no_archive_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text", encoding="utf-8")
    with pytest.raises(InputError, match="no documents"):
        snapshot(tmp_path, tmp_path / "cache")
