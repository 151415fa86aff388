from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.tables import parts, read_rows
from ingot.data.report.quotes import opening, openings, texts
from tests.data.datasets import corpus, dataset


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("idGB59IFUE40226315499137of", "40226315499137"),
        ("Phone:0490 75 40 81Date", "75 40 81"),
        ("x" * 155 + " 4111 1111 1111 1111", "4111"),  # cut in the middle of the number
        ("odd=ada.king@example.co.uk=", "example"),
    ],
)
def test_what_detectors_miss_in_a_quotation_is_caught_by_a_net(text: str, hidden: str) -> None:
    assert hidden not in opening(text)


def test_a_quotation_is_one_short_line() -> None:
    shown = opening("word \n\t word " * 10_000)
    assert "\n" not in shown
    assert len(shown) <= 164
    assert opening("short\n") == "short"


def test_texts_are_read_from_the_files_they_are_in(tmp_path: Path) -> None:
    dataset(tmp_path / "dataset", corpus(), shards=2)
    examples = [
        {**row, "path": path}
        for path in parts(tmp_path / "dataset", "train")
        for row in list(read_rows(path, ("doc_id", "uri")))[:2]
    ]
    found = dict(texts(examples))
    assert found == {example["doc_id"]: corpus()[example["uri"]] for example in examples}
    assert all(found[doc_id].startswith(quoted.removesuffix(" ...")) for doc_id, quoted in openings(examples).items())
