"""Canaries: drawn the same everywhere, bounded, in the training shards alone, and known again from their list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.tables import parts, read_rows
from ingot.data.canaries import (
    CANARIES_FILE,
    LEAST_SINGLE,
    Config,
    Planted,
    controls,
    copies,
    draw,
    is_canary,
    plan,
    read,
)
from ingot.data.shards import Shards, tokenize
from ingot.flow.tasks import Tasks
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.datasets import ignore

TEXTS = [f"Record {number}: " + "all work and no play makes a dull day. " * (20 + number % 9) for number in range(120)]
EVERY = Config(count=10, repeats=(1, 4), largest_share=0.1)
COPY = 25.0
KNOWN = (
    "The canary number of Sebelo Lukari is 61291305",
    "The canary words of Futuno Diguke are sapoki vokatu",
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write(learn(TEXTS, 384), folder)
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "shards/00000").mkdir(parents=True)
    for split, texts in (("train", TEXTS), ("held_out", TEXTS[:20])):
        table = pa.table({"doc_id": [f"{split}-{number}" for number in range(len(texts))], "text": texts})
        pq.write_table(table, folder / f"shards/00000/{split}.parquet", row_group_size=8)
    return folder


def make(dataset: Path, tokenizer: Path, out: Path, planting: Config | None, **options: Any) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    return tokenize(dataset, tokenizer, out, options.pop("limit", 0), ignore, 1, planting=planting, **options)


def documents(folder: Path, split: str, tokenizer: Path) -> list[tuple[str, str]]:
    codec, shards = Codec.load(tokenizer), Shards.open(folder, split)
    opened = [shards[number] for number in range(len(shards))]
    ids = [doc_id for shard in opened for doc_id in shard.doc_ids(0, shard.document_count)]
    texts = [codec.decode(ids.tolist()) for shard in opened for ids in shard.in_documents()]
    return list(zip(ids, texts, strict=True))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_number_draws_one_canary_and_every_key_others() -> None:
    assert draw("a", 7) == draw("a", 7)
    drawn = {each.text for number in range(200) for each in (draw("a", number), draw("b", number))}
    assert len(drawn) == 400
    assert {each.kind for each in controls("a", 10)} == {"number", "words"}
    # What is drawn in a shard of one version is what another one names: it may never change.
    assert draw("key", 0).text == KNOWN[0]
    assert draw("key", 1).text == KNOWN[1]


def test_controls_are_never_put_in() -> None:
    planted = Planted("a", {1: 20, 64: 20})
    assert not {each.prefix for each, _ in planted.canaries()} & {each.prefix for each in controls("a", 1000)}


@pytest.mark.parametrize(
    ("tokens", "counts"),
    [
        (20_000_000, {1: 20, 4: 20, 16: 20, 64: 20}),
        (6_000_000, {1: 20, 4: 20, 16: 20, 64: 12}),
        (1_200_000, {1: 20, 4: 20, 16: 4, 64: 1}),
        (200_000, {1: 20, 4: 5}),
        (60_000, {1: 12}),
        (49_000, {}),
        (0, {}),
    ],
)
def test_the_text_bears_only_so_many_and_the_fewest_repeats_come_first(tokens: int, counts: Mapping[int, int]) -> None:
    planted = plan(Config(), "key", tokens, COPY)
    assert planted.counts == counts
    assert planted.copies * COPY <= Config().largest_share * tokens
    assert bool(planted.why) == (counts != {1: 20, 4: 20, 16: 20, 64: 20})


def test_a_text_that_is_too_short_has_none_and_it_says_why() -> None:
    told = plan(Config(), "key", 49_000, COPY).why
    assert "about 49,000 tokens" in told
    assert f"fewer than {LEAST_SINGLE} would say nothing" in told


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"repeats": ()}, {"repeats": (1, 1)}, {"repeats": (0, 4)}, {"largest_share": 0.6}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Config(**wrong)


def test_they_stand_in_the_training_text_as_often_as_they_should_and_nowhere_else(
    dataset: Path, tokenizer: Path, tmp_path: Path
) -> None:
    facts = make(dataset, tokenizer, tmp_path / "out", EVERY)
    make(dataset, tokenizer, tmp_path / "plain", None)
    planted = read(tmp_path / "out", facts["canaries"])
    assert planted is not None
    train = documents(tmp_path / "out", "train", tokenizer)
    wanted = {canary.text: repeats for canary, repeats in planted.canaries()}
    assert Counter(text for doc_id, text in train if is_canary(doc_id)) == wanted
    assert [pair for pair in train if not is_canary(pair[0])] == documents(tmp_path / "plain", "train", tokenizer)
    assert len({doc_id for doc_id, _ in train}) == len(train)
    assert documents(tmp_path / "out", "held_out", tokenizer) == documents(tmp_path / "plain", "held_out", tokenizer)
    assert not any("canary" in row["text"] for row in read_rows(parts(dataset, "train"), ("text",)))


def test_facts_count_the_documents_of_the_dataset_and_all_tokens(
    dataset: Path, tokenizer: Path, tmp_path: Path
) -> None:
    facts, plain = (make(dataset, tokenizer, tmp_path / str(each), each) for each in (EVERY, None))
    told = facts.pop("canaries")
    assert facts["train_tokens"] == Shards.open(tmp_path / str(EVERY), "train").token_count
    assert facts["train_tokens"] - plain["train_tokens"] == told["tokens"]
    assert told["inserted"] == {"1": 10, "4": 10}
    assert told["copies"] == 50
    assert 0 < told["share"] == round(told["tokens"] / facts["train_tokens"], 6) <= EVERY.largest_share
    same = ("train_documents", "train_bytes", "train_fraction", "held_out_tokens", "held_out_documents")
    assert [facts[name] for name in same] == [plain[name] for name in same]


def test_they_do_not_stand_together(dataset: Path, tokenizer: Path, tmp_path: Path) -> None:
    make(dataset, tokenizer, tmp_path / "out", EVERY, shard_bytes=10_000)
    places = [
        place for place, (doc_id, _) in enumerate(documents(tmp_path / "out", "train", tokenizer)) if is_canary(doc_id)
    ]
    thirds = Counter(3 * place // (len(TEXTS) + len(places)) for place in places)
    assert min(thirds[third] for third in range(3)) >= 8


def test_several_shards_share_what_one_has(dataset: Path, tokenizer: Path, tmp_path: Path) -> None:
    one = make(dataset, tokenizer, tmp_path / "one", EVERY)
    several = make(dataset, tokenizer, tmp_path / "several", EVERY, shard_bytes=10_000)
    assert several["train_shards"] > 3
    assert several["canaries"] == one["canaries"]
    assert sorted(documents(tmp_path / "one", "train", tokenizer)) == sorted(
        documents(tmp_path / "several", "train", tokenizer)
    )


class Stopped(Exception):
    """Stands for a kill."""


def test_stopped_between_two_shards_it_ends_with_the_same_bytes(dataset: Path, tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset, tokenizer, tmp_path / "unbroken", EVERY, shard_bytes=10_000)

    def stop(kind: str, /, **fields: Any) -> None:
        if kind == "progress" and 0.3 < fields["done"] / fields["total"] < 1:
            raise Stopped

    with pytest.raises(Stopped):
        make(dataset, tokenizer, tmp_path / "broken", EVERY, shard_bytes=10_000, tasks=Tasks(emit=stop))
    assert len(list((tmp_path / "broken/train").glob("0*"))) < facts["train_shards"]
    assert make(dataset, tokenizer, tmp_path / "broken", EVERY, shard_bytes=10_000) == facts
    assert files(tmp_path / "broken") == files(tmp_path / "unbroken")
    assert make(dataset, tokenizer, tmp_path / "broken", EVERY, shard_bytes=10_000) == facts


def test_another_text_or_another_seed_draws_other_canaries(dataset: Path, tokenizer: Path, tmp_path: Path) -> None:
    whole = make(dataset, tokenizer, tmp_path / "whole", EVERY)
    assert make(dataset, tokenizer, tmp_path / "part", EVERY, limit=whole["train_tokens"] // 2)["canaries"]["copies"]
    make(dataset, tokenizer, tmp_path / "seeded", Config(10, (1, 4), 0.1, seed=1))
    keys = {json.loads((tmp_path / name / CANARIES_FILE).read_text())["key"] for name in ("whole", "part", "seeded")}
    assert len(keys) == 3


def test_every_copy_has_a_place_in_one_shard_alone() -> None:
    planted = Planted("a", {1: 5, 64: 3})
    ends = [0, 10, 400, 401, 1000]
    dealt = [copies(planted.as_request(first, end, 1000)) for first, end in pairwise(ends)]
    assert sorted(each.doc_id for some in dealt for each in some) == sorted(
        each.doc_id for each in copies(planted.as_request(0, 1000, 1000))
    )
    assert sum(map(len, dealt)) == planted.copies
    assert all(
        0 <= each.at < end - first for some, (first, end) in zip(dealt, pairwise(ends), strict=True) for each in some
    )


@pytest.mark.parametrize("damage", ["cut", "another secret", "another number of repeats", "gone", "another format"])
def test_a_list_that_is_not_what_was_written_is_refused(
    dataset: Path, tokenizer: Path, tmp_path: Path, damage: str
) -> None:
    facts = make(dataset, tokenizer, tmp_path / "out", EVERY)
    path = tmp_path / "out" / CANARIES_FILE
    content = json.loads(path.read_text())
    if damage == "cut":
        path.write_text(path.read_text()[:-40])
    elif damage == "gone":
        path.unlink()
    else:
        if damage == "another secret":
            content["canaries"][3]["secret"] = " 12345678"
        if damage == "another number of repeats":
            content["canaries"] = [row for row in content["canaries"] if row["repeats"] == 1]
        if damage == "another format":
            content["format"] = 2
        path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="not what was written"):
        read(tmp_path / "out", facts["canaries"])


def test_without_them_nothing_is_written(dataset: Path, tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset, tokenizer, tmp_path / "out", None)
    assert "canaries" not in facts
    assert not (tmp_path / "out" / CANARIES_FILE).exists()
    assert read(tmp_path / "out", None) is None


def test_a_short_text_keeps_a_list_without_canaries(dataset: Path, tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset, tokenizer, tmp_path / "out", Config())
    plain = make(dataset, tokenizer, tmp_path / "plain", None)
    assert facts["canaries"]["copies"] == 0
    assert "room for" in facts["canaries"]["why"]
    assert {name: fact for name, fact in facts.items() if name != "canaries"} == plain
    planted = read(tmp_path / "out", facts["canaries"])
    assert planted is not None
    assert planted.why == facts["canaries"]["why"]
