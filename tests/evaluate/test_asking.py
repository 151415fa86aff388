"""A model is asked every kind of item; each answer is kept, and what stands in its training data is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.tables import parts, read_rows
from ingot.data.ngram_index import build
from ingot.evaluate.asking import ask
from ingot.evaluate.bits import document_bits
from ingot.evaluate.config import AskConfig
from ingot.evaluate.task import Asking, Choice, Item, Passage, Question, Task, own_text, write_task
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.convert import load
from ingot.tokenizer.codec import Codec
from tests.evaluate.small_build import artifact, silent

CHOICES: list[Item] = [
    Choice("one", "import", ("logging", "json"), (0,), "imports"),
    Choice("two", "def", ("visit", "parse"), (1,), "names"),
    Choice("three", "class", ("Node", "Handler", "Parser"), (2, 0), "names"),
]
QUESTIONS: list[Item] = [Question("ask", "Question: Who?\nAnswer:", ("nobody", "no one"))]
PASSAGES: list[Item] = [Passage("whole", "", "import json\n"), Passage("rest", "", "class Node:\n    pass\n")]


def asked(tmp_path: Path, made: Mapping[str, Artifact], items: Sequence[Item], *trained_on: str) -> tuple[Path, Any]:
    place = tmp_path / "task"
    place.mkdir()
    write_task(place, Task("test", 1, Asking(("exact_match", "f1"), ("\n",), 4), tuple(items)))
    if trained_on:
        build([own_text(item) for item in items], place, 8)
    out = tmp_path / "evaluation"
    out.mkdir()
    inputs = {"model": made["checkpoint"], "task": artifact("acme-task", place, {})}
    inputs |= {f"trained-on-{name}": made[name] for name in trained_on}
    return out, ask(AskConfig(resamples=50), inputs, StepContext(out, tmp_path, 1, silent))


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_request_is_put_to_a_chat_model_as_a_turn(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    asking = Asking(("refusal",), (), 4, is_request=True)
    told = []
    prompts = []
    for kind in ("base", "chat"):
        place, out = tmp_path / f"{kind}-task", tmp_path / f"{kind}-evaluation"
        place.mkdir()
        out.mkdir()
        write_task(place, Task("refusals", 1, asking, (Question("ask", "How do I end it?", ("answered",)),)))
        model = replace(made["checkpoint"], record=replace(made["checkpoint"].record, facts={"kind": kind}))
        inputs = {"model": model, "task": artifact("acme-task", place, {})}
        facts = ask(AskConfig(resamples=50), inputs, StepContext(out, tmp_path, 1, silent))
        told.append(facts["framing"])
        prompts.append(results(out)[0]["prompt"])
    assert told == ["text", "chat"]
    assert prompts[0] != prompts[1]  # so that the two are never compared


def test_a_leaning_counts_the_answers_that_lean(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    both = ("logging", "json")
    items: list[Item] = [
        Choice("pair", "import", both, (), leanings={"stereotyped": ((0,), (1,))}),
        Choice("none", "import", both, (1,), leanings={"stereotyped": ((), ()), "unknown": ((0, 1), ())}),
    ]
    folder, facts = asked(tmp_path, made, items)
    pair, none = results(folder)
    assert pair["scores"] == {"share_stereotyped": float(pair["answer"] == "logging")}
    assert none["scores"]["share_unknown"] == 1.0
    assert "share_stereotyped" not in none["scores"]
    assert facts["metrics"]["accuracy"]["items"] == facts["metrics"]["share_stereotyped"]["items"] == 1


def test_choices_are_scored_item_by_item_and_by_group(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    folder, facts = asked(tmp_path, made, CHOICES)
    lines = results(folder)
    assert [line["id"] for line in lines] == ["one", "two", "three"]
    for line, item in zip(lines, CHOICES, strict=True):
        assert isinstance(item, Choice)
        best = line["weights"].index(max(line["weights"]))
        assert line["answer"] == item.choices[best]
        assert line["scores"]["accuracy"] == float(best in item.right)
        assert line["seen_share"] is None
    mean = sum(line["scores"]["accuracy"] for line in lines) / 3
    figure = facts["metrics"]["accuracy"]
    assert figure["value"] == pytest.approx(mean, abs=1e-6)
    assert figure["low"] <= mean <= figure["high"]
    assert set(facts["metrics"]) == {"accuracy", "accuracy_by_length"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {name: group["accuracy"]["items"] for name, group in metrics["groups"].items()} == {"imports": 1, "names": 2}
    assert facts["contamination"]["is_known"] is False


def test_what_was_written_is_kept_and_scored(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    folder, facts = asked(tmp_path, made, QUESTIONS)
    (line,) = results(folder)
    assert "\n" not in line["answer"]
    assert line["right"] == "nobody"
    assert set(facts["metrics"]) == {"exact_match", "f1"}


def test_passages_are_read_as_the_report_reads_them(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    _, facts = asked(tmp_path, made, PASSAGES)
    codec, decoder = Codec.load(made["checkpoint"].path), load(made["checkpoint"].path).eval()
    texts = [item.text for item in PASSAGES if isinstance(item, Passage)]
    bits = document_bits(decoder, codec.encode_batch(texts), codec.bos, 32)
    assert facts["metrics"]["bits_per_byte"]["value"] == pytest.approx(bits.sum() / sum(map(len, texts)), abs=1e-4)


def test_a_blank_is_scored_by_whether_it_would_be_written(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    folder, facts = asked(tmp_path, made, [Passage("blank", "import json and", "logging")])
    (line,) = results(folder)
    assert line["scores"]["accuracy"] in (0.0, 1.0)
    assert line["answer"] == ("logging" if line["scores"]["accuracy"] else "")
    assert facts["metrics"]["bits_per_byte"]["value"] > 0


def test_items_of_the_training_documents_are_told_apart(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    row = next(read_rows(parts(made["dataset"].path, "train"), ("text",)))
    known = " ".join(row["text"].split()[20:60])
    items: list[Item] = [
        Choice("seen", known, ("yes", "no"), (0,)),
        Choice("new", "None of these nine words stands in any file of those modules, surely", ("yes", "no"), (1,)),
        Choice("short", "Who?", ("me", "you"), (0,)),
    ]
    folder, facts = asked(tmp_path, made, items, "dataset")
    shares = {line["id"]: line["seen_share"] for line in results(folder)}
    assert shares["seen"] > 0.5 > shares["new"]
    assert shares["short"] is None
    told = facts["contamination"]
    assert (told["is_known"], told["checked"], told["seen"], told["words"]) == (True, 2, 1, 8)
    assert told["unseen_metrics"]["accuracy"]["items"] == 1
