"""Lines that a place repeats go; what documents have in common by nature, and what is in a few, stays."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from ingot.data.batch import TextBatch
from ingot.data.edits import Change, apply
from ingot.data.transforms.boilerplate import Config, Transform, levels, prose_lines, stretches

MENU = "Home | Products | About us"
LEGAL = "This message is confidential and meant for its addressee."


def batch(texts: Sequence[str], place: str = "site", parser: str = "html", first: int = 0) -> TextBatch:
    numbers = range(first, first + len(texts))
    columns = {
        "doc_id": [f"{place}-{number}" for number in numbers],
        "uri": [f"{place}/{number}.html" for number in numbers],
        "parser": [parser] * len(texts),
        "text": list(texts),
    }
    return TextBatch(pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()}))


def cleaned(batches: Sequence[TextBatch], config: Config | None = None) -> list[str]:
    transform = Transform(config or Config())
    state = transform.merge([transform.survey(each) for each in batches])
    return [
        apply(text, Change("boilerplate", tuple(edits)))
        for each in batches
        for text, edits in zip(each.strings, transform.edits(each, state), strict=True)
    ]


def page(number: int) -> str:
    return f"{MENU}\n\n# About {number}\n\nWhat only page {number} says.\n\n{LEGAL}\n"


def test_what_every_page_repeats_goes() -> None:
    pages = [page(number) for number in range(12)]
    assert cleaned([batch(pages)])[3] == "# About 3\n\nWhat only page 3 says.\n\n"


def test_a_folder_of_its_own_is_judged_on_its_own() -> None:
    menus = batch([f"{MENU}\nOwn text {number}.\n" for number in range(12)], "a/menus")
    others = batch([f"Another text {number}.\n" for number in range(60)] + [f"{MENU}\nkept here\n"], "a/others")
    after = cleaned([menus, others])
    assert after[0] == "Own text 0.\n"
    assert after[-1] == f"{MENU}\nkept here\n"


def test_small_folders_are_judged_with_what_they_lie_in() -> None:
    batches = [batch([f"Dear customer {n}.\n{LEGAL}\n" for n in range(2)], f"mail/{box}") for box in range(8)]
    assert cleaned(batches)[0] == "Dear customer 0.\n"
    assert LEGAL in cleaned(batches[:4])[0]  # eight documents are too few to say


@pytest.mark.parametrize(("share", "is_kept"), [(0.4, False), (0.6, True)])
def test_the_share_decides(share: float, is_kept: bool) -> None:
    texts = [f"Own text {n}.\n{LEGAL if n % 2 else 'nothing'}\n" for n in range(40)]
    assert (LEGAL in cleaned([batch(texts)], Config(share=share))[1]) is is_kept


def test_structure_and_signs_stay() -> None:
    texts = [f"# Findings\n\n| a | b |\n\n---\n\n}}\n\n```\nimport os\n```\n\nOwn text {n}.\n" for n in range(12)]
    assert cleaned([batch(texts)]) == texts


def test_what_would_be_lost_altogether_stays() -> None:
    texts = [f"{LEGAL * 5}\nOwn text {n}.\n" for n in range(12)]
    assert cleaned([batch(texts)]) == texts
    assert cleaned([batch(texts)], Config(most_characters=1000))[0] == "Own text 0.\n"


def test_code_and_records_stay() -> None:
    texts = [f"{MENU}\nOwn text {n}.\n" for n in range(12)]
    assert cleaned([batch(texts, parser="code")]) == texts
    assert cleaned([batch(texts, parser="jsonl")]) == texts


def test_numbers_can_be_ignored() -> None:
    texts = [f"Own text {chr(97 + n) * 3}.\n\nPage {n} of 12\n" for n in range(12)]
    assert cleaned([batch(texts)]) == texts
    assert cleaned([batch(texts)], Config(ignore_digits=True))[4] == "Own text eee.\n\n"


def test_a_larger_corpus_is_judged_by_a_sample() -> None:
    pages = [batch([page(number)], first=number) for number in range(60)]
    transform = Transform(Config(most_documents=20))
    state = transform.merge([transform.survey(each) for each in pages])
    assert len(state) == 20
    assert all(transform.edits(each, state)[0] for each in pages)


def test_only_the_ends_of_long_texts_are_looked_at() -> None:
    transform = Transform(Config())
    (lines,) = transform.survey(batch(["\n".join(f"line {n}" for n in range(5000))]))["lines"].to_pylist()
    assert len(lines) == 400


def test_blank_lines_do_not_pile_up() -> None:
    text = "one\n\nMENU\n\nFOOT\n\ntwo\n"
    unwanted = [line for line in prose_lines(text) if line.content in ("", "MENU", "FOOT")]
    assert [text[start:end] for start, end in stretches(unwanted)] == ["MENU\n\nFOOT\n\n"]
    assert list(stretches(line for line in prose_lines("a\nMENU\n\nb\n") if line.content in ("", "MENU"))) == [(2, 7)]


def test_places_end_with_the_whole_corpus() -> None:
    assert list(levels("https://acme.test/a")) == ["https://acme.test/a", "https://acme.test", "https:/", "https:", ""]
