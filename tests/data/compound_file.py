"""A writer of small compound files ([MS-CFB] version 3), so that tests need no Outlook."""

from __future__ import annotations

import struct

_SECTOR, _MINI = 512, 64
_END, _FREE, _NOTHING, _TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFD
_CUTOFF = 4096


def compound_bytes(streams: dict[str, bytes]) -> bytes:
    """Return a compound file of these streams by path; folders are made as needed."""
    mini, mini_chain, small = _minis({path: content for path, content in streams.items() if len(content) < _CUTOFF})
    sectors: list[bytes] = []
    chain: list[int] = []
    starts = {path: _add(content, sectors, chain) for path, content in streams.items() if path not in small}
    mini_start = _add(mini, sectors, chain)
    table_start = _add(struct.pack(f"<{len(mini_chain)}I", *mini_chain), sectors, chain)
    entries = _entries({path: (starts.get(path, small.get(path, _END)), len(each)) for path, each in streams.items()})
    entries[0] = _entry("Root Entry", 5, child=1 if len(entries) > 1 else _NOTHING, start=mini_start, size=len(mini))
    directory = _add(b"".join(entries), sectors, chain)
    tables = next(count for count in range(1, 100) if count * _SECTOR // 4 >= len(chain) + count)
    chain += [_TABLE] * tables
    places = list(range(len(sectors), len(sectors) + tables))
    chain += [_FREE] * (tables * _SECTOR // 4 - len(chain))
    table = struct.pack(f"<{len(chain)}I", *chain)
    header = struct.pack("<8s16x5H6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<10I", 0, tables, directory, 0, _CUTOFF, table_start, 1, _END, 0, places[0])
    header += struct.pack("<108I", *[*places[1:], *[_FREE] * (109 - tables)])
    return header + b"".join(sectors) + table


def _minis(streams: dict[str, bytes]) -> tuple[bytes, list[int], dict[str, int]]:
    mini, chain, starts = b"", [], {}
    for path, content in streams.items():
        count = -(-len(content) // _MINI)
        starts[path] = len(chain) if count else _END
        chain += [*range(len(chain) + 1, len(chain) + count), _END][:count] if count else []
        mini += content.ljust(count * _MINI, b"\0")
    return mini, chain, starts


def _add(content: bytes, sectors: list[bytes], chain: list[int]) -> int:
    """Append content in sectors of its own and return the first."""
    if not content:
        return _END
    start = len(sectors)
    parts = [content[place : place + _SECTOR].ljust(_SECTOR, b"\0") for place in range(0, len(content), _SECTOR)]
    sectors += parts
    chain += [*range(start + 1, start + len(parts)), _END]
    return start


def _entries(places: dict[str, tuple[int, int]]) -> list[bytes]:
    """Return the directory, without its root: storages one level deep, in the order of the format, chained right."""
    entries = [b""]
    top = _ordered({path.split("/")[0] for path in places})
    inner = {name: _ordered({path.split("/")[1] for path in places if path.startswith(f"{name}/")}) for name in top}
    for name in top:
        following = len(entries) + 1 + len(inner[name])
        right = _NOTHING if name == top[-1] else following
        if not inner[name]:
            entries.append(_entry(name, 2, right=right, start=places[name][0], size=places[name][1]))
            continue
        entries.append(_entry(name, 1, right=right, child=len(entries) + 1))
        for each in inner[name]:
            start, size = places[f"{name}/{each}"]
            right = _NOTHING if each == inner[name][-1] else len(entries) + 1
            entries.append(_entry(each, 2, right=right, start=start, size=size))
    return entries


def _ordered(names: set[str]) -> list[str]:
    return sorted(names, key=lambda name: (len(name), name.upper()))


def _entry(name: str, kind: int, right: int = _NOTHING, child: int = _NOTHING, start: int = 0, size: int = 0) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    fields = struct.pack("<64sHBB3I36xIQ", wide, len(wide), kind, 1, _NOTHING, right, child, start, size)
    assert len(fields) == 128
    return fields


def message_bytes(subject: str, body: str, attachments: dict[str, bytes]) -> bytes:
    """Return an Outlook message."""
    text = {"0037": subject, "1000": body, "0C1A": "Anna", "0C1F": "anna@example.com", "001A": "IPM.Note"}
    streams = {f"__substg1.0_{tag}001F": value.encode("utf-16-le") for tag, value in text.items()}
    streams["__properties_version1.0"] = bytes(32)
    for number, (name, content) in enumerate(attachments.items()):
        folder = f"__attach_version1.0_#{number:08X}"
        streams[f"{folder}/__properties_version1.0"] = bytes(8)
        streams[f"{folder}/__substg1.0_37010102"] = content
        streams[f"{folder}/__substg1.0_3707001F"] = name.encode("utf-16-le")
    return compound_bytes(streams)
