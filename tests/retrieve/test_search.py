"""A question finds passages of documents that keep their identity; rankers and a reader each have their say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.retrieve.search import _first, open_index
from tests.retrieve.small_index import TEXTS, made


def test_passages_are_found_with_their_document_and_bytes(tmp_path: Path) -> None:
    index = open_index(made(tmp_path, passage_bytes=64).path)
    best = index.search("When may the landlord end the lease?", 3)
    assert best[0].uri == "leases/end.md"
    assert best[0].text == "The landlord may end it early when the tenant keeps bees."
    assert TEXTS[best[0].uri].encode()[best[0].start : best[0].end].decode() == best[0].text
    assert [each.score for each in best] == sorted((each.score for each in best), reverse=True)
    assert best[0].scores == {"words": best[0].score}
    assert index.search("病院はどこ", 1)[0].uri == "visits/空.md"


def test_documents_are_found_once_each_by_their_best_passage(tmp_path: Path) -> None:
    index = open_index(made(tmp_path, passage_bytes=64).path)
    passages = index.search("The lease, the landlord, the tenant and the rent", 10)
    documents = index.search_documents("The lease, the landlord, the tenant and the rent", 10)
    assert len(passages) > len(documents) == len({each.doc_id for each in passages})
    assert documents[0] == passages[0]


def test_what_shares_no_word_is_not_found(tmp_path: Path) -> None:
    index = open_index(made(tmp_path).path)
    assert index.search("xylophone") == []
    assert index.search("?!") == []
    with pytest.raises(UsageError, match="0 passages"):
        index.search("lease", 0)


def test_a_reader_puts_the_first_in_order_again(tmp_path: Path) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def reader(query: str, passages: Sequence[str]) -> list[float]:
        asked.append((query, passages))
        return [float(passage.startswith("Rent")) for passage in passages]

    made_index = made(tmp_path)
    plain = open_index(made_index.path).search("the lease and its rent", 4)
    again = open_index(made_index.path, reader, reranked=2).search("the lease and its rent", 4)
    assert [len(passages) for _, passages in asked] == [2]
    assert {each.doc_id for each in again[:2]} == {each.doc_id for each in plain[:2]}
    assert [each.doc_id for each in again[2:]] == [each.doc_id for each in plain[2:]]
    assert all("reader" in each.scores for each in again[:2])


def test_the_first_are_those_of_a_stable_sort() -> None:
    drawn = np.random.default_rng(0)
    for count in (1, 3, 10, 50):
        scores = drawn.integers(0, 6, 40).astype(np.float32)
        expected = sorted(range(40), key=lambda place: (-scores[place], place))
        assert _first(scores, count) == expected[:count]
        assert _first(scores, count, above=2.0) == [place for place in expected if scores[place] > 2][:count]


def test_a_folder_without_an_index_and_one_of_another_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no index to search"):
        open_index(tmp_path)
    torn = made(tmp_path / "torn").path
    (torn / "spans.bin").unlink()
    with pytest.raises(InputError, match=r"spans\.bin"):
        open_index(torn)
    path = made(tmp_path).path / "passages.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "check": "other"}))
    with pytest.raises(InputError, match="cannot be searched"):
        open_index(path.parent)
