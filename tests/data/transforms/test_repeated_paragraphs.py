"""A paragraph stays in one document and goes from the others, whatever the order of the documents."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingot.data.batch import TextBatch, of_texts
from ingot.data.edits import Change, apply
from ingot.data.transforms.repeated_paragraphs import REPEATED, Config, Transform, paragraphs

CLAUSE = "The parties shall first try to settle any dispute by negotiation. " * 4
OWN = "What stands here is said in no other document of this collection, not even in part, and so it stays. " * 3


def cleaned(batches: Sequence[TextBatch], config: Config | None = None) -> list[str]:
    transform = Transform(config or Config())
    state = transform.merge([transform.survey(each) for each in batches])
    return [
        apply(text, Change("repeated_paragraphs", tuple(edits)))
        for each in batches
        for text, edits in zip(each.strings, transform.edits(each, state), strict=True)
    ]


def contract(number: int, clause: str = CLAUSE) -> str:
    return f"Contract {number}\n\n{number} {OWN}\n\n{clause}\n\nSigned.\n"


def test_it_stays_in_one_document() -> None:
    after = cleaned([of_texts([contract(number) for number in range(5)])])
    assert sum(CLAUSE in text for text in after) == 1
    assert sum(text == f"Contract {n}\n\n{n} {OWN}\n\nSigned.\n" for n, text in enumerate(after)) == 4


def test_the_order_of_documents_does_not_matter() -> None:
    forward = of_texts([contract(number) for number in range(6)])
    backward = TextBatch(forward.rows.take(list(reversed(range(6)))))
    assert sorted(cleaned([forward])) == sorted(cleaned([backward]))


def test_line_breaks_and_spaces_make_no_difference() -> None:
    broken = CLAUSE.replace(" try", "\n   try")
    after = cleaned([of_texts([contract(1), contract(2, broken)])])
    assert sum("negotiation" in text for text in after) == 1


def test_short_paragraphs_stay() -> None:
    texts = [contract(n, "All rights reserved.") for n in range(3)]
    assert cleaned([of_texts(texts)]) == texts


def test_a_repetition_within_one_document_stays() -> None:
    text = f"{CLAUSE}\n\n{OWN}\n\n{CLAUSE}\n"
    assert cleaned([of_texts([text])]) == [text]


def test_a_copy_is_left_to_the_dedup() -> None:
    texts = [contract(1), contract(1)]
    assert cleaned([of_texts(texts)]) == texts
    assert cleaned([of_texts(texts)], Config(most_deleted=1.0)) != texts


def test_code_stays() -> None:
    texts = [contract(n) for n in range(3)]
    assert cleaned([of_texts(texts, "code")]) == texts


def test_more_paragraphs_than_memory_is_meant_for() -> None:
    batch = of_texts([contract(number) for number in range(40)])
    whole = Transform(Config()).survey(batch)
    transform = Transform(Config(most_paragraphs=10))
    parts = [transform.survey(TextBatch(batch.rows.slice(start, 8))) for start in range(0, 40, 8)]
    assert transform.merge(parts) == whole.slice(0, 10)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("one long enough", ["one long enough"]),
        ("one long enough\n \t\n\ntwo long enough\n", ["one long enough\n \t\n\n", "two long enough\n"]),
        ("short\n\none long enough\nof two lines\n\n", ["one long enough\nof two lines\n\n"]),
    ],
)
def test_paragraphs_end_at_blank_lines(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in paragraphs(text, 10)] == found


def test_the_reason_is_given() -> None:
    batch = of_texts([contract(1), contract(2)])
    transform = Transform(Config())
    (edit,) = [edit for edits in transform.edits(batch, transform.survey(batch)) for edit in edits]
    assert (edit.text, edit.why) == ("", REPEATED)
