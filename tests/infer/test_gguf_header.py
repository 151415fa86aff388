"""A header that is read before native code reads it: ours pass, and nothing made to harm does harm."""

from __future__ import annotations

import io
import random
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.constants import GGML_QUANT_SIZES

from ingot.core.errors import IngotError, InputError
from ingot.infer.exporters.gguf import Config, export
from ingot.infer.gguf_header import BLOCKS, check_gguf, check_header
from ingot.infer.run import MODEL_FILE
from ingot.infer.supervised import Engine

EXTREMES = (0, 1, 0x7F, 0xFF, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 62, 1 << 63, (1 << 63) - 1, (1 << 64) - 1)


@pytest.fixture(scope="module")
def exported(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / MODEL_FILE
    export(model_folder, path, Config("f16"))
    return path


@pytest.mark.parametrize("kind", ["f32", "f16", "q8_0"])
def test_what_is_exported_passes(model_folder: Path, tmp_path: Path, kind: str) -> None:
    export(model_folder, tmp_path / "one.gguf", Config(kind))  # type: ignore[arg-type]  # a literal, one of these
    check_gguf(tmp_path / "one.gguf")


def test_blocks_are_those_of_the_format() -> None:
    theirs = {int(kind): sizes for kind, sizes in GGML_QUANT_SIZES.items()}
    assert {kind: theirs[kind] for kind in BLOCKS} == dict(BLOCKS)


def made(path: Path, change: Callable[[gguf.GGUFWriter], object] = lambda writer: None) -> Path:
    """Write a small file with the writer of the format, after a change."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_token_list([b"a", b"b"])
    change(writer)
    writer.add_tensor("one", np.zeros((2, 32), dtype=np.float32))
    writer.add_tensor("two", np.zeros(8, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_file_of_the_writer_of_the_format_passes(tmp_path: Path) -> None:
    check_gguf(made(tmp_path / "one.gguf"))
    check_gguf(made(tmp_path / "two.gguf", lambda writer: writer.add_array("scores", [1, 2, 3])))
    check_gguf(made(tmp_path / "three.gguf", lambda writer: writer.add_custom_alignment(64)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda writer: writer.add_block_count(1 << 31), "block_count"),
        (lambda writer: writer.add_head_count(0), "head_count"),
        (lambda writer: writer.add_bos_token_id(2), "bos_token_id"),
        (lambda writer: writer.add_token_types([1]), "token_type"),
        (lambda writer: writer.add_uint32("general.alignment", 3), "multiples"),
        (lambda writer: writer.add_uint32("general.alignment", 0), "multiples"),
        (lambda writer: writer.add_string("n" * 129, "x"), "129 bytes"),
        (lambda writer: writer.add_string("a b", "x"), "no name"),
    ],
)
def test_sizes_no_model_has_are_refused(tmp_path: Path, change: Callable[[gguf.GGUFWriter], object], said: str) -> None:
    with pytest.raises(InputError) as caught:
        check_gguf(made(tmp_path / "one.gguf", change))
    assert said in caught.value.why
    assert caught.value.where == str(tmp_path / "one.gguf")
    assert caught.value.fix


def info_of(content: bytes, name: str) -> int:
    """Return where the description of a tensor begins after its name."""
    return content.index(struct.pack("<Q", len(name)) + name.encode()) + 8 + len(name)


@pytest.mark.parametrize(
    ("at", "number", "said"),
    [
        (0, struct.pack("<I", 5), "5 dimensions"),
        (0, struct.pack("<I", 0), "0 dimensions"),
        (4, struct.pack("<Q", 1 << 62), "ends at byte"),  # 4 bytes each: overflows 64 bits where they are counted
        (4, struct.pack("<Q", 0), "is empty"),
        (20, struct.pack("<I", 19), "unknown type"),
        (20, struct.pack("<I", 14), "no multiple of 256"),
        (24, struct.pack("<Q", 8), "no multiple of 32"),
        (24, struct.pack("<Q", 1 << 40), "ends at byte"),
        (24, struct.pack("<Q", 256), "over the one before"),
        (24, struct.pack("<Q", (1 << 64) - 32), "ends at byte"),
    ],
)
def test_tensors_that_are_not_where_they_say_are_refused(tmp_path: Path, at: int, number: bytes, said: str) -> None:
    path = made(tmp_path / "one.gguf")
    content = bytearray(path.read_bytes())
    place = info_of(bytes(content), "one") + at
    content[place : place + len(number)] = number
    with pytest.raises(InputError) as caught:
        check_header(io.BytesIO(content), len(content), "here")
    assert said in caught.value.why


@pytest.mark.parametrize(
    ("at", "number"),
    [
        (0, b"GGML"),
        (4, struct.pack("<I", 1)),
        (4, struct.pack(">I", 3)),
        (8, struct.pack("<Q", 1 << 63)),
        (16, struct.pack("<Q", (1 << 64) - 1)),
        (24, struct.pack("<Q", 1 << 63)),
    ],
)
def test_a_head_that_lies_is_refused(exported: Path, at: int, number: bytes) -> None:
    content = bytearray(exported.read_bytes())
    content[at : at + len(number)] = number
    with pytest.raises(InputError):
        check_header(io.BytesIO(content), len(content), "here")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    content = made(tmp_path / "one.gguf").read_bytes()
    for length in range(len(content) - 32):  # what lies behind the last tensor only fills up
        with pytest.raises(InputError):
            check_header(io.BytesIO(content[:length]), length, "here")


class Counted(io.BytesIO):
    """Counts how often it is read from: work that no clock can be wrong about."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


def mutated(content: bytes, header: int, random_source: random.Random) -> bytes:
    """Return a header with one to four changes that a file made to harm, or a broken disk, would have."""
    changed = bytearray(content)
    for _ in range(random_source.randint(1, 4)):
        place = random_source.randrange(header)
        how = random_source.randrange(5)
        if how == 0:
            changed[place] ^= 1 << random_source.randrange(8)
        elif how == 1:
            width = random_source.choice("IQ")
            number = struct.pack(f"<{width}", random_source.choice(EXTREMES) % (1 << (32 if width == "I" else 64)))
            changed[place : place + len(number)] = number
        elif how == 2:
            other = random_source.randrange(header)
            changed[place : place + 16] = content[other : other + 16]
        elif how == 3:
            del changed[place : place + random_source.randint(1, 64)]
        else:
            changed[place:place] = random_source.randbytes(random_source.randint(1, 64))
    return bytes(changed)


def passed(content: bytes, header: int, seeds: range) -> list[int]:
    """Return the seeds whose mutation passes; the others are refused, in no more reads than there are bytes."""
    found = []
    for seed in seeds:
        file = Counted(mutated(content, header, random.Random(seed)))
        size = len(file.getvalue())
        with suppress(InputError):
            check_header(file, size, "here")
            found.append(seed)
        assert file.reads <= size
    return found


def header_bytes(path: Path) -> int:
    """Return where the tensors begin."""
    return int(gguf.GGUFReader(path).data_offset)


def test_mutations_are_refused_or_pass_and_nothing_else(exported: Path) -> None:
    seeds = range(1000)
    found = passed(exported.read_bytes(), header_bytes(exported), seeds)
    assert 0 < len(found) < len(seeds)


@pytest.mark.slow
def test_ten_thousand_mutations(exported: Path) -> None:
    passed(exported.read_bytes(), header_bytes(exported), range(1000, 11_000))


@pytest.mark.slow
def test_mutations_that_pass_do_not_reach_the_server(exported: Path, model_folder: Path, tmp_path: Path) -> None:
    """What is left to native code happens in the child: it answers, or says no, or dies alone."""
    pytest.importorskip("xllamacpp")
    content, header = exported.read_bytes(), header_bytes(exported)
    for seed in passed(content, header, range(300))[:6]:
        folder = tmp_path / str(seed)
        shutil.copytree(model_folder, folder)
        (folder / MODEL_FILE).write_bytes(mutated(content, header, random.Random(seed)))
        try:
            engine = Engine("llamacpp", folder, 1)
        except IngotError:
            continue
        engine.close()
