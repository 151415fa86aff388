"""A zoo of hostile files beside good ones: none escapes, leaks, or takes too much, and the good ones are all there.

The zoo (`hostile_zoo.py`) is parsed by one process, file after file, to see what each costs in seconds and memory. Then
good files are parsed alone and mixed with the zoo, in turns; the processes that parse say what processor time each good
file took them. A secret outside the folder, a secret in the environment, a place where traps would write and a server
they would call show whether anything got out. Linux only, for the memory of other processes.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from benchmarks.hostile_zoo import Bait, write_zoo
from benchmarks.report import Figure, publish
from ingot.core.sandbox import Finished, Sandbox
from ingot.data.connectors.folder import Config, Connector
from ingot.data.parsing import parse_item
from ingot.flow.source import item_from_literals
from tests.data.samples import docx_bytes, epub_bytes, packed, pptx_bytes, tabled_pdf_bytes, xlsx_bytes

MOST_SECONDS, MOST_BYTES, LEAST_SHARE = 60.0, 3 << 29, 0.9
# Over the limit of a file comes the time to notice and to replace the process.
NOTICE_SECONDS = 1.0
# Where `timed_item` lies; a build's own processes may read no folder that is the current one.
CODE = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]
WARM, FORMATS = 4, 12
WORDS = ["leave", "contract", "pump", "valve", "patient", "invoice", "the", "of", "is", "and", "shall", "be", "paid"]


@dataclass
class Outcome:
    """What came of a run: documents and failures by file, seconds by file, and what it cost."""

    documents: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    within: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    processor_seconds: dict[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    missing_layers: tuple[str, ...] = ()
    leaks: set[str] = field(default_factory=set)


def prose(draw: random.Random, words: int) -> str:
    """Return sentences of no meaning."""
    return " ".join(draw.choice(WORDS) for _ in range(words)).capitalize() + "."


def good_files(copies: int) -> Iterator[tuple[str, bytes]]:
    """Yield documents of every format, each different."""
    draw = random.Random(11)
    for number in range(copies):
        text = [prose(draw, 60) for _ in range(80)]
        table = [["what", "how much"], *([prose(draw, 3), str(draw.randrange(1000))] for _ in range(20))]
        rows = "\n".join(f"{what},{much}" for what, much in table)
        letter = f"From: a@b.c\nSubject: {text[0][:40]}\n\n" + "\n\n".join(text[:10])
        page = "".join(f"<h2>{line[:30]}</h2><p>{line}</p>" for line in text)
        yield f"{number}.txt", "\n\n".join(text).encode()
        yield f"{number}.md", "\n\n".join(f"# {line[:30]}\n\n{line}" for line in text).encode()
        yield f"{number}.html", f"<html><body>{page}</body></html>".encode()
        yield f"{number}.csv", rows.encode()
        yield f"{number}.eml", letter.encode()
        yield f"{number}.tex", "\n\n".join(f"\\section{{{line[:30]}}} {line}" for line in text).encode()
        yield f"{number}.docx", docx_bytes(*text)
        yield f"{number}.xlsx", xlsx_bytes(Costs=table * 10)
        yield f"{number}.pptx", pptx_bytes(*[(line[:20], line, line[:50]) for line in text[:20]])
        yield f"{number}.epub", epub_bytes(*text)
        yield f"{number}.pdf", tabled_pdf_bytes(*[(line[:80], table) for line in text[:12]])
        yield f"{number}.zip", packed({"letter.docx": docx_bytes(*text[:20]), "notes.txt": text[0]})


@contextmanager
def server() -> Iterator[tuple[str, list[str]]]:
    """Serve on this machine; give the address, and the list of what was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}", asked
        serving.shutdown()


@contextmanager
def watched(outcome: Outcome, current: list[str]) -> Iterator[None]:
    """Note the largest memory of any child process under the file that is being read."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.01):
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    size = child.memory_info().rss
                    outcome.peak_bytes[current[0]] = max(size, outcome.peak_bytes.get(current[0], 0))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join()


def tasks_of(*folders: Path) -> list[dict[str, Any]]:
    """Return what the folders' files are for a parser."""
    items = [item for folder in folders for item in Connector(Config((str(folder),), exclude=())).snapshot().items]
    return [{"item": asdict(item), "parsers": {}} for item in items]


def timed_item(task: dict[str, Any], opened: BinaryIO) -> Iterator[dict[str, Any]]:
    """Parse an item and say last what processor time it took; runs in the sandbox."""
    began = time.process_time()
    yield from parse_item(task, opened)
    yield {"processor_seconds": time.process_time() - began}


def run(tasks: Sequence[dict[str, Any]], workers: int, secrets: Sequence[str]) -> Outcome:
    """Parse the files of the tasks in the sandbox; seconds by file mean something with one worker only."""
    outcome = Outcome()
    names = [task["item"]["uri"] for task in tasks]
    current = [names[0]]
    last = began = time.monotonic()
    function = f"benchmarks.data_hostile:{timed_item.__name__}"
    with Sandbox(function, workers=workers, readable=CODE) as sandbox:
        with watched(outcome, current):
            for word in sandbox.map(tasks, lambda task: Connector.open(item_from_literals(task["item"]))):
                uri = names[word.index]
                if not isinstance(word, Finished):
                    note(outcome, uri, word.value, secrets)
                    continue
                outcome.seconds[uri], last = time.monotonic() - last, time.monotonic()
                current[0] = names[min(word.index + 1, len(names) - 1)]
                if word.failure is not None:
                    outcome.failures[uri] = f"{word.failure.kind}: {word.failure.what}; {word.failure.why}"[:200]
        outcome.missing_layers = sandbox.missing_layers
    outcome.wall_seconds = time.monotonic() - began
    return outcome


def note(outcome: Outcome, uri: str, value: Any, secrets: Sequence[str]) -> None:
    """Keep a hash of a document, and look for secrets in everything that was said."""
    said = str(value)
    outcome.leaks |= {uri for secret in secrets if secret in said}
    if "document" in value:
        text = value["document"]["text"]
        outcome.documents.setdefault(uri, []).append(hashlib.sha256(text.encode()).hexdigest())
    outcome.within += "failure" in value
    if "processor_seconds" in value:
        outcome.processor_seconds[uri] = value["processor_seconds"]


def listing(*folders: Path) -> set[str]:
    """Return every path below some folders."""
    return {str(path) for folder in folders for path in folder.rglob("*")}


def measure(root: Path, copies: int, rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """Write the files, parse them, and return figures and details."""
    secret, hidden = f"canary-{os.urandom(8).hex()}", f"token-{os.urandom(8).hex()}"
    os.environ["INGOT_BENCHMARK_TOKEN"] = hidden
    (root / "outside").mkdir()
    (root / "escape").mkdir()
    (root / "good").mkdir()
    canary = root / "outside/canary.txt"
    canary.write_text(f"{secret}\n", encoding="utf-8")
    for name, content in good_files(copies):
        (root / "good" / name).write_bytes(content)
    with server() as (url, asked):
        write_zoo(root / "zoo", Bait(canary, root / "escape", url))
        zoo, good = tasks_of(root / "zoo"), tasks_of(root / "good")
        good.sort(key=lambda task: int(task["item"]["uri"].partition(".")[0]))
        secrets = [secret, hidden, "root:x:0:0"]
        files = listing(root, Path.cwd() / "benchmarks")
        alone = run(zoo, 1, secrets)
        turns = [in_turns(good, zoo, secrets, number) for number in range(rounds)]
        written = listing(root, Path.cwd() / "benchmarks") - files
    return figures(alone, turns, written, asked), details(alone, turns, len(zoo), len(good))


def in_turns(
    good: list[dict[str, Any]], zoo: list[dict[str, Any]], secrets: Sequence[str], number: int
) -> dict[str, Outcome]:
    """Parse the good files alone and in the mixture, the other way round in every second round."""
    # The first of each format load the libraries of a process; on both sides good files do, and are not counted.
    first, rest = good[: WARM * FORMATS], good[WARM * FORMATS :]
    mixed = [*rest, *zoo]
    random.Random(number).shuffle(mixed)
    sides = {"good": [*first, *rest], "mixed": [*first, *mixed]}
    return {name: run(sides[name], 2, secrets) for name in sorted(sides, reverse=bool(number % 2))}


def figures(alone: Outcome, turns: list[dict[str, Outcome]], written: set[str], asked: list[str]) -> list[Figure]:
    """Return the figures of the claim."""
    leaks = alone.leaks.union(*(outcome.leaks for turn in turns for outcome in turn.values()))
    out = len(written) + len(asked) + len(leaks)
    slowest, largest = max(alone.seconds.values()), max(alone.peak_bytes.values())
    kept = min(kept_share(turn["good"], turn["mixed"]) for turn in turns)
    rest = statistics.median(share(turn) for turn in turns)
    return [
        Figure("files written, servers called, secrets told", out, "times", "0", out == 0),
        Figure("slowest hostile file", slowest, "s", "<= 60", slowest <= MOST_SECONDS + NOTICE_SECONDS),
        Figure("largest memory of a process", largest / 2**30, "GiB", "<= 1.5", largest <= MOST_BYTES),
        Figure("good files with the same text beside hostile ones", kept, "share", "1", kept == 1),
        Figure("throughput of the rest, by processor time", rest, "share", ">= 0.9", rest >= LEAST_SHARE),
    ]


def kept_share(good: Outcome, mixed: Outcome) -> float:
    """Return how many good files gave the same documents in both runs."""
    return sum(mixed.documents.get(uri) == found for uri, found in good.documents.items()) / len(good.documents)


def share(turn: dict[str, Outcome]) -> float:
    """Return what the good files cost alone, by what they cost in the mixture, without those that come first."""
    alone, mixed = turn["good"].processor_seconds, turn["mixed"].processor_seconds
    counted = [uri for uri in alone if int(uri.partition(".")[0]) >= WARM]
    return sum(alone[uri] for uri in counted) / sum(mixed[uri] for uri in counted)


def details(alone: Outcome, turns: list[dict[str, Outcome]], zoo: int, good: int) -> dict[str, Any]:
    """Return what a reader needs to doubt the figures."""
    slow = sorted(alone.seconds, key=lambda uri: -alone.seconds[uri])[:12]
    large = sorted(alone.peak_bytes, key=lambda uri: -alone.peak_bytes[uri])[:12]
    kinds = [failure.split(":")[0] for failure in alone.failures.values()]
    told = {uri: why for uri, why in sorted(alone.failures.items()) if not uri.startswith("torn/")}
    return {
        "hostile_files": zoo,
        "good_files": good,
        "quarantined": len(alone.failures),
        "by_kind": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "quarantined_within_archives": alone.within,
        "gave_text": sorted(uri for uri in alone.documents if uri not in alone.failures),
        "slowest_s": {uri: round(alone.seconds[uri], 2) for uri in slow},
        "largest_mib": {uri: alone.peak_bytes[uri] >> 20 for uri in large},
        "rounds": [{"share": share(turn), "wall_s": {k: v.wall_seconds for k, v in turn.items()}} for turn in turns],
        "missing_layers": list(alone.missing_layers),
        "reasons": told,
    }


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round and fewer good files")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, details = measure(Path(folder), copies=10 if options.quick else 30, rounds=2 if options.quick else 4)
    publish("data_hostile", found, {"is_quick": options.quick, **details})


if __name__ == "__main__":
    main()
