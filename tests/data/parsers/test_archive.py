"""Archives give their files, and nothing else: no path, no link, no device, no flood."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import pytest
import zstandard

from ingot.core.errors import InputError
from ingot.data.document import Member, Unreadable
from tests.data.samples import packed, parse


def inside(uri: str, payload: bytes, **options: Any) -> dict[str, bytes | str]:
    """Return what an archive holds: contents by name, or the reason there is none."""
    found: dict[str, bytes | str] = {}
    for part in list[Any](parse("archive", uri, payload, **options)):
        assert isinstance(part, Member | Unreadable)
        found[part.name] = part.stream.read() if isinstance(part, Member) else part.reason.what
    return found


def tar_bytes(*members: tuple[str, bytes | None, bytes], mode: str = "w") -> bytes:
    """Return a tar archive of (name, content, type); a link has no content and leads to /etc/passwd."""
    target = io.BytesIO()
    # The mode comes from the parameters; typeshed wants it written out.
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return target.getvalue()


def test_a_zip() -> None:
    payload = packed({"a.txt": b"one", "deep/b.txt": b"two", "../../escape.txt": b"three", "folder/": b""})
    assert inside("a.zip", payload) == {"a.txt": b"one", "deep/b.txt": b"two", "escape.txt": b"three"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_however_packed(mode: str) -> None:
    payload = tar_bytes(
        ("a.txt", b"one", tarfile.REGTYPE),
        ("/etc/b.txt", b"two", tarfile.REGTYPE),
        ("link", None, tarfile.SYMTYPE),
        ("hard", None, tarfile.LNKTYPE),
        ("null", None, tarfile.CHRTYPE),
        ("disk", None, tarfile.BLKTYPE),
        ("pipe", None, tarfile.FIFOTYPE),
        ("folder", None, tarfile.DIRTYPE),
        mode=mode,
    )
    no_file = "it is a link or a device, not a file"
    assert inside("a.tar.gz", payload) == {
        **{"a.txt": b"one", "etc/b.txt": b"two"},
        **dict.fromkeys(("link", "hard", "null", "disk", "pipe"), no_file),
    }


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_compressed_file(pack: Any) -> None:
    assert inside("folder/report.csv.gz", pack(b"a,b\n")) == {"report.csv": b"a,b\n"}


def test_a_large_compressed_file_is_read_on_the_fly() -> None:
    content = b"a line of text\n" * 100_000
    assert inside("log.txt.gz", gzip.compress(content), member_bytes=1000) == {"log.txt": content}
    refused = inside("log.txt.zst", zstandard.compress(content), member_bytes=1000)
    assert refused == {"log.txt": "it is too large to be read inside an archive"}


def test_large_and_locked_members_cost_only_themselves() -> None:
    payload = bytearray(packed({"large.txt": b"x" * 2000, "small.txt": b"y"}))
    assert inside("a.zip", bytes(payload), member_bytes=1000) == {
        "large.txt": "it is too large to be read inside an archive",
        "small.txt": b"y",
    }
    place = payload.index(b"PK\x01\x02")
    payload[place + 8] |= 1  # the mark of encryption
    assert inside("a.zip", bytes(payload))["large.txt"] == "it is protected by a password"


def test_a_link_in_a_zip_is_not_followed() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("link.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert inside("a.zip", target.getvalue()) == {"link.txt": "it is a link or a device, not a file"}


def test_names_that_occur_twice_stay_two() -> None:
    payload = tar_bytes(*[("a/b.txt", b"%d" % number, tarfile.REGTYPE) for number in range(3)])
    assert inside("a.tar", payload) == {"a/b.txt": b"0", "a/2-b.txt": b"1", "a/3-b.txt": b"2"}


def zeros(size: int, window_bits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def test_a_gzip_bomb_is_refused() -> None:
    with pytest.raises(InputError, match="far more than its size"):
        inside("a.gz", zeros(200 << 20, 31))


def test_a_zip_whose_header_lies_about_its_size_is_refused() -> None:
    content = zeros(200 << 20, -15)
    entry = struct.pack("<HHHHHIII", 20, 0, 8, 0, 0, 0, len(content), 10)
    local = b"PK\x03\x04" + entry + struct.pack("<HH", 1, 0) + b"a"
    central = b"PK\x01\x02" + struct.pack("<H", 20) + entry + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(content), 0)
    found = inside("a.zip", local + content + central + end)
    assert found == {"a": "it is damaged or incomplete"}  # the library stops at the size it was told


def test_many_small_files_that_overlap_are_refused() -> None:
    content = packed({str(number): b"\0" * (4 << 20) for number in range(40)})
    with pytest.raises(InputError, match="far more than its size"):
        inside("a.zip", content)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (packed({}), "no file in it"),
        (packed({"a": b"x"})[:20], "damaged"),
        (tar_bytes(("a", b"x" * 5000, tarfile.REGTYPE))[:2000], "damaged"),
        (gzip.compress(b"x" * 1000)[:15], "damaged"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "not an archive"),
        (b"plain", "not an archive"),
    ],
    ids=["empty", "cut zip", "cut tar", "cut gzip", "no 7z", "plain"],
)
def test_what_cannot_be_unpacked_has_a_reason(payload: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        inside("a.zip", payload)
    assert caught.value.fix
