"""Preferences become pairs of documents in whole rows; what is none is left out by name, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.preferences import Config, tokenize
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import reading, snapshot

ASKED = {"role": "user", "content": "What is 1 and one?"}
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("It is 2.", "No idea."))


def transcript(answer: dict[str, str]) -> str:
    """Return both turns as HH-RLHF writes them."""
    return f"\n\nHuman: {ASKED['content']}\n\nAssistant: {answer['content']}"


PLAIN = {"prompt": ASKED["content"], "chosen": GOOD["content"], "rejected": BAD["content"]}


def made(place: Path, records: list[Any], **options: Any) -> dict[str, Any]:
    (place / "tokenizer").mkdir()
    write(learn(["What is 1 and one? It is 2. No idea. " * 30], 384), place / "tokenizer")
    # The step reads the folder of this input and not its record.
    inputs = {"tokenizer": Artifact(place / "tokenizer", None)}  # type: ignore[arg-type]
    source = snapshot(place / "pairs.jsonl", records)
    return dict(tokenize(Config(**{"held_out_share": 0.0, **options}), inputs, reading(place / "out", source)))


def test_every_published_form_becomes_the_same_two_documents(tmp_path: Path) -> None:
    forms = [
        PLAIN,
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"messages": [ASKED], "chosen": GOOD["content"], "rejected": BAD["content"]},
        {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD], "score_chosen": 8.5, "score_rejected": 2},
        {"prompt": ASKED["content"], "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {"input": {"messages": [ASKED]}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
        {"chosen": transcript(GOOD), "rejected": transcript(BAD)},
    ]
    facts = made(tmp_path, forms)
    assert (facts["train_examples"], facts["failures"]) == (len(forms), 0)
    codec = Codec.load(tmp_path / "tokenizer")
    both = [[*render([ASKED, answer], codec).ids, codec.eos] for answer in (GOOD, BAD)]
    found = [ids[: ids.index(codec.eos) + 1] for ids in _documents(tmp_path / "out")]
    assert found == both * len(forms)
    shown = (tmp_path / "out/masked.txt").read_text()
    assert "⟦It is 2.<|im_end|>⟧" in shown
    assert "⟦No idea.<|im_end|>⟧" in shown


def test_a_text_that_only_mentions_who_speaks_is_no_transcript(tmp_path: Path) -> None:
    mentions = "It is 2.\n\nHuman: and one?\n\nAssistant: No idea."
    made(tmp_path, [{**PLAIN, "chosen": mentions}])
    assert f"⟦{mentions}<|im_end|>⟧" in (tmp_path / "out/masked.txt").read_text()


def test_turns_that_both_share_are_no_part_of_the_answer(tmp_path: Path) -> None:
    made(tmp_path, [{"prompt": [ASKED, GOOD, ASKED], "chosen": [GOOD], "rejected": [BAD]}])
    assert (tmp_path / "out/masked.txt").read_text().count("⟦It is 2.<|im_end|>⟧") == 1


BAD_ROWS = [
    ({**PLAIN, "rejected": PLAIN["chosen"]}, "both answers are the same"),
    ({**PLAIN, "chosen": " "}, "no answer in 'chosen'"),
    ({"prompt": "What?", "chosen": "It is 2."}, "no answer in 'rejected'"),
    ({**PLAIN, "prompt": None}, "no prompt"),
    ({**PLAIN, "prompt": 7}, "neither a text nor a list"),
    ({**PLAIN, "chosen": "It is 2. " * 4000}, "tokens together, and a row holds 1,024"),
    ({**PLAIN, "prompt": [GOOD], "chosen": [ASKED]}, "columns swapped"),
    ({**PLAIN, "chosen": [GOOD, ASKED]}, "columns swapped"),
    ({**PLAIN, "score_chosen": 1, "score_rejected": 9}, "columns swapped"),
    (
        {**PLAIN, "score_chosen": 4, "score_rejected": 4.0},
        "both answers have the score 4, so neither is the better one",
    ),
    ({**PLAIN, "score_chosen": 4}, "'score_rejected' is None, which is no number"),
    ({**PLAIN, "score_chosen": "9", "score_rejected": 4}, "'score_chosen' is '9', which is no number"),
    ({**PLAIN, "prompt": [{"role": "wizard", "content": "x"}]}, "wizard"),
    ({"prompt": "Other?", "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]}, "does not begin with the prompt"),
    ({"chosen": [ASKED, GOOD], "rejected": [{**ASKED, "content": "?"}, BAD]}, "begin differently"),
    ({**PLAIN, "chosen": [{"role": "assistant", "content": [1]}]}, "says nothing in 'chosen'"),
    ("[1, 2]", "not a JSON object"),
    ("{", "Expecting"),
    ('{"prompt": "x", "chosen": "\\ud800", "rejected": "y"}', "surrogates"),
]


def test_bad_rows_are_named_with_their_reason_and_the_rest_is_used(tmp_path: Path) -> None:
    facts = made(tmp_path, [PLAIN, *(row for row, _ in BAD_ROWS), PLAIN])
    assert (facts["train_examples"], facts["failures"]) == (2, len(BAD_ROWS))
    told = [json.loads(line) for line in (tmp_path / "out/failures.jsonl").read_text().splitlines()]
    for number, ((_, reason), failure) in enumerate(zip(BAD_ROWS, told, strict=True), start=2):
        assert failure["where"].endswith(f":{number}")
        assert reason in failure["reason"]


def test_two_lines_that_prefer_opposite_answers_are_told(tmp_path: Path) -> None:
    swapped = {**PLAIN, "chosen": PLAIN["rejected"], "rejected": PLAIN["chosen"]}
    facts = made(tmp_path, [PLAIN, PLAIN, swapped])
    [failure] = [json.loads(line) for line in (tmp_path / "out/failures.jsonl").read_text().splitlines()]
    assert facts["train_examples"] == 2
    assert failure["where"].endswith(":3")
    assert ":1 prefers the other of the same two answers" in failure["reason"]


def test_or_the_first_of_them_ends_the_step(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        made(tmp_path, [PLAIN, BAD_ROWS[0][0]], bad_rows="refuse")
    assert str(refused.value.where).endswith(":2")
    assert refused.value.why == "both answers are the same"


def test_nothing_to_learn_from_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no preference") as refused:
        made(tmp_path, [BAD_ROWS[0][0]])
    assert "both answers are the same" in str(refused.value.why)


@pytest.mark.parametrize("options", [{"row_tokens": 8}, {"held_out_share": 1.0}])
def test_settings_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Config(**options)


def _documents(folder: Path) -> list[list[int]]:
    return [ids.tolist() for ids in Shards.open(folder, "train").in_documents()]
