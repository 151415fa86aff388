"""Print the reference page of model presets, made from the presets themselves.

Write it with `python docs/reference/presets_page.py > docs/reference/presets.md`; tests/model fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingot.model.config import ModelConfig
from ingot.model.presets import PRESETS, Preset

HEADER = """# Model presets

<!-- Made by docs/reference/presets_page.py from the presets themselves: change those, then write it again. -->

Sizes with a name, from a million parameters to four hundred billion. Names are read in upper or lower case.

*Parameters* count every trained number, tied token tables once. *Active* are those one token meets: all of them in a
dense model; in a mixture of experts without the experts it is not sent to. *GFLOP per token* is what training on one
token takes, forward and backward, at 4,096 tokens (or the context, where that is shorter).
"""

OURS = """## Our own

They have Qwen3's layout, dense or with experts, so every program that opens Qwen3 opens them.
"""

PUBLISHED = """## Published

What the published config.json says, so that weights of that model fit; the counts are compared with transformers' own
in the tests.
"""

HEAD = (
    "| preset | layout | parameters | active | layers | width | heads | key heads | feed-forward | experts "
    "| vocabulary | context | GFLOP per token |\n"
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --- | --: | --: | --: |"
)


def page() -> str:
    """Return the page as Markdown."""
    ours = [row(preset) for preset in PRESETS.values() if not preset.source]
    published = [row(preset) for preset in PRESETS.values() if preset.source]
    return "\n".join([HEADER, OURS, HEAD, *ours, "", PUBLISHED, HEAD, *published]) + "\n"


def row(preset: Preset) -> str:
    """Return a preset as a row of the table."""
    return "| " + " | ".join(cells(preset.name, preset.model)) + " |"


def cells(name: str, model: ModelConfig) -> Iterator[str]:
    """Yield what the table says about a model."""
    yield f"`{name}`"
    yield model.layout
    yield f"{model.parameters:,}"
    yield f"{model.active_parameters:,}" if model.experts else "all"
    yield from (f"{size:,}" for size in (model.layers, model.width, model.heads, model.kv_heads))
    yield f"{model.expert_ffn_width if model.experts else model.ffn_width:,}"
    yield f"{model.experts_per_token} of {model.experts}" if model.experts else "-"
    yield f"{model.vocabulary:,}"
    yield f"{model.context:,}"
    yield f"{model.flops_per_token(min(model.context, 4096)) / 1e9:,.3g}"


if __name__ == "__main__":
    print(page(), end="")
