"""The step that makes a model of an adapter: a few megabytes that name their base, to be served over it.

The folder is the one PEFT reads, with the tokenizer beside it; the weights of the base are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.infer.adapted import check_tokenizer
from ingot.infer.config import AdapterPackageConfig
from ingot.infer.run import take
from ingot.model.convert import read_config
from ingot.model.low_rank import CONFIG_FILE, WEIGHTS_FILE, check_fits


def package(config: AdapterPackageConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Make a model of the `adapters` that were trained beside the model `base`. Raises InputError if they were not."""
    adapters, base = inputs["adapters"], inputs["base"]
    trained_on = adapters.record.inputs.get("start")
    if trained_on not in (None, base.reference, base.record.inputs.get("checkpoint")):
        raise InputError(
            f"{adapters.reference} was trained beside {trained_on}, which is not what {base.reference} was made from",
            where=str(adapters.path),
            why="beside other weights the small ones mean nothing",
            fix=f"name the model that was made from {trained_on}",
        )
    check_tokenizer(adapters.path, base.path)
    fits = check_fits(adapters.path, base.path)
    take(adapters.path, context.folder, (CONFIG_FILE, WEIGHTS_FILE))
    take(base.path, context.folder, ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat*"))
    sizes = read_config(base.path)
    return {
        "kind": config.kind,
        "base": base.reference,
        "rank": fits.rank,
        "targets": list(fits.targets),
        "vocabulary": sizes.vocabulary,
        "context": sizes.context,
        "layout": sizes.layout,
    }
