"""The step that asks an index a task of retrieval, and keeps what it found for every question.

`model` is the index; with a `reader`, a language model puts the first passages in order again. A document counts by its
best passage. Something that is wanted counts once: a second part of the same file, or a second document that holds the
quoted text, brings nothing more. The result is an evaluation like every other: two can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.evaluate.config import FindConfig
from ingot.evaluate.ranking import ndcg, recall, reciprocal_rank
from ingot.evaluate.reading import query_likelihood
from ingot.evaluate.results import METRICS_FILE, RESULTS_FILE, Result, absent_documents, by_group, measured
from ingot.evaluate.task import Search, Task, prompt_hash, read_task
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.retrieve.search import Index, Passage, open_index

MODEL, TASK, READER = "model", "task", "reader"
_TOLD_EVERY = 64


def find(config: FindConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Ask the index (`model`) the `task`; returns the figures.

    Raises InputError for a task that asks for something else, and where no document that it names is in the index.
    """
    task = read_task(inputs[TASK].path)
    asked = _asked(task)
    reranker = query_likelihood(inputs[READER].path) if READER in inputs else None
    index = open_index(inputs[MODEL].path, reranker, config.reranked)
    try:
        known = Known(index)
        missing = _missing(asked, known, inputs[MODEL])
        results = []
        for number, item in enumerate(asked, start=1):
            results.append(_result(item, index.search_documents(item.prompt, config.depth), known, config.depth))
            if number % _TOLD_EVERY == 0 or number == len(asked):
                context.emit("progress", done=number, total=len(asked), unit="items")
    finally:
        index.close()
    write_atomically(context.folder / RESULTS_FILE, "".join(result.as_line() for result in results))
    facts = {
        "task": task.name,
        "task_version": task.version,
        "items": len(results),
        "cut": 0,
        "framing": "search",
        "rankers": [*index.rankers, *(["reader"] if reranker else [])],
        "missing": missing,
        "metrics": measured(results, config.resamples, config.seed),
    }
    groups = by_group(results, config.resamples, config.seed)
    write_atomically(context.folder / METRICS_FILE, json.dumps({**facts, "groups": groups}, indent=1) + "\n")
    if missing:
        context.emit("note", text=absent_documents(missing))
    return facts


@dataclass
class Known:
    """By which names the documents of an index are known: ids, URIs, and what URIs end with from a slash on."""

    index: Index
    _uris: dict[str, str] = field(default_factory=dict)
    _ends: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = self.index.stored.documents
        for doc_id, uri in zip(table["doc_id"].to_pylist(), table["uri"].to_pylist(), strict=True):
            self._uris[doc_id] = doc_id
            self._uris[uri] = uri
            self._ends.setdefault(uri.rpartition("/")[2], set()).add(uri)

    def whole(self, name: str) -> frozenset[str]:
        """Return the ids and URIs that a name means; none for a document that is not there."""
        if name in self._uris:
            return frozenset([name])
        uris = self._ends.get(name.rpartition("/")[2], set())
        return frozenset(uri for uri in uris if uri.endswith(f"/{name}"))

    def text(self, doc_id: str) -> str:
        """Return the text of a document as quotations are compared."""
        return _plain(self.index.document_text(doc_id))


def _asked(task: Task) -> list[Search]:
    asked = [item for item in task.items if isinstance(item, Search)]
    if len(asked) < len(task.items):
        raise InputError(
            f"the task {task.name} asks a model, not an index",
            where="task",
            fix="evaluate a model on it, or ask the index a task of retrieval: --task retrieval",
        )
    return asked


def _missing(asked: Sequence[Search], known: Known, index: Artifact) -> int:
    """Return how many questions name a document that is not there. Raises InputError where all do."""
    absent = [item for item in asked if not all(known.whole(name) for name in item.documents)]
    if len(absent) == len(asked):
        raise InputError(
            "no document that these questions name is in the index",
            where=f"{index.reference}: {absent[0].id} asks for {absent[0].answer!r}",
            fix="name documents by their URI or id, as `ingot find --json` prints them, or quote a text",
        )
    return len(absent)


def _result(item: Search, found: Sequence[Passage], known: Known, depth: int) -> Result:
    gains = _gains(item, found, known)
    wanted = len(item.documents) + len(item.texts)
    scores = {
        f"recall_at_{depth}": recall(gains, wanted),
        f"ndcg_at_{depth}": ndcg(gains, wanted, depth),
        f"reciprocal_rank_at_{depth}": reciprocal_rank(gains),
    }
    answer = found[0].uri if found else ""
    return Result(item.id, item.group, prompt_hash(item), answer, item.answer, scores)


def _gains(item: Search, found: Sequence[Passage], known: Known) -> list[int]:
    """Return how many wanted things each document is or holds that were not found before."""
    names = [known.whole(name) for name in item.documents]
    texts = [_plain(text) for text in item.texts]
    is_found: set[int] = set()
    gains = []
    for each in found:
        met = {place for place, wanted in enumerate(names) if {each.doc_id, each.uri} & wanted}
        if texts:
            text = known.text(each.doc_id)
            met |= {place for place, wanted in enumerate(texts, start=len(names)) if wanted in text}
        gains.append(len(met - is_found))
        is_found |= met
    return gains


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
