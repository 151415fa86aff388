"""The model card: what a model is, what went into it, how good it is and what it is not for, in one README.md.

Everything stated is a recorded fact of an artifact the model descends from; what was not recorded is left out, never
guessed. The front matter follows the model-card format of the Hugging Face Hub; the sections follow Mitchell et al.
2019, "Model cards for model reporting", section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.flow.artifact import Artifact

CHAT_LIMIT = (
    "It was taught to answer by its owner's examples: how it answers what is unlike them, nobody has looked at."
)
BASE_LIMITS = (
    "It is a base model: it continues text and has not been taught to answer questions or to follow instructions.",
    "It knows only what its documents say, invents what they do not, and states both alike.",
    "It may repeat passages of its documents word for word: whoever may ask it should be allowed to read them.",
    "Nothing beyond the figures above was measured: no safety, bias or factuality test was run.",
)

# bits per byte of the model first, then what it has to beat
_SCORES = (
    ("bits_per_byte", "this model"),
    ("before_bits_per_byte", "the model it went on from"),
    ("ngram_bits_per_byte", "n-gram model trained on the same text"),
    ("zstd_bits_per_byte", "zstd -19 with the training text as dictionary"),
)


@dataclass(frozen=True)
class Card:
    """What a card is written from: the model's facts, the facts of its report, and the artifacts it descends from."""

    name: str
    facts: Mapping[str, Any]
    report: Mapping[str, Any]
    ancestors: Sequence[Artifact] = ()


def write_card(card: Card) -> str:
    """Return the card as Markdown."""
    sections = (
        _front_matter(_is_chat(card)),
        f"# {card.name}",
        _introduction(card),
        _section("What went in", _data(card.ancestors)),
        _section("How good it is", _quality(card.report)),
        _section("What it knows by heart", _audit(card.ancestors)),
        _section("The model", _model(card.facts)),
        _section("How to use it", _use(card)),
        _section("Limits", [f"- {limit}" for limit in _limits(card)]),
        _section("Where it comes from", _lineage(card.ancestors)),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _is_chat(card: Card) -> bool:
    return card.facts.get("kind") == "chat"


def _front_matter(is_chat: bool) -> str:
    kind = "conversational" if is_chat else "base-model"
    return f"---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- ingot\n- {kind}\n---"


def _limits(card: Card) -> tuple[str, ...]:
    return (CHAT_LIMIT, *BASE_LIMITS[1:]) if _is_chat(card) else BASE_LIMITS


def _introduction(card: Card) -> str:
    size = f" of {_number(card.facts['parameters'])} parameters" if "parameters" in card.facts else ""
    if _is_chat(card):
        return f"A language model{size} that answers in conversations, taught with its owner's examples with Ingot."
    how = "gone on from an existing model with" if "before_bits_per_byte" in card.report else "trained from scratch on"
    return f"A base language model{size}, {how} its owner's documents with Ingot."


def _section(title: str, lines: Iterable[str]) -> str:
    body = "\n".join(lines)
    return f"## {title}\n\n{body}" if body else ""


def _data(ancestors: Sequence[Artifact]) -> list[str]:
    documents, dataset = _facts_of(ancestors, "Documents"), _facts_of(ancestors, "Dataset")
    rows = (
        ("files read", documents.get("files")),
        ("files that could not be read", documents.get("failed")),
        ("documents found", dataset.get("documents_in", documents.get("documents"))),
        ("documents kept", dataset.get("documents_kept")),
        ("documents to learn from", dataset.get("train_documents")),
        ("bytes of text to learn from", dataset.get("train_bytes")),
        ("documents held out for the figures below", dataset.get("held_out_documents")),
        ("bytes of text held out", dataset.get("held_out_bytes")),
    )
    lines = _table(("what", "how many"), [(label, _number(value)) for label, value in rows if value is not None])
    dropped = dataset.get("dropped_by_reason") or {}
    if dropped:
        reasons = ", ".join(f"{reason} {_number(count)}" for reason, count in sorted(dropped.items()))
        lines += ["", f"Dropped, by reason: {reasons}."]
    return lines


def _quality(report: Mapping[str, Any]) -> list[str]:
    scores = [(label, report[key]) for key, label in _SCORES if isinstance(report.get(key), int | float)]
    if not scores:
        earned, preferred = _earning(report), _preferring(report)
        return [*earned, *([""] if earned and preferred else []), *preferred] or _answering(report)
    rows = [(label, f"{value:.3f}") for label, value in scores]
    interval = report.get("interval")
    if isinstance(interval, list | tuple) and len(interval) == 2:
        rows[0] = (rows[0][0], f"{rows[0][1]} (95% interval {interval[0]:.3f} to {interval[1]:.3f})")
    explained = "Bits needed per byte of documents it never saw; lower is better."
    return [explained, "", *_table(("", "bits per byte"), rows)]


def _answering(figures: Mapping[str, Any]) -> list[str]:
    if not isinstance(figures.get("valid_loss"), int | float):
        return []
    rows = [("surprise per token of the assistant, in nats", f"{figures['valid_loss']:.3f}")]
    rows += [("share of those tokens that it would have said itself", f"{figures.get('valid_accuracy', 0):.1%}")]
    return ["Measured on conversations that were kept aside.", "", *_table(("what", "value"), rows)]


def _preferring(figures: Mapping[str, Any]) -> list[str]:
    if not isinstance(figures.get("preference_accuracy"), int | float):
        return []
    low, high = figures["preference_accuracy_interval"]
    share = f"{figures['preference_accuracy']:.1%} (95% interval {low:.1%} to {high:.1%})"
    rows = [("share in which the better answer gained on the worse one", share)]
    rows += [("by how many nats, in the mean", f"{figures['preference_margin']:.3f}")]
    told = f"Measured on {_number(figures.get('pairs'))} pairs of answers that were kept aside."
    return [told, "", *_table(("what", "value"), rows)]


def _earning(figures: Mapping[str, Any]) -> list[str]:
    if not isinstance(figures.get("reward"), int | float):
        return []
    low, high = figures["reward_interval"]
    rows = [
        ("mean reward of its most probable answer", f"{figures['reward']:.3f} (95% interval {low:.3f} to {high:.3f})")
    ]
    rows += [("before it learned from rewards", f"{figures['reward_before']:.3f}")]
    told = f"Measured on {_number(figures.get('prompts'))} prompts that were kept aside."
    return [told, "", *_table(("what", "value"), rows)]


def _audit(ancestors: Sequence[Artifact]) -> list[str]:
    found = _facts_of(ancestors, "Audit")
    if not found:
        return []
    said = {"pass": "passed", "fail": "FAILED", "unsure": "could not tell"}[found["verdict"]]
    return [f"The audit {said}:", "", *(f"- {reason}" for reason in found["reasons"])]


def _model(facts: Mapping[str, Any]) -> list[str]:
    rows = (
        ("parameters", facts.get("parameters")),
        ("vocabulary", facts.get("vocabulary")),
        ("longest text it reads, in tokens", facts.get("context")),
        ("layout", facts.get("layout")),
        ("fastest engine that gives the same tokens", facts.get("engine")),
    )
    return _table(("what", "value"), [(label, _number(value)) for label, value in rows if value is not None])


def _use(card: Card) -> list[str]:
    return [
        "```",
        f"ingot chat {card.name}",
        f"ingot serve {card.name}      # an OpenAI-compatible API on this machine",
        "```",
        "",
        "transformers and vLLM open the folder as it is; llama.cpp and OpenVINO open `model-f16.gguf`.",
    ]


def _lineage(ancestors: Sequence[Artifact]) -> list[str]:
    rows = [
        (artifact.reference, artifact.kind, artifact.fingerprint[:16], artifact.record.finished)
        for artifact in ancestors
    ]
    return _table(("artifact", "kind", "fingerprint", "made"), rows) if rows else []


def _facts_of(ancestors: Sequence[Artifact], kind: str) -> Mapping[str, Any]:
    return next((artifact.facts for artifact in ancestors if artifact.kind == kind), {})


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    return [_row(head), _row(tuple("---" for _ in head)), *(_row(row) for row in rows)]


def _row(cells: tuple[str, ...]) -> str:
    # A name from outside must not open a new column or a new line of the table.
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
