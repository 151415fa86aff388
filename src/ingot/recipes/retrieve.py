"""Make documents searchable, and ask an index questions whose documents are known.

paths -> documents -> index (or a dataset that exists -> index);  index, task (and a reader) -> evaluation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingot.data.config import ReadConfig
from ingot.data.connectors import folder
from ingot.evaluate.config import FindConfig
from ingot.flow.artifact import Artifact
from ingot.flow.source import Source
from ingot.flow.step import Step
from ingot.retrieve.config import IndexConfig

Given = Mapping[str, Artifact]
_RUN = "ingot.retrieve.run:index"


def index(name: str, dataset: Artifact, config: IndexConfig, embedder: Artifact | None = None) -> tuple[Step, Given]:
    """Return the step that indexes a dataset, by vectors of the embedder too if there is one, and what it takes."""
    given = {"dataset": dataset} | ({"embedder": embedder} if embedder else {})
    return Step("index", name, "Index", _RUN, config, _as_they_are(given)), given


def index_files(
    name: str, paths: Sequence[str], config: IndexConfig, embedder: Artifact | None = None
) -> tuple[Step, Given]:
    """Return the step that indexes the documents of files and folders, which is preceded by the one that reads them."""
    source = Source("folder", folder.Config(paths=tuple(paths)))
    documents = Step(
        "documents",
        f"{name.removesuffix('-index')}-documents",
        "Documents",
        "ingot.data.run:read",
        ReadConfig(),
        sources={"documents": source},
        is_resumable=True,
        version=2,
    )
    given = {"embedder": embedder} if embedder else {}
    return Step("index", name, "Index", _RUN, config, {"dataset": documents, **_as_they_are(given)}), given


def evaluation(
    name: str, index: Artifact, asked: Step, config: FindConfig, reader: Artifact | None = None
) -> tuple[Step, Given]:
    """Return the step that asks an index a task of retrieval; a `reader` puts the first passages in order again."""
    given = {"model": index} | ({"reader": reader} if reader else {})
    read_by = f"-{reader.name.removesuffix('-checkpoint')}" if reader else ""
    artifact = f"{index.name}-{name}{read_by}-evaluation"
    inputs = {**_as_they_are(given), "task": asked}
    return Step("evaluation", artifact, "Evaluation", "ingot.evaluate.retrieving:find", config, inputs), given


def _as_they_are(given: Given) -> dict[str, Step]:
    # Nothing is run for what is given, so there is nothing to say how.
    return {name: Step(name, one.name, one.kind, "", {}) for name, one in given.items()}
