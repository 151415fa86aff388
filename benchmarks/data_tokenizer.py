"""Encoding and learning per processor-second: Ingot beside the fastest calls of Hugging Face's `tokenizers`.

Every measurement is a fresh process with one thread (RAYON_NUM_THREADS=1), the sides in turn, CPU-seconds of the work
alone: imports and reading the documents are left out, everything else counts, so Ingot pays for getting its bulk
encoder ready and for every word it has not met: a third of a second, so less than 60 MB cannot tell whether the goal
holds. The best of the rounds counts. The other side is `Tokenizer.encode_batch_fast` with the ids read out, and its
trainer with the same rule for words; its ids of every document are compared with ours one by one, and its merges with
ours. The whole path, from a dataset's Parquet files to shards on disk, runs with the bulk encoder and without it.

Documents: medical answers, contracts and German laws, and declarations in 300 languages, from ../shared/data beside the
repository where they are; otherwise the sources of the standard library.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers
from tokenizers import Regex, Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from benchmarks.corpus import LEFT_OUT, standard_library
from benchmarks.report import Figure, publish
from ingot.data import shards
from ingot.tokenizer.codec import Codec, read_tokenizer
from ingot.tokenizer.pieces import pieces
from ingot.tokenizer.splitting import named
from ingot.tokenizer.train import learn, write
from ingot.tokenizer.vocabulary import SPECIALS

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = {
    "medquad/medquad.jsonl.gz": "answer",
    "contracts/contracts.jsonl.gz": "text",
    "gesetze_de/gesetze.jsonl.gz": "text",
}
LANGUAGES = "nltk_text/udhr2.zip"
GOAL_ENCODE, GOAL_TRAIN = 20, 2
LEAST_BYTES = 60_000_000
LEARNED_BYTES = 20_000_000
AT_ONCE = 200  # documents: all at once, the other side would take thirty times their size in memory
LONGEST_WORD, LEAST_OCCURRENCES = 128, 2  # as Ingot learns

Side = Callable[[Path], dict[str, Any]]


def documents() -> Iterator[str]:
    """Yield the real sets, or else the standard library's sources."""
    if not (REAL / next(iter(SETS))).is_file():
        for path in sorted(standard_library().rglob("*.py")):
            if not set(LEFT_OUT) & set(path.parts):
                yield path.read_text(encoding="utf-8", errors="replace")
        return
    for name, column in SETS.items():
        with gzip.open(REAL / name, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line)[column] for line in lines)
    with zipfile.ZipFile(REAL / LANGUAGES) as archive:
        yield from (archive.read(name).decode("utf-8", errors="replace") for name in sorted(archive.namelist()))


def prepare(folder: Path, most_bytes: int, vocabulary: int) -> tuple[int, int]:
    """Write the documents, in a mixed order, as a dataset, and a tokenizer; return how many, and their bytes."""
    texts = [text for text in documents() if text]
    random.Random(0).shuffle(texts)
    size, count = 0, 0
    while count < len(texts) and size < most_bytes:
        size += len(texts[count].encode())
        count += 1
    table = pa.table({"doc_id": [f"{number:032x}" for number in range(count)], "text": texts[:count]})
    whole = folder / "dataset" / "shards" / "00000"
    whole.mkdir(parents=True)
    pq.write_table(table, whole / "train.parquet", row_group_size=2000, compression="zstd")
    pq.write_table(table.slice(0, 10), whole / "held_out.parquet")
    (folder / "tokenizer").mkdir()
    write(learn(sample(texts[:count]), vocabulary), folder / "tokenizer")
    return count, size


def read(folder: Path) -> list[str]:
    """Read the documents back."""
    column = pq.read_table(folder / "dataset/shards/00000/train.parquet", columns=["text"]).column("text")
    texts: list[str] = column.to_pylist()
    return texts


def sample(texts: Sequence[str]) -> list[str]:
    """Return the pieces of the first documents that are learned from."""
    chosen: list[str] = []
    size = 0
    for text in texts:
        if size < LEARNED_BYTES:
            chosen += pieces(text)
            size += len(text.encode())
    return chosen


def as_bytes(ids: Any) -> bytes:
    """Return ids as they are compared."""
    return np.asarray(ids, dtype=np.uint32).tobytes()


def encode_here(folder: Path) -> dict[str, Any]:
    """Encode all documents with Ingot's codec, twice: the second time it has met every word."""
    texts, codec = read(folder), Codec.load(folder / "tokenizer")
    passes = [timed_encoding(codec, texts) for _ in range(2)]
    told = {"seconds": passes[0][0], "again": passes[1][0], "encoder": codec.encoder}
    return {**told, "digests": [found.hexdigest() for found in passes[0][1]]}


def timed_encoding(codec: Codec, texts: Sequence[str]) -> tuple[float, list[Any]]:
    """Return the seconds it takes, and a hash of each document's ids."""
    found = [hashlib.blake2b(digest_size=8) for _ in texts]
    parts, seconds = codec.encode_parts(texts, cores=1), 0.0
    while True:
        began = time.process_time()
        some = list(islice(parts, AT_ONCE))
        seconds += time.process_time() - began
        if not some:
            return seconds, found
        for number, ids in some:
            found[number].update(as_bytes(ids))


def encode_there(folder: Path) -> dict[str, Any]:
    """Encode all documents with the other side's fastest call, whole, and read the ids."""
    texts, tokenizer = read(folder), read_tokenizer(folder / "tokenizer")
    tokenizer.encode_special_tokens = True
    digests: list[str] = []
    seconds = 0.0
    for first in range(0, len(texts), AT_ONCE):
        began = time.process_time()
        encodings = tokenizer.encode_batch_fast(texts[first : first + AT_ONCE], add_special_tokens=False)
        found = [encoding.ids for encoding in encodings]
        seconds += time.process_time() - began
        digests += [hashlib.blake2b(as_bytes(ids), digest_size=8).hexdigest() for ids in found]
    return {"seconds": seconds, "digests": digests}


def shards_here(folder: Path) -> dict[str, Any]:
    """Make shards of the dataset."""
    with tempfile.TemporaryDirectory() as out:
        began = time.process_time()
        facts = shards.tokenize(folder / "dataset", folder / "tokenizer", Path(out), 0, lambda *_, **__: None, cores=1)
        return {"seconds": time.process_time() - began, "tokens": facts["train_tokens"]}


def shards_without_bulk(folder: Path) -> dict[str, Any]:
    """Make shards of the dataset with the reference encoder alone, as where gigatoken is missing."""
    with mock.patch("ingot.tokenizer.codec.bulk_encoder", return_value=None):
        return shards_here(folder)


def learn_here(folder: Path) -> dict[str, Any]:
    """Learn a vocabulary with Ingot."""
    return timed_learning(folder, lambda texts, vocabulary: learn(texts, vocabulary))


def learn_there(folder: Path) -> dict[str, Any]:
    """Learn a vocabulary with the other side's trainer: the same rule, longest word and least count."""
    return timed_learning(folder, reference)


def timed_learning(folder: Path, learner: Callable[[Sequence[str], int], Tokenizer]) -> dict[str, Any]:
    """Learn from the sample; return the seconds and a fingerprint of the merges."""
    texts = sample(read(folder))
    vocabulary = json.loads((folder / "options.json").read_text())["vocabulary"]
    began = time.process_time()
    tokenizer = learner(texts, vocabulary)
    seconds = time.process_time() - began
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    told = {"seconds": seconds, "bytes": sum(len(text.encode()) for text in texts), "merges": len(merges)}
    return {**told, "digest": hashlib.blake2b(json.dumps(merges).encode(), digest_size=8).hexdigest()}


def reference(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train as the documentation of `tokenizers` says."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(named("qwen2").regex), behavior="isolated"),
            pre_tokenizers.FixedLength(length=LONGEST_WORD),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=LEAST_OCCURRENCES,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


SIDES: dict[str, Side] = {
    "encode": encode_here,
    "encode_batch_fast": encode_there,
    "shards": shards_here,
    "shards, reference encoder": shards_without_bulk,
    "learn": learn_here,
    "BpeTrainer": learn_there,
}


def measured(side: str, folder: Path) -> dict[str, Any]:
    """Run one side in a fresh process with one thread."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def figures(found: Mapping[str, list[dict[str, Any]]], count: int, size: int) -> list[Figure]:
    """Compare the best of each side."""
    best = {side: min(one["seconds"] for one in runs) for side, runs in found.items()}
    ours, theirs = found["encode"][-1], found["encode_batch_fast"][-1]
    differing = sum(one != other for one, other in zip(ours["digests"], theirs["digests"], strict=True))
    encode, train = best["encode_batch_fast"] / best["encode"], best["BpeTrainer"] / best["learn"]
    path = best["shards, reference encoder"] / best["shards"]
    again = min(one["again"] for one in found["encode"])
    rate, same = "MB per CPU-second", found["learn"][-1]["digest"] == found["BpeTrainer"][-1]["digest"]
    holds = encode >= GOAL_ENCODE if size >= LEAST_BYTES else None
    is_all = len(ours["digests"]) == count
    return [
        Figure("encoding over encode_batch_fast", encode, "times", f">= {GOAL_ENCODE}", holds),
        Figure("encoding over it, every word met before", best["encode_batch_fast"] / again, "times", "", None),
        Figure(f"of {count} documents, ids that differ", differing, "documents", "0", differing == 0 and is_all),
        Figure("encoding", size / 1e6 / best["encode"], rate, "", None),
        Figure("encoding, every word met before", size / 1e6 / again, rate, "", None),
        Figure("encode_batch_fast", size / 1e6 / best["encode_batch_fast"], rate, "", None),
        Figure("Parquet to shards over the reference encoder", path, "times", "", None),
        Figure("Parquet to shards", size / 1e6 / best["shards"], rate, "", None),
        Figure("learning over BpeTrainer", train, "times", f">= {GOAL_TRAIN}", train >= GOAL_TRAIN),
        Figure("merges equal", float(same), "yes or no", "1", same),
    ]


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 round on 24 MB instead of 3 on all")
    parser.add_argument("--vocabulary", type=int, default=32768)
    parser.add_argument("--side", choices=SIDES, help="measure one side in this process")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.folder)))
        return
    rounds, most = (1, 24_000_000) if options.quick else (3, 1 << 40)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count, size = prepare(folder, most, options.vocabulary)
        (folder / "options.json").write_text(json.dumps({"vocabulary": options.vocabulary}))
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for done in range(rounds):
            for side in SIDES:
                found[side].append(measured(side, folder))
                print(f"round {done + 1}: {side}: {found[side][-1]['seconds']:.2f} s", flush=True)
    runs = {side: [{k: v for k, v in one.items() if k != "digests"} for one in told] for side, told in found.items()}
    details = {
        "is_quick": options.quick,
        "documents": count,
        "bytes": size,
        "are_real_sets": (REAL / next(iter(SETS))).is_file(),
        "vocabulary": options.vocabulary,
        "tokenizers": tokenizers.__version__,
        "runs": runs,
    }
    publish("data_tokenizer", figures(found, count, size), details)


if __name__ == "__main__":
    main()
