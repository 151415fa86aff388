"""Conversations become shards; what is learned of them is shown, and bad lines are told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import sha256_file
from ingot.data.conversations import Config, tokenize
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import StepContext
from ingot.tokenizer.chat import render, trained_mask
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write


def talk(number: int) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": f"What is {number} and one?"},
        {"role": "assistant", "content": f"It is {number + 1}."},
    ]


class Told:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, kind: str, /, **fields: Any) -> None:
        self.texts += [fields["text"]] if "text" in fields else []


def made(tmp_path: Path, lines: list[str], told: Told | None = None, config: Config | None = None) -> Any:
    tokenizer, out, source = tmp_path / "tokenizer", tmp_path / "out", tmp_path / "talks.jsonl"
    for folder in (tokenizer, out):
        folder.mkdir()
    write(learn(["What is 1 and one? It is 2. " * 30], 384), tokenizer)
    source.write_text("\n".join(lines) + "\n")
    item = SourceItem("talks.jsonl", str(source), source.stat().st_size, sha256_file(source), 0.0)
    context = StepContext(out, out, 1, told or Told(), {"talks": Snapshot("folder", (item,))})
    # The step reads the folder of this input and not its record.
    inputs = {"tokenizer": Artifact(tokenizer, None)}  # type: ignore[arg-type]
    return tokenize(config or Config(), inputs, context)


def test_every_conversation_is_a_document_framed_as_it_is_served(tmp_path: Path) -> None:
    talks = [talk(number) for number in range(200)]
    facts = made(tmp_path, [json.dumps({"messages": one}) for one in talks])
    codec = Codec.load(tmp_path / "tokenizer")
    found = {
        codec.decode(ids.tolist()): ids
        for split in ("train", "held_out")
        for ids in Shards.open(tmp_path / "out", split).in_documents()
    }
    assert len(found) == facts["train_documents"] + facts["held_out_documents"] == 200
    assert 1 <= facts["held_out_documents"] <= 30
    for one in talks:
        rendered = render(one, codec)
        ids = found[codec.decode(rendered.ids)]
        assert ids.tolist() == [*rendered.ids, codec.eos]
        assert trained_mask(ids, codec).tolist() == [*rendered.trained, False]


def test_what_is_learned_is_shown(tmp_path: Path) -> None:
    told = Told()
    facts = made(tmp_path, [json.dumps({"messages": talk(number)}) for number in range(9)], told, Config(0.0))
    shown = (tmp_path / "out/masked.txt").read_text()
    assert "<|im_start|>assistant\n⟦It is 1.<|im_end|>⟧\n" in shown
    assert shown.count("⟦") == 5
    assert 0 < facts["trained_tokens"] < facts["train_tokens"]
    assert "masked.txt shows which" in told.texts[0]


def test_lines_that_are_no_conversation_are_left_out_with_a_reason(tmp_path: Path) -> None:
    bad = [
        "{",
        '{"text": "no messages"}',
        '{"messages": [{"role": "robot", "content": "beep"}]}',
        '{"messages": [{"role": "user", "content": "anybody?"}]}',
        "[]",
        '{"messages": [{"role": "assistant", "content": "half \\ud83d"}]}',
    ]
    told = Told()
    facts = made(tmp_path, [*bad, json.dumps({"messages": talk(1)})], told, Config(0.0))
    assert (facts["train_documents"], facts["failures"]) == (1, len(bad))
    reasons = [json.loads(line) for line in (tmp_path / "out/failures.jsonl").read_text().splitlines()]
    assert [each["where"] for each in reasons] == [f"talks.jsonl:{number}" for number in range(1, 7)]
    assert "robot" in reasons[2]["reason"]
    assert "says nothing" in reasons[3]["reason"]
    assert "6 lines" in told.texts[1]


def test_nothing_to_learn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no conversation to learn from"):
        made(tmp_path, ["{}"])
    with pytest.raises(UsageError, match="held_out_share"):
        Config(1.0)


def test_a_bad_line_ends_the_step_where_that_was_chosen(tmp_path: Path) -> None:
    bad = {"messages": [{"role": "human", "content": "x"}]}
    lines = [json.dumps({"messages": talk(1)}), json.dumps(bad)]
    with pytest.raises(InputError, match="cannot be learned from") as caught:
        made(tmp_path, lines, config=Config(0.0, bad_rows="refuse"))
    assert caught.value.where == "talks.jsonl:2"
    assert "called 'user' here" in caught.value.why


def test_what_is_longer_than_a_model_reads_is_named(tmp_path: Path) -> None:
    long = [{"role": "user", "content": "What is 1? " * 10_000}, {"role": "assistant", "content": "It is 1."}]
    lines = [json.dumps({"messages": each}) for each in (talk(1), long)]
    facts = made(tmp_path, lines, config=Config(0.0, longest_tokens=2048))
    assert (facts["train_documents"], facts["failures"], facts["ended_turns"], facts["unanswered"]) == (1, 1, 1, 0)
    (failure,) = map(json.loads, (tmp_path / "out/failures.jsonl").read_text().splitlines())
    assert failure["where"] == "talks.jsonl:2"
    assert failure["reason"].endswith("tokens, and the longest allowed has 2,048")
    with pytest.raises(UsageError, match="longest_tokens"):
        Config(longest_tokens=-1)


@pytest.mark.parametrize("is_refused", [False, True])
def test_swapped_speakers_are_told_or_refused(tmp_path: Path, is_refused: bool) -> None:
    swapped = [
        [{"role": "user", "content": f"{number}."}, {"role": "assistant", "content": f"What is {number}?"}]
        for number in range(20)
    ]
    told, lines = Told(), [json.dumps({"messages": each}) for each in swapped]
    if is_refused:
        with pytest.raises(InputError, match="seem to be swapped"):
            made(tmp_path, lines, told, Config(0.0, bad_rows="refuse"))
    else:
        assert made(tmp_path, lines, told, Config(0.0))["train_documents"] == 20
        assert "seem to be swapped" in told.texts[0]
