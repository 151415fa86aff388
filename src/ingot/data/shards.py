"""Shards: a dataset as token ids, in as many files as its size asks for, and where in them each document lies.

    shards.json                      what all have in common, how many there will be, and the facts once all are there
    train/00000, train/00001, ...    one folder a shard (data/shard.py), in the order they are read
    held_out/00000, ...

Which documents make up which shard is decided before the first is encoded (data/selection.py), so shards are made
independently of one another, and a reader need not wait for the last of them. Where more text was given than is
wanted, documents are taken in the order of a hash of their ids. Canaries, where they are wanted, stand between the
documents of the training split (data/canaries.py); `canaries.json` names them.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ingot.core.errors import InputError
from ingot.core.events import Emit
from ingot.core.storage import fsync_tree, sha256_file, write_atomically
from ingot.core.tables import parts, shard_name
from ingot.data import canaries
from ingot.data.canaries import Planted
from ingot.data.config import TokenizeConfig
from ingot.data.selection import Selection, Share, bytes_per_token, documents, select
from ingot.data.shard import DESCRIPTION, Shard, ShardWriter, Tokens, damaged
from ingot.flow.tasks import NOTE_FILE, Task, TaskContext, Tasks
from ingot.tokenizer.codec import Codec

FORMAT = 2
SPLITS = ("train", "held_out")
# Enough to measure bits per byte to a thousandth; more would only cost time at every evaluation.
HELD_OUT_TOKENS = 4_000_000

_MANIFEST = "shards.json"
_FACTS = "facts"
_SMALL_VOCABULARY = 1 << 16
_BYTES_BETWEEN_REPORTS = 1_000_000
_SECONDS_BETWEEN_LOOKS = 1.0
_TRIED_DOCUMENTS = 64  # to know about how many tokens a text has
_FRAME_TOKENS = 2


def tokenize(
    dataset_folder: Path,
    tokenizer_folder: Path,
    out: Path,
    token_limit: int,
    emit: Emit,
    cores: int,
    held_out_limit: int = HELD_OUT_TOKENS,
    shard_bytes: int = TokenizeConfig.shard_bytes,
    tasks: Tasks | None = None,
    planting: canaries.Config | None = None,
) -> dict[str, Any]:
    """Write the shards of a dataset and return their facts: tokens, documents, bytes and fraction of each split.

    A limit of 0 takes every document; otherwise whole documents are taken until about that many tokens are there, the
    same ones for the same dataset and tokenizer. An interrupted call is continued where it stopped. Memory grows
    neither with the dataset nor with the number of shards. With `planting` canaries are put in: documents and bytes
    count the dataset's alone, `train_tokens` is all there is to train on, and `canaries` says how much of it is theirs.
    """
    codec = Codec.load(tokenizer_folder)
    limits = zip(SPLITS, (token_limit, held_out_limit), strict=True)
    chosen = {split: select(parts(dataset_folder, split), limit, codec, shard_bytes) for split, limit in limits}
    planted = _planted(planting, chosen["train"], codec) if planting else None
    manifest = _manifest(codec, tokenizer_folder, chosen, planted)
    if (facts := _facts_of(out, manifest)) is None:
        # From here on a reader can begin: it knows how many shards there will be, and sees each when it is whole.
        write_atomically(out / _MANIFEST, json.dumps(manifest, indent=1) + "\n")
        facts = _write_all(chosen, planted, tokenizer_folder, out, tasks or Tasks(cores=cores, emit=emit), emit)
        write_atomically(out / _MANIFEST, json.dumps({**manifest, _FACTS: facts}, indent=1) + "\n")
    for note in out.glob(f"*/*/{NOTE_FILE}"):  # of use to a continued call only, and about this machine's paths
        note.unlink()
    fsync_tree(out)
    return facts


def _planted(config: canaries.Config, chosen: Selection, codec: Codec) -> Planted:
    """Decide which canaries the text can bear, by about how many tokens it has."""
    key = canaries.key_of(config, chosen.digest)
    texts = (text for _, text in islice(chosen.documents(), _TRIED_DOCUMENTS))
    tried = [_framed_tokens(codec, canaries.draw(key, number)) for number in range(config.count)]
    return canaries.plan(config, key, int(chosen.bytes / bytes_per_token(texts, codec)), sum(tried) / len(tried))


def _framed_tokens(codec: Codec, canary: canaries.Canary) -> int:
    return len(codec.encode(canary.text)) + _FRAME_TOKENS


def _write_all(
    chosen: Mapping[str, Selection],
    planted: Planted | None,
    tokenizer_folder: Path,
    out: Path,
    tasks: Tasks,
    emit: Emit,
) -> dict[str, Any]:
    codec = Codec.load(tokenizer_folder)
    # Held-out text first: it is little, and evaluations during training want it from the beginning.
    made = {"held_out": _encode_all(chosen["held_out"], None, tokenizer_folder, out / "held_out", tasks)}
    emit("readable")
    made["train"] = _encode_all(chosen["train"], planted, tokenizer_folder, out / "train", tasks)
    facts = {name: fact for split in SPLITS for name, fact in _facts(split, made[split], chosen[split]).items()}
    unused = _unused(chain(*made.values()), codec.vocabulary)
    facts |= {"dtype": _dtype(codec), "unused_tokens": unused}
    if planted is None:
        return facts
    tokens = {canary.number: _framed_tokens(codec, canary) for canary, _ in planted.canaries()}
    counted = canaries.counted(planted, tokens, facts["train_tokens"])
    canaries.write(planted, out, counted)
    return {**facts, "train_documents": facts["train_documents"] - planted.copies, "canaries": counted}


def _facts_of(out: Path, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the facts of shards that are all there, when they are those of this manifest."""
    try:
        written: dict[str, Any] = json.loads((out / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    facts: dict[str, Any] | None = written.pop(_FACTS, None)
    return facts if written == manifest else None


def _manifest(
    codec: Codec, tokenizer_folder: Path, chosen: Mapping[str, Selection], planted: Planted | None
) -> dict[str, Any]:
    known = {"canaries": [planted.key, planted.copies]} if planted is not None else {}
    return {
        **known,
        "format": FORMAT,
        "dtype": _dtype(codec),
        "vocabulary": codec.vocabulary,
        "bos": codec.bos,
        "eos": codec.eos,
        "tokenizer": sha256_file(tokenizer_folder / "tokenizer.json"),
        "shards": {split: len(selection.shards) for split, selection in chosen.items()},
    }


def _encode_all(
    selection: Selection, planted: Planted | None, tokenizer_folder: Path, out: Path, tasks: Tasks
) -> list[Mapping[str, Any]]:
    pieces = []
    ends = list(accumulate(share.bytes for share in selection.shards))
    for number, (share, end) in enumerate(zip(selection.shards, ends, strict=True)):
        request = _request(share, selection.buckets, tokenizer_folder)
        if planted is not None and planted.copies:
            request["canaries"] = planted.as_request(end - share.bytes, end, ends[-1])
        pieces.append(Task(shard_name(number), request, share.bytes))
    return list(tasks.run("ingot.data.shards:encode", pieces, out))


def _request(share: Share, buckets: int, tokenizer_folder: Path) -> dict[str, Any]:
    row_groups = {str(path): list(numbers) for path, numbers in share.row_groups.items()}
    return {"row_groups": row_groups, "buckets": buckets, "bytes": share.bytes, "tokenizer": str(tokenizer_folder)}


def encode(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Write one shard: the chosen documents of some row groups. `used` tells, as hex, which ids occur in it."""
    codec = Codec.shared(Path(request["tokenizer"]))
    taken = documents({Path(path): numbers for path, numbers in request["row_groups"].items()}, request["buckets"])
    planted = deque(canaries.copies(request["canaries"]) if "canaries" in request else ())
    reported = written = 0
    with ShardWriter(context.folder, _dtype(codec), codec.vocabulary) as writer:
        for doc_id, size, ids in _encoded(taken, codec, context.cores):
            while planted and planted[0].at <= written:
                _plant(planted.popleft(), writer, codec)
            writer.append(doc_id, size, chain([[codec.bos]], ids, [[codec.eos]]))
            written += size
            if written - reported >= _BYTES_BETWEEN_REPORTS:
                reported = written
                context.emit("progress", done=min(reported, request["bytes"]), total=request["bytes"], unit="bytes")
        for copy in planted:
            _plant(copy, writer, codec)
    counted = {name: fact for name, fact in writer.finish().items() if name in ("tokens", "documents")}
    return {**counted, "bytes": written, "used": np.packbits(writer.used).tobytes().hex()}


def _plant(copy: canaries.Copy, writer: ShardWriter, codec: Codec) -> None:
    writer.append(copy.doc_id, len(copy.text.encode()), [[codec.bos], codec.encode(copy.text), [codec.eos]])


def _encoded(
    taken: Iterator[tuple[str, str]], codec: Codec, cores: int
) -> Iterator[tuple[str, int, Iterator[Sequence[int]]]]:
    """Yield each document's id, its bytes, and its token ids in parts."""
    # The codec reads texts ahead of the ids it returns; this remembers whose they are.
    in_flight: deque[tuple[str, int]] = deque()

    def texts() -> Iterator[str]:
        for doc_id, text in taken:
            in_flight.append((doc_id, len(text.encode())))
            yield text

    for _, encoded in groupby(codec.encode_parts(texts(), cores), key=itemgetter(0)):
        # The first part is there already, so its document is the oldest in flight.
        yield *in_flight.popleft(), (ids for _, ids in encoded)


def _facts(split: str, made: Sequence[Mapping[str, Any]], selection: Selection) -> dict[str, Any]:
    counts = {name: sum(shard[name] for shard in made) for name in ("tokens", "documents", "bytes")}
    facts = {**counts, "fraction": round(selection.fraction, 6), "shards": len(made)}
    return {f"{split}_{name}": fact for name, fact in facts.items()}


def _unused(made: Iterator[Mapping[str, Any]], vocabulary: int) -> int:
    used = np.zeros(vocabulary, dtype=np.bool_)
    for shard in made:
        used |= np.unpackbits(np.frombuffer(bytes.fromhex(shard["used"]), dtype=np.uint8), count=vocabulary).astype(
            bool
        )
    return int(np.count_nonzero(~used))


def _dtype(codec: Codec) -> str:
    return "uint16" if codec.vocabulary <= _SMALL_VOCABULARY else "uint32"


class Shards:
    """The shards of one split, in the order they are read; of `planned` ones, some may still be on their way."""

    def __init__(self, folder: Path, planned: int, tokenizer: str = "", patience_seconds: float = 0.0) -> None:
        self.planned = planned
        self.tokenizer = tokenizer
        self._folder = Path(folder)
        self._patience = patience_seconds
        self._open: list[Shard] = []

    @classmethod
    def open(cls, folder: Path, split: str, patience_seconds: float | None = None) -> Shards:
        """Open a split without reading its tokens. Raises InputError when a file is missing or not of its size.

        With `patience_seconds` the split may still be being written: :meth:`require` opens what there is, and waits so
        long for each shard that is not there.
        """
        manifest = _read_manifest(Path(folder) / _MANIFEST)
        shards = cls(Path(folder) / split, manifest["shards"][split], manifest["tokenizer"], patience_seconds or 0.0)
        if patience_seconds is None:
            shards.require(shards.planned)
        return shards

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __getitem__(self, number: int) -> Shard:
        return self._open[number]

    @property
    def is_whole(self) -> bool:
        """Whether all planned shards are open."""
        return len(self._open) == self.planned

    @property
    def token_count(self) -> int:
        """Tokens in the open shards."""
        return sum(shard.token_count for shard in self._open)

    @property
    def document_count(self) -> int:
        """Documents in the open shards."""
        return sum(shard.document_count for shard in self._open)

    def require(self, count: int) -> None:
        """Open the first `count` shards, waiting for those that are not written. Raises InputError after the wait."""
        while len(self._open) < count:
            folder = self._folder / shard_name(len(self._open))
            if self._patience:
                _wait_for(folder / DESCRIPTION, self._patience, f"shard {len(self._open) + 1} of {self.planned}")
            self._open.append(Shard(folder))

    def verify(self) -> None:
        """Read every file of the open shards. Raises InputError naming the first that is not what was written."""
        for shard in self._open:
            shard.verify()

    def in_documents(self) -> Iterator[Tokens]:
        """Yield the ids of each document of the open shards, with its two marks, in order."""
        for shard in self._open:
            yield from shard.in_documents()


def _wait_for(path: Path, patience_seconds: float, what: str) -> None:
    end = time.monotonic() + patience_seconds
    while not path.exists():
        if time.monotonic() >= end:
            raise InputError(
                f"{what} is not written",
                where=str(path.parent),
                why=f"nothing came for {patience_seconds:g} seconds, so whoever writes the shards has stopped",
                fix="look at the run that writes them; start it again, then this one: both go on where they were",
            )
        time.sleep(min(_SECONDS_BETWEEN_LOOKS, patience_seconds))


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = manifest["format"]
    except (OSError, ValueError, KeyError) as error:
        raise damaged(path, str(error)) from error
    if found != FORMAT:
        raise InputError(
            f"these shards have format {found}; this version of Ingot reads format {FORMAT}",
            where=str(path.parent),
            why="they were written by another version, which laid out tokens and documents in other files",
            fix="run the build again: it makes them anew from the dataset, as the next version",
        )
    return manifest
