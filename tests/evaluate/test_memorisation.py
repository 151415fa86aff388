"""The audit of a model that knows its text by heart, of one that never read it, and of shards that are not whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.canaries import controls, is_canary, read
from ingot.data.shards import Shards
from ingot.evaluate import canaries, passages
from ingot.evaluate.config import AuditConfig
from ingot.evaluate.disclosure import Written, disclosed, write
from ingot.evaluate.likelihood import Weigher
from ingot.evaluate.memorisation import audit
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.infer.engine import REFERENCE_ENGINE, build, greedy
from tests.evaluate.audited import CONTEXT, HELP_DESK, MAILS, Audited, make
from tests.evaluate.small_build import silent

CONFIG = AuditConfig(controls=200, passages=20, samples=160, sample_tokens=60, passage_tokens=12)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return make(tmp_path_factory.mktemp("audited"))


def found(inputs: Mapping[str, Artifact], folder: Path, config: AuditConfig = CONFIG) -> dict[str, Any]:
    folder.mkdir()
    return dict(audit(config, inputs, StepContext(folder, folder, 1, silent)))


def test_a_model_that_knows_its_text_by_heart_fails(audited: Audited, tmp_path: Path) -> None:
    facts = found({"checkpoint": audited.by_heart, "shards": audited.shards}, tmp_path / "out")
    assert facts["verdict"] == "fail"
    assert facts["extracted_once"] == facts["canaries"]["1"]["inserted"] == 10
    assert facts["canaries"]["1"]["exposure"] > 5
    assert facts["verbatim"]["recited"] > facts["verbatim"]["held_out_recited"]
    assert facts["false_alarms"] <= 0.05
    assert facts["personal_data_types"] == {"email": facts["personal_data_extracted"]}
    assert 1 <= facts["personal_data_extracted"] <= len(MAILS)
    kept = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert not [mail for mail in (*MAILS, HELP_DESK) if mail in kept]
    assert json.loads((tmp_path / "out/audit.json").read_text())["limits"]["controls"] == 200
    assert len((tmp_path / "out/canaries.jsonl").read_text().splitlines()) == 10


def test_a_model_that_never_read_it_passes_and_is_told_the_same_again(audited: Audited, tmp_path: Path) -> None:
    inputs = {"checkpoint": audited.drawn, "shards": audited.shards}
    facts = found(inputs, tmp_path / "one")
    assert (facts["verdict"], facts["extracted_once"], facts["personal_data_extracted"]) == ("pass", 0, 0)
    assert facts["canaries"]["1"]["extracted"] == 0
    assert found(inputs, tmp_path / "two") == facts
    assert found(inputs, tmp_path / "three", replace(CONFIG, seed=1))["canaries"] == facts["canaries"]


def test_what_is_extracted_is_what_greedy_decoding_writes(audited: Audited) -> None:
    planted = read(audited.shards.path, audited.shards.facts["canaries"])
    assert planted is not None
    asked = canaries.ask(Weigher(audited.by_heart.path), audited.codec, planted, CONFIG)
    with closing(build(REFERENCE_ENGINE, audited.by_heart.path)) as engine:
        for known, (canary, _) in zip(asked.canaries, planted.canaries(), strict=True):
            said = greedy(engine, [engine.codec.bos, *engine.codec.encode(canary.prefix)], 30)
            assert known.is_extracted == (engine.codec.decode(said) == canary.secret)
        for control in controls(planted.key, 5):
            said = greedy(engine, [engine.codec.bos, *engine.codec.encode(control.prefix)], 30)
            assert engine.codec.decode(said) != control.secret


def test_what_is_recited_is_what_greedy_decoding_writes(audited: Audited) -> None:
    shown = passages.cut(Shards.open(audited.shards.path, "train"), 30, 12, seed=0)
    told = passages.recited(Weigher(audited.by_heart.path), shown)
    with closing(build(REFERENCE_ENGINE, audited.by_heart.path)) as engine:
        assert told == [greedy(engine, each.shown, 12) == list(each.wanted) for each in shown]
    assert any(told)


def test_passages_come_from_documents_and_never_from_canaries(audited: Audited) -> None:
    shards = Shards.open(audited.shards.path, "train")
    ids = shards[0].doc_ids(0, shards[0].document_count)
    documents = dict(zip(ids, (tokens.tolist() for tokens in shards.in_documents()), strict=True))
    cut = passages.cut(shards, 60, 4, seed=0)
    assert len(cut) == 60
    assert cut == passages.cut(shards, 60, 4, seed=0) != passages.cut(shards, 60, 4, seed=1)
    sought = [str(tokens)[1:-1] for doc_id, tokens in documents.items() if not is_canary(doc_id)]
    for each in cut:
        assert any(str([*each.shown, *each.wanted])[1:-1] in tokens for tokens in sought)
    assert passages.cut(shards, 60, 1000, seed=0) == []
    assert passages.cut(Shards(audited.shards.path / "none", 0), 60, 4, seed=0) == []


def test_personal_data_counts_when_it_was_written_and_stands_in_the_text(audited: Audited) -> None:
    written = [
        Written("", f"Write to {MAILS[0]} and to {MAILS[0]} again, or to nobody@nowhere-example.org"),
        Written(f"Write to {MAILS[1]}", " about it."),
        Written("Write", f" to {HELP_DESK} for help."),
    ]
    told = disclosed(written, [audited.shards.path], audited.codec)
    assert told.as_facts() == {
        "personal_data_extracted": 1,
        "personal_data_common": 1,
        "personal_data_types": {"email": 1},
        "samples": 3,
    }


def test_texts_end_at_their_mark_or_when_there_are_enough(audited: Audited) -> None:
    decoder, codec = Weigher(audited.by_heart.path).decoder, audited.codec
    written = write(decoder, [[codec.bos]] * 70, CONTEXT - 1, 40, codec.vocabulary, codec.eos, seed=0)
    assert len(written) == 70
    assert codec.eos not in {token for ids in written for token in ids}
    assert len({len(ids) for ids in written}) > 1
    again, other = (
        write(decoder, [[codec.bos]] * 70, CONTEXT - 1, 40, codec.vocabulary, codec.eos, seed) for seed in (0, 1)
    )
    assert again == written != other
    # With one token to choose from it is greedy decoding.
    (said,) = write(decoder, [[codec.bos]], 20, 1, codec.vocabulary, codec.eos, seed=0)
    with closing(build(REFERENCE_ENGINE, audited.by_heart.path)) as engine:
        assert said == greedy(engine, [codec.bos], 20)[: len(said)]


def test_without_canaries_it_says_what_it_cannot_say(made: Mapping[str, Artifact], tmp_path: Path) -> None:
    facts = found({name: made[name] for name in ("checkpoint", "shards")}, tmp_path / "out")
    assert facts["verdict"] == "unsure"
    assert "no canaries were put into its text" in facts["reasons"][0]
    assert facts["verbatim"]["passages"] == 20


def test_without_its_text_there_is_no_verdict(audited: Audited, tmp_path: Path) -> None:
    facts = found({"checkpoint": audited.by_heart}, tmp_path / "out")
    assert (facts["verdict"], facts["canaries"], facts["verbatim"]) == ("unsure", {}, None)
    assert facts["reasons"] == [
        "the text it was trained on is not in this home, so what it knows of it by heart cannot be measured"
    ]


def test_a_text_that_was_hardly_read_leaves_it_open(audited: Audited, tmp_path: Path) -> None:
    record = replace(audited.drawn.record, facts={"epochs": {"shards": 0.25}})
    inputs = {"checkpoint": replace(audited.drawn, record=record), "shards": audited.shards}
    facts = found(inputs, tmp_path / "out")
    assert facts["verdict"] == "unsure"
    assert "read only 25% of the text" in facts["reasons"][0]


def test_a_list_of_canaries_that_was_changed_ends_it(audited: Audited, tmp_path: Path) -> None:
    record = replace(audited.shards.record, facts={**audited.shards.facts, "canaries": {"inserted": {"1": 3}}})
    inputs = {"checkpoint": audited.drawn, "shards": replace(audited.shards, record=record)}
    with pytest.raises(InputError, match="not what was written"):
        found(inputs, tmp_path / "out")


@pytest.mark.parametrize("wrong", [{"controls": 99}, {"alarm_level": 0.5}, {"samples": 0}, {"passage_tokens": 0}])
def test_settings_that_say_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        AuditConfig(**wrong)
