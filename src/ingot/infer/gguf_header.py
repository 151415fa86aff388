"""Is this a GGUF file that an engine may open? Read here, with every length checked, before native code reads it.

The engines that open GGUF are written in C++, and their readers of this header have had holes that a file could use
(CVE-2024-23605, CVE-2025-53630, CVE-2026-27940 and others): a count that overflows, a length beyond the end, tensors
that lie outside the file or over one another. So a header is read here first, in order, by a reader that never takes a
number from the file on trust:

    magic and version -> how many tensors and fields -> fields (name, type, value) -> tensors (name, shape, type, place)

What one of our exports holds passes; what passes is what the specification allows, and less: arrays inside arrays,
types nobody has exported to for years, and sizes no model has are refused. Weights are not looked at. The time is
linear in the size of the header.
Source: the GGUF specification (ggml-org/ggml, docs/gguf.md), versions 2 and 3, little-endian.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from ingot.core.errors import InputError

_MAGIC, _VERSIONS = b"GGUF", (2, 3)
_MOST_NAME_BYTES = 128  # of a field: the specification allows 65,535, and nobody needs a tenth of this
_MOST_TENSOR_NAME_BYTES = 63  # llama.cpp keeps 64, the last of them zero
_MOST_DIMENSIONS = 4
_ALIGNMENT, _MOST_ALIGNMENT = 32, 1 << 20
_NAME = re.compile(rb"[a-zA-Z0-9_.\-]+")

# The kinds of values by their number: how struct reads a number, and its bytes.
_BOOL, _STRING, _ARRAY = 7, 8, 9
_NUMBERS = {
    **{0: ("B", 1), 1: ("b", 1), 2: ("H", 2), 3: ("h", 2), 4: ("I", 4), 5: ("i", 4), 6: ("f", 4)},
    **{_BOOL: ("B", 1), 10: ("Q", 8), 11: ("q", 8), 12: ("d", 8)},
}
# The types of tensors: weights in a block, and bytes of a block (f32, f16, bf16, q4_0 to q8_0, q2_K to q6_K).
BLOCKS: Mapping[int, tuple[int, int]] = {
    **{0: (1, 4), 1: (1, 2), 30: (1, 2)},
    **{2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34)},
    **{10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210)},
}
# Numbers that memory is asked for by, and that are divided by: 1 to what no model reaches.
_SIZES = {
    "block_count": 10_000,
    "context_length": 1 << 28,
    "embedding_length": 1 << 20,
    "vocab_size": 1 << 24,
    "attention.head_count": 1 << 16,
    "attention.head_count_kv": 1 << 16,
    "attention.key_length": 1 << 16,
    "attention.value_length": 1 << 16,
    "rope.dimension_count": 1 << 16,
}
_SIZES_OR_NONE = {"expert_count": 1 << 16, "expert_used_count": 1 << 16}
_TOKENS = "tokenizer.ggml.tokens"


@dataclass(frozen=True)
class _Array:
    kind: int
    length: int


Value = int | float | str | _Array


def check_gguf(path: Path) -> None:
    """Read the header of a file. Raises InputError when it is damaged, foreign, or made to harm."""
    with path.open("rb") as file:
        check_header(file, os.fstat(file.fileno()).st_size, str(path))


def check_header(file: BinaryIO, size: int, where: str) -> None:
    """Read a header from a file of `size` bytes. Raises InputError, as `check_gguf` does."""
    reading = _Reading(file, size, where)
    if reading.take(len(_MAGIC)) != _MAGIC:
        reading.refuse("it does not begin as a GGUF file does")
    (version,) = reading.numbers("I")
    if version not in _VERSIONS:
        reading.refuse(f"it says version {version}, and versions 2 and 3 are read")
    tensors, count = reading.numbers("QQ")
    fields = _fields(reading, reading.counted(count, least_bytes=13, what="fields"))
    _check_sizes(reading, fields)
    _check_tensors(reading, reading.counted(tensors, least_bytes=32, what="tensors"), _alignment(reading, fields))


class _Reading:
    """A file that is read in order, never beyond its end."""

    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file, self._where = file, where
        self.size, self.place = size, 0

    def take(self, count: int) -> bytes:
        self._pass(count)
        taken = self._file.read(count)
        if len(taken) != count:
            self.refuse("it became shorter while it was read")
        return taken

    def skip(self, count: int) -> None:
        self._pass(count)
        self._file.seek(count, os.SEEK_CUR)

    def numbers(self, how: str) -> tuple[int, ...]:
        return struct.unpack(f"<{how}", self.take(struct.calcsize(f"<{how}")))

    def name(self, most: int, what: str) -> str:
        (length,) = self.numbers("Q")
        if not 0 < length <= most:
            self.refuse(f"the name of a {what} has {length} bytes, where 1 to {most} may be")
        name = self.take(length)
        if not _NAME.fullmatch(name):
            self.refuse(f"{name[:40]!r} is no name of a {what}")
        return name.decode("ascii")

    def counted(self, count: int, least_bytes: int, what: str) -> int:
        """Return a count of things that the rest of the file has room for."""
        if count > (self.size - self.place) // least_bytes:
            self.refuse(f"it speaks of {count} {what}, which do not fit into it")
        return count

    def _pass(self, count: int) -> None:
        left = self.size - self.place
        if count > left:
            self.refuse(f"at byte {self.place} it speaks of {count} bytes more, and has {left}")
        self.place += count

    def refuse(self, why: str) -> NoReturn:
        raise InputError(
            "this GGUF file is not opened",
            where=self._where,
            why=f"{why}; it is damaged, or made to harm the program that opens it",
            fix="export the model again, or get the file again from where it came",
        )


def _fields(reading: _Reading, count: int) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for _ in range(count):
        name = reading.name(_MOST_NAME_BYTES, "field")
        if name in fields:
            reading.refuse(f"it has the field {name} twice")
        (kind,) = reading.numbers("I")
        fields[name] = _array(reading) if kind == _ARRAY else _value(reading, kind, name)
    return fields


def _value(reading: _Reading, kind: int, name: str) -> int | float | str:
    if kind == _STRING:
        (length,) = reading.numbers("Q")
        return reading.take(length).decode("utf-8", errors="replace")
    if kind not in _NUMBERS:
        reading.refuse(f"the field {name} is of an unknown kind, {kind}")
    (value,) = reading.numbers(_NUMBERS[kind][0])
    if kind == _BOOL and value > 1:
        reading.refuse(f"the field {name} is neither true nor false, but {value}")
    return value


def _array(reading: _Reading) -> _Array:
    kind, length = reading.numbers("IQ")
    if kind == _STRING:
        for _ in range(reading.counted(length, least_bytes=8, what="texts")):
            reading.skip(reading.numbers("Q")[0])
    elif kind in _NUMBERS:
        reading.skip(length * _NUMBERS[kind][1])
    else:
        reading.refuse(f"an array holds values of the kind {kind}")
    return _Array(kind, length)


def _alignment(reading: _Reading, fields: Mapping[str, Value]) -> int:
    alignment = fields.get("general.alignment", _ALIGNMENT)
    is_one = isinstance(alignment, int) and 8 <= alignment <= _MOST_ALIGNMENT and alignment.bit_count() == 1
    if not isinstance(alignment, int) or not is_one:
        reading.refuse(f"its tensors are said to begin at multiples of {alignment}")
    return alignment


def _check_sizes(reading: _Reading, fields: Mapping[str, Value]) -> None:
    """Refuse sizes that no model has, and ids of tokens that are none."""
    architecture = fields.get("general.architecture")
    if not isinstance(architecture, str):
        reading.refuse("it does not say what kind of model it holds")
    for sizes, least in ((_SIZES, 1), (_SIZES_OR_NONE, 0)):
        for size, most in sizes.items():
            value = fields.get(f"{architecture}.{size}", 1)
            if isinstance(value, _Array):  # one for each layer, which is counted there
                continue
            if not isinstance(value, int) or not least <= value <= most:
                reading.refuse(f"its {size} is {value}, where {least} to {most} may be")
    if _TOKENS in fields:
        _check_vocabulary(reading, fields)


def _check_vocabulary(reading: _Reading, fields: Mapping[str, Value]) -> None:
    tokens = fields[_TOKENS]
    if not isinstance(tokens, _Array) or tokens.kind != _STRING:
        reading.refuse("its vocabulary is no list of texts")
    for name, value in fields.items():
        if name.startswith("tokenizer.ggml.") and name.endswith("_token_id"):
            is_token = isinstance(value, int) and (0 <= value < tokens.length or value == 0xFFFFFFFF)  # the last: none
            if not is_token:
                reading.refuse(f"{name} is {value}, and the vocabulary has {tokens.length} tokens")
        if name in ("tokenizer.ggml.token_type", "tokenizer.ggml.scores"):
            is_whole = isinstance(value, _Array) and value.length == tokens.length and value.kind in _NUMBERS
            if not is_whole:
                reading.refuse(f"{name} does not have a number for each of {tokens.length} tokens")


def _check_tensors(reading: _Reading, count: int, alignment: int) -> None:
    """Refuse tensors that are not whole in the file, or lie over one another."""
    seen: set[str] = set()
    places: list[tuple[int, int, str]] = []
    for _ in range(count):
        name = reading.name(_MOST_TENSOR_NAME_BYTES, "tensor")
        if name in seen:
            reading.refuse(f"it has the tensor {name} twice")
        seen.add(name)
        (dimensions,) = reading.numbers("I")
        if not 1 <= dimensions <= _MOST_DIMENSIONS:
            reading.refuse(f"the tensor {name} has {dimensions} dimensions")
        shape = reading.numbers(f"{dimensions}Q")
        kind, offset = reading.numbers("IQ")
        places.append((offset, offset + _tensor_bytes(reading, name, shape, kind), name))
        if offset % alignment:
            reading.refuse(f"the tensor {name} begins at byte {offset}, which is no multiple of {alignment}")
    room = reading.size - math.ceil(reading.place / alignment) * alignment
    end = 0
    for begin, following, name in sorted(places):
        if begin < end:
            reading.refuse(f"the tensor {name} lies over the one before it")
        if following > room:
            reading.refuse(f"the tensor {name} ends at byte {following} of {max(room, 0)}")
        end = following


def _tensor_bytes(reading: _Reading, name: str, shape: tuple[int, ...], kind: int) -> int:
    if kind not in BLOCKS:
        reading.refuse(f"the tensor {name} is of an unknown type, {kind}")
    if min(shape) < 1:
        reading.refuse(f"the tensor {name} is empty")
    block, size = BLOCKS[kind]
    if shape[0] % block:
        reading.refuse(f"a row of the tensor {name} has {shape[0]} weights, which is no multiple of {block}")
    # Python's whole numbers do not overflow: what no file can hold ends above.
    return math.prod(shape) // block * size
