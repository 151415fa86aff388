"""What hostile archives try, and get nothing for."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from ingot.core.errors import InputError
from ingot.data.packed import PackedFile, packed_files
from tests.data.connectors.exports import zip_bytes


def files(content: bytes) -> dict[str, PackedFile]:
    return {file.name: file for file in packed_files(io.BytesIO(content))}


def test_files_are_read_in_the_order_of_their_names() -> None:
    found = files(zip_bytes({"b/c.txt": "two", "a.txt": "one", "empty/": ""}))
    assert [(name, file.read()) for name, file in found.items()] == [("a.txt", b"one"), ("b/c.txt", b"two")]
    assert found["a.txt"].modified == 1793613600.0


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\windows\\x.txt", "windows/x.txt"),
        ("C:\\x.txt", "C:/x.txt"),
        ("a/./b/../c.txt", "a/b/c.txt"),
        ("a\x1b[2Jb.txt", "a\\x1b[2Jb.txt"),
    ],
)
def test_a_name_leads_nowhere(name: str, safe: str) -> None:
    assert list(files(zip_bytes({name: "x"}))) == [safe]


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060660, 0o010644], ids=["link", "device", "disk", "pipe"])
def test_what_is_no_file_is_not_read(mode: int) -> None:
    found = files(zip_bytes({"evil": "/etc/passwd", "good": "x"}, {"evil": mode}))
    assert "not a file" in found["evil"].reason
    assert found["evil"].read() == b""
    assert found["good"].read() == b"x"


def test_a_bomb_is_stopped_whatever_its_header_says() -> None:
    with pytest.raises(InputError, match="far more than its size"):
        files(zip_bytes({"bomb": bytes(200 << 20)}))["bomb"].read()
    huge = zip_bytes({"bomb": bytes(500 << 20)})
    assert "larger than" in files(huge)["bomb"].reason
    lying = huge.replace(struct.pack("<I", 500 << 20), struct.pack("<I", 1000))
    with pytest.raises(InputError, match="damaged"):
        files(lying)["bomb"].read()


def test_members_that_share_their_bytes_are_refused() -> None:
    """The bomb without nesting (Fifield 2019): many entries of the directory point at the same data."""
    whole = zip_bytes({"a": bytes(1 << 20)})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        start = archive.start_dir
    directory = whole[start:-22]
    entries = b"".join(directory.replace(b"a", bytes([letter])) for letter in range(97, 123) for _ in range(50))
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1300, 1300, len(entries), start, 0)
    with pytest.raises(InputError, match="not an honest archive"):
        files(whole[:start] + entries + end)


def test_archives_inside_are_opened_once() -> None:
    inner = zip_bytes({"page.md": "text", "deeper.zip": zip_bytes({"x": "y"})})
    found = files(zip_bytes({"Part-1.zip": inner, "a.md": "one"}))
    assert list(found) == ["deeper.zip", "page.md", "a.md"]
    assert found["page.md"].read() == b"text"


def test_a_broken_archive_inside_costs_only_itself() -> None:
    found = files(zip_bytes({"bad.zip": b"PK\3\4 rubbish", "a.md": "one"}))
    assert "damaged" in found["bad.zip"].reason
    assert found["a.md"].read() == b"one"


def test_damage_is_told() -> None:
    whole = bytearray(zip_bytes({"a.txt": "text " * 1000}))
    whole[40] ^= 0xFF
    with pytest.raises(InputError, match="damaged"):
        files(bytes(whole))["a.txt"].read()
    for content in (b"", b"no archive", bytes(whole[:60])):
        with pytest.raises(InputError, match="damaged"):
            files(content)


def test_a_password_is_told() -> None:
    locked = bytearray(zip_bytes({"a.txt": "x"}))
    locked[6] |= 1
    place = bytes(locked).index(b"PK\1\2")
    locked[place + 8] |= 1
    assert "password" in files(bytes(locked))["a.txt"].reason
