"""Every transform, unlisted, describes edits that can be made, whatever the texts and however they come in batches."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.plugins import load, names
from ingot.core.tables import parts, read_rows
from ingot.data.batch import TextBatch, of_texts
from ingot.data.config import Choice, CurateConfig
from ingot.data.edits import Change, apply, records
from tests.data.datasets import dataset, words

TRANSFORMS = names("transform")
# A plug-in is loaded by its name, so its attributes are known at run time only.
SURVEYING = [name for name in TRANSFORMS if load("transform", name).entry.surveys]  # type: ignore[attr-defined]
MENU = "Home | About | Contact\n"
PARAGRAPH = "Nothing in this agreement limits a liability that the law does not allow to be limited, such as intent."
OWN = "What is written here stands in no other document, so that there is something to keep, namely number"
FRAGMENTS = (
    *(
        "plain words\n",
        "\n",
        " ",
        "naÃ¯ve cafÃ©",
        "â€œquotedâ€\x9d",
        "e\u0301",
        "a\u00adb",
        "\u200b",
        "\x00",
        "\x93",
        "\r\n",
        "\t",
    ),
    *("# Heading\n", "```\ncode\n```\n", "| a | b |\n", MENU, f"\n\n{PARAGRAPH * 3}\n\n"),
    *(
        "ann@example.org",
        "+49 30 901820",
        "Dear Anna Rossi,\n",
        "你好",
        "👩\u200d💻",
        "\x1b[31mred\x1b[0m",
        "\ufeff",
        "Привет",
    ),
)
texts = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=12)), max_size=12).map("".join)
# Enough documents for what most of them repeat to be found.
corpora = st.lists(texts, max_size=6).map(lambda some: [*some, *(f"Own text {n}.\n{MENU}" for n in range(12))])


@cache
def made(name: str) -> Any:
    """Return the transform with its default settings."""
    plugin = load("transform", name)
    return plugin.entry(plugin.config_type())


def slices(batch: TextBatch, size: int) -> list[TextBatch]:
    return [TextBatch(batch.rows.slice(start, size)) for start in range(0, len(batch), size)]


def state_of(transform: Any, batches: list[TextBatch]) -> pa.Table | None:
    return transform.merge([transform.survey(batch) for batch in batches]) if transform.surveys else None


@pytest.mark.parametrize("name", TRANSFORMS)
def test_its_config_is_frozen(name: str) -> None:
    assert load("transform", name).config_type.__dataclass_params__.frozen


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(max_examples=30, deadline=None)
@given(corpus=corpora)
def test_edits_fit_their_texts(name: str, corpus: list[str]) -> None:
    transform, batch = made(name), of_texts(corpus)
    edits = transform.edits(batch, state_of(transform, [batch]))
    assert len(edits) == len(corpus)
    for text, each in zip(corpus, edits, strict=True):
        change = Change(name, tuple(each))
        after = apply(text, change)
        assert all(edit.why and (edit.start < edit.end or edit.text) for edit in each)
        assert all(text[edit.start : edit.end] != edit.text for edit in each)
        assert len(records(text, [change])) == len(each)
        assert (after != text) == bool(each)


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(max_examples=15, deadline=None)
@given(corpus=corpora, size=st.integers(1, 7))
def test_batches_make_no_difference(name: str, corpus: list[str], size: int) -> None:
    transform, batch = made(name), of_texts(corpus)
    whole, parts = [batch], slices(batch, size)
    state = state_of(transform, whole)
    assert state == state_of(transform, parts)
    together = [list(each) for each in transform.edits(batch, state)]
    apart = [list(each) for part in parts for each in transform.edits(part, state)]
    assert together == apart


@pytest.mark.parametrize("name", TRANSFORMS)
def test_usual_texts_stay_as_they_are(name: str) -> None:
    transform = made(name)
    batch = of_texts(
        ["The roof was repaired in spring.\n\nGrößere Schäden blieben aus.\n", "另一个文本。\n", "x = 1\n", ""]
    )
    assert [list(each) for each in transform.edits(batch, state_of(transform, [batch]))] == [[], [], [], []]


@pytest.mark.parametrize("name", SURVEYING)
def test_surveys_merge_in_any_order(name: str) -> None:
    transform = made(name)
    corpus = [f"{OWN} {n}.\n{MENU}\n{PARAGRAPH * (1 + n % 3)}\n" for n in range(18)]
    one, two, three = (transform.survey(part) for part in slices(of_texts(corpus), 6))
    expected = transform.merge([one, two, three])
    for first, second, third in itertools.permutations((one, two, three)):
        assert transform.merge([transform.merge([first, second]), third]) == expected
        assert transform.merge([first, transform.merge([second, third])]) == expected
    assert transform.merge([expected]) == expected


@pytest.mark.parametrize("name", SURVEYING)
def test_a_state_survives_its_file(name: str, tmp_path: Path) -> None:
    transform = made(name)
    batch = of_texts([f"{OWN} {n}.\n{MENU}\n{PARAGRAPH * 2}\n" for n in range(12)])
    state = state_of(transform, [batch])
    pq.write_table(state, tmp_path / "survey.parquet", compression="zstd")
    again = (
        load("transform", name)
        .entry(load("transform", name).config_type())
        .edits(batch, pq.read_table(tmp_path / "survey.parquet"))
    )
    assert [list(each) for each in again] == [list(each) for each in transform.edits(batch, state)]
    assert any(again)


def test_shards_make_no_difference_to_a_dataset(tmp_path: Path) -> None:
    corpus = {f"site/{n:02}.html": f"{MENU}\nCafÃ© {n}.\n\n{words(n)}\n\n{PARAGRAPH * 2}\n" for n in range(24)}
    config = CurateConfig(transforms=tuple(map(Choice, ("unicode_repair", "boilerplate", "repeated_paragraphs"))))
    kept = []
    for shards in (1, 5):
        folder = tmp_path / str(shards)
        dataset(folder, corpus, config, shards)
        files = [path for table in ("train", "held_out") for path in parts(folder, table)]
        kept.append(sorted((row["uri"], row["text"], str(row["changes"])) for row in read_rows(files)))
    assert kept[0] == kept[1]
    texts = [text for _, text, _ in kept[0]]
    assert all(text.startswith("Café") for text in texts)
    assert sum(PARAGRAPH in text for text in texts) == 1


@pytest.mark.parametrize("name", SURVEYING)
def test_nothing_surveyed_nothing_changed(name: str) -> None:
    transform = made(name)
    empty = transform.merge([])
    batch = of_texts([f"{OWN} {n}.\n{MENU}\n{PARAGRAPH * 2}\n" for n in range(12)])
    assert not any(transform.edits(batch, empty))
    assert not any(transform.edits(batch, None))
