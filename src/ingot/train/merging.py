"""The step that makes a plain model of a base and its adapters: every program opens the result as it is."""

from __future__ import annotations

from collections.abc import Mapping

from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import load
from ingot.train.adapters import load_adapters, merged
from ingot.train.config import MergeConfig
from ingot.train.publishing import model_facts, publish


def merge(config: MergeConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Put the `adapters` into the weights of the model `start`, in fp32. Raises InputError when they do not fit."""
    start = inputs["start"].path
    decoder = merged(load_adapters(load(start), inputs["adapters"].path))
    publish(decoder, start, context.folder)
    return model_facts(decoder)
