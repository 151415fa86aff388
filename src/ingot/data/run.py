"""The steps of this room: `read` sources, `curate` documents, `tokenize` a dataset."""

from __future__ import annotations

from collections.abc import Mapping

from ingot.data import shards
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.inputs import check_inputs
from ingot.data.pipeline import curate_documents
from ingot.data.reading import read_documents
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext


def read(config: ReadConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Parse the sources into shards of documents.parquet; list every file that failed in failures.jsonl."""
    return read_documents(context.sources, config, context)


def curate(config: CurateConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Make a dataset of the `documents`: shards of train, held_out and dropped.parquet. Filters may use the others."""
    others = {name: artifact.path for name, artifact in inputs.items() if name != "documents"}
    check_inputs(config.filters, others)
    return curate_documents(inputs["documents"].path, config, context, others)


def tokenize(config: TokenizeConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Encode the `dataset` with the `tokenizer` into shards, and put canaries in where they are wanted."""
    return shards.tokenize(
        inputs["dataset"].path,
        inputs["tokenizer"].path,
        context.folder,
        config.token_limit,
        context.emit,
        context.cores,
        shard_bytes=config.shard_bytes,
        tasks=context.tasks,
        planting=config.canaries,
    )
