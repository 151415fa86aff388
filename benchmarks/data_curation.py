"""How fast are the statistics, and do they decide as the published filters do? Beside datatrove, on the same texts.

Ours: every statistic of Gopher, C4 and FineWeb, our own, two hashes and a MinHash signature for every text, and the
filters' decisions. Theirs: the four filters on every text, which share the words of a text by a cache of theirs, and
their MinHash signatures. Both sides take turns on batches of a megabyte and are measured in CPU-seconds of one thread.
datatrove lives in an environment of its own, made on the first run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from benchmarks.real_sets import add_option, are_real, load
from benchmarks.report import Figure, publish
from ingot.core.plugins import Plugin
from ingot.data.annotations import annotate, filters
from ingot.data.batch import of_texts
from ingot.data.statistics.describe import describe

PEER = ("datatrove[processing]==0.10.1", "xxhash<4", "spacy==3.8.18")
FILTERS = ("gopher_quality", "gopher_repetition", "c4", "fineweb")
BATCH_CHARACTERS = 1_000_000
QUICK_CHARACTERS, CHAIN_BATCHES, SCALING_CHARACTERS, ROUNDS = 700_000, 5, 20_000_000, 15
LEAST_RATIO, LEAST_SCALING, LEAST_AGREEMENT = 80, 1.7, 0.995
LEAST_GIVEN = 1.8  # below, a second thread had no second core to run on
MOST_FIRST_SECONDS, MOST_HUGE_MEGABYTES, HUGE_CHARACTERS = 10, 300, 50_000_000
# Each in a process of its own: what is compiled is kept in a folder, and memory is seldom given back.
FIRST_CALL = """
import time, pyarrow
start = time.process_time()
from ingot.data.statistics.describe import describe
describe(pyarrow.array(["text"]))
print(time.process_time() - start)
"""
BUSY = """
import time
end, rounds = time.perf_counter() + 2, 0
while time.perf_counter() < end:
    rounds += sum(range(1000)) > 0
print(rounds)
"""
HUGE = f"""
import threading, time, psutil, pyarrow
from ingot.data.statistics.describe import describe
text = pyarrow.array(["Some words of a line, {{}}, and more.\\n" * {HUGE_CHARACTERS // 38}])
describe(pyarrow.array(["text"]))
memory, is_over, seen = psutil.Process().memory_info, threading.Event(), []
def watch():
    while not is_over.wait(0.005):
        seen.append(memory().rss)
before, watcher = memory().rss, threading.Thread(target=watch)
watcher.start()
describe(text)
is_over.set()
watcher.join()
print((max(seen) - before) / 1e6)
"""


@dataclass
class Side:
    """What one side took."""

    megabytes: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    def took(self, seconds: Mapping[str, float]) -> None:
        """Add what a batch took."""
        self.seconds = {name: self.seconds.get(name, 0.0) + each for name, each in seconds.items()}

    @property
    def speed(self) -> float:
        """Return megabytes for each CPU-second of everything."""
        return self.megabytes / sum(self.seconds.values())


@dataclass
class Compared:
    """Texts both sides decided about, and how many decisions and reasons are equal, by filter."""

    texts: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)


class Peer:
    """datatrove in a process that answers batch after batch."""

    def __init__(self, python: Path) -> None:
        child = Path(__file__).with_name("datatrove_child.py")
        self._process = subprocess.Popen(
            [str(python), str(child)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ask(self, texts: Sequence[str], is_chain: bool = False) -> Any:
        """Return its reasons and CPU-seconds for a batch."""
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        _say(to, {"texts": list(texts), "is_chain": is_chain})
        answer = back.readline()
        if not answer:
            assert self._process.stderr is not None
            sys.exit(f"datatrove ended: {self._process.stderr.read()[-500:]}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _say(to: IO[str], request: Mapping[str, Any]) -> None:
    to.write(json.dumps(request) + "\n")
    to.flush()


def peer_python(folder: Path) -> Path:
    """Return the interpreter of datatrove's environment, made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEER], check=True, stdout=sys.stderr)
    return python


def batches(texts: Sequence[str], most: int | None) -> Iterator[list[str]]:
    """Yield batches of about a megabyte, of the first texts with so many characters."""
    batch: list[str] = []
    size = total = 0
    for text in texts:
        if most is not None and total >= most:
            break
        batch.append(text)
        size += len(text)
        total += len(text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def ours(texts: Sequence[str], side: Side) -> dict[str, list[str | None]]:
    """Describe a batch and decide; return the reasons by filter."""
    batch = of_texts(texts)
    side.megabytes += batch.texts.nbytes / 1e6
    start = time.process_time()
    assert len(batch.statistics.counts) == len(texts)
    described = time.process_time()
    by_column = {each.column: each.values for each in annotate(batch, chosen_filters())}
    side.took({"statistics": described - start, "filters": time.process_time() - described})
    return {name: list(by_column[f"{name}_reason"]) for name in FILTERS}


@cache
def chosen_filters() -> list[tuple[Plugin, Any]]:
    """Return the filters with their published thresholds."""
    return filters([{"name": name} for name in FILTERS])


def compare(peer: Peer, texts: Sequence[str], most: int | None, own: Side, its: Side) -> Compared:
    """Let both sides take turns on the texts of one set."""
    compared = Compared()
    for batch in batches(texts, most):
        answer = peer.ask(batch)
        its.megabytes += sum(len(text.encode()) for text in batch) / 1e6
        its.took(answer["seconds"])
        compared.texts += len(batch)
        for name, reasons in ours(batch, own).items():
            theirs = [NAMES.get(reason, reason) for reason in answer["reasons"][name]]
            pairs = list(zip(reasons, theirs, strict=True))
            compared.decisions[name] += sum((one is None) == (other is None) for one, other in pairs)
            compared.reasons[name] += sum(one == other for one, other in pairs)
            compared.passed[name] += reasons.count(None)
    return compared


def scaling(texts: Sequence[str]) -> tuple[float, float]:
    """Return the megabytes a second of wall clock of one thread and of two, which take turns; the best of each."""
    array = pa.array(texts, pa.large_string())
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for threads, taken in seconds.items():
            start = time.perf_counter()
            describe(array, threads=threads)
            taken.append(time.perf_counter() - start)
    one, two = (array.nbytes / 1e6 / min(seconds[threads]) for threads in (1, 2))
    return one, two


def in_process(script: str, environment: Mapping[str, str] | None = None) -> float:
    """Return the number that a script prints."""
    known = {**os.environ, **(environment or {})}
    done = subprocess.run([sys.executable, "-c", script], env=known, capture_output=True, text=True, check=True)
    return float(done.stdout)


def cores_given() -> float:
    """Return how much more two busy processes do here than one: 2 on an idle machine, 1 beside enough other work."""
    one = in_process(BUSY)
    with ThreadPoolExecutor(2) as pool:
        both = sum(pool.map(in_process, (BUSY, BUSY)))
    return both / one


def threads_beside_one(times: float, given: float) -> Iterator[Figure]:
    """Yield what a second thread brings, judged only where a second process brings something."""
    holds = times >= LEAST_SCALING if given >= LEAST_GIVEN else None
    yield Figure("two threads beside one", times, "times", ">= 1.7", holds)
    yield Figure("two busy processes beside one", given, "times", "beside it", None)


def agreement(compared: Mapping[str, Compared], is_real: bool) -> Iterator[Figure]:
    """Yield how often each filter decides the same, over all sets and with the reason."""
    texts = sum(each.texts for each in compared.values())
    for name in FILTERS:
        same = sum(each.decisions[name] for each in compared.values()) / texts
        holds = same >= LEAST_AGREEMENT if is_real else None
        yield Figure(f"{name}: decisions equal to datatrove's", same, f"of {texts}", ">= 0.995", holds)
        reasons = sum(each.reasons[name] for each in compared.values()) / texts
        yield Figure(f"{name}: reasons equal, too", reasons, f"of {texts}", "beside it", None)


def first_calls() -> Iterator[Figure]:
    """Yield what a first call costs, and what a huge text does."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (in_process(FIRST_CALL, {"NUMBA_CACHE_DIR": folder}) for _ in range(2))
    yield Figure("first call ever, with compiling", cold, "CPU-s", "<= 10", cold <= MOST_FIRST_SECONDS)
    yield Figure("first call of a process", warm, "CPU-s", "beside it", None)
    grown = in_process(HUGE)
    name = f"memory for one text of {HUGE_CHARACTERS / 1e6:.0f} MB"
    yield Figure(name, grown, "MB", "<= 300", grown <= MOST_HUGE_MEGABYTES)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts")
    add_option(parser)
    cache = Path.home() / ".cache" / "ingot-benchmarks" / PEER[0].partition("[")[0] / PEER[0].rpartition("=")[2]
    parser.add_argument("--peer", type=Path, default=cache, help="where datatrove's environment is or is made")
    chosen = parser.parse_args()
    peer, sets = Peer(peer_python(chosen.peer)), load(chosen.data)
    most = QUICK_CHARACTERS if chosen.quick else None
    ours(["Compiled and loaded before it is measured."], Side())
    own, its, chain = Side(), Side(), Side()
    compared = {name: compare(peer, texts, most, own, its) for name, texts in sets.items()}
    mixed = [text for texts in sets.values() for batch in list(batches(texts, most))[:CHAIN_BATCHES] for text in batch]
    for batch in batches(mixed, QUICK_CHARACTERS if chosen.quick else CHAIN_BATCHES * BATCH_CHARACTERS):
        chain.megabytes += sum(len(text.encode()) for text in batch) / 1e6
        chain.took(peer.ask(batch, is_chain=True)["seconds"])
    peer.close()
    one, two = scaling(mixed * -(-SCALING_CHARACTERS // sum(map(len, mixed))))
    ratio = own.speed / its.speed
    figures = [
        Figure("ours, every statistic and a signature", own.speed, "MB/CPU-s", "beside it", None),
        Figure("datatrove, four filters and a signature", its.speed, "MB/CPU-s", "beside it", None),
        Figure("how many times as fast", ratio, "", ">= 80", ratio >= LEAST_RATIO),
        Figure("as fast as its chain that stops at a refusal", own.speed / chain.speed, "times", "beside it", None),
        *threads_beside_one(two / one, cores_given()),
        *agreement(compared, are_real(sets)),
        *first_calls(),
    ]
    details = {
        "is_quick": chosen.quick,
        "peer": PEER,
        "megabytes": own.megabytes,
        "seconds": {"ours": own.seconds, "datatrove": its.seconds, "datatrove's chain": chain.seconds},
        "chain_megabytes": chain.megabytes,
        "one_thread_megabytes_per_second": one,
        "passed": {name: {"texts": each.texts, **each.passed} for name, each in compared.items()},
    }
    publish("data_curation", figures, details)


# datatrove's names of the reasons, and ours.
NAMES = {
    "gopher_short_doc": "too_few_words",
    "gopher_long_doc": "too_many_words",
    "gopher_below_avg_threshold": "short_words",
    "gopher_above_avg_threshold": "long_words",
    "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipses",
    "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines",
    "gopher_below_alpha_threshold": "few_alphabetic_words",
    "gopher_enough_stop_words": "few_stop_words",
    "dup_para_frac": "duplicate_paragraph",
    "dup_para_char_frac": "duplicate_paragraph_character",
    "dup_line_frac": "duplicate_line",
    "dup_line_char_frac": "duplicate_line_character",
    **{f"duplicated_{size}_n_grams": f"duplicate_{size}_gram" for size in range(5, 11)},
    "line_punct_ratio": "few_ended_lines",
    "short_line_ratio": "short_lines",
    "char_dup_ratio": "duplicate_lines",
    "list_ratio": "list",
}


if __name__ == "__main__":
    main()
