"""JSON becomes a Document a record, with the record's span."""

from __future__ import annotations

import io
import json
from itertools import islice

import pytest

from ingot.core.errors import InputError
from ingot.data.parser_choice import plugin
from ingot.flow.source import SourceItem
from tests.data.samples import parse


def test_each_line_is_a_document_with_its_span() -> None:
    payload = '{"text": "größer"}\n\n{"question": "Why?", "answer": "So."}\n'.encode()
    first, second = parse("jsonl", "a.jsonl", payload)
    assert first.text == "größer"
    assert json.loads(payload[first.byte_start : first.byte_end]) == {"text": "größer"}
    assert second.text == "question: Why?\nanswer: So."
    assert payload[second.byte_start : second.byte_end].startswith(b'{"question"')


def test_bad_lines_are_reported_and_cost_no_other() -> None:
    payload = b'{"text": "one"}\n{"text": tw\n{"text": "three"}\n{"te'
    parser = plugin("parser", "jsonl")
    item = SourceItem("a.jsonl", "", len(payload), "", 0.0)
    documents = parser.entry(io.BytesIO(payload), item, parser.config_type())
    assert [document.text for document in islice(documents, 2)] == ["one", "three"]
    with pytest.raises(InputError, match="not JSON") as caught:
        next(documents)
    assert "2 of them, the first is line 2" in caught.value.why


def test_an_array_gives_its_records_with_spans() -> None:
    payload = ' [ {"text": "größer"} ,\n{"text": "kleiner"}]\n'.encode()
    documents = parse("jsonl", "a.json", payload)
    assert [document.text for document in documents] == ["größer", "kleiner"]
    spans = [json.loads(payload[document.byte_start : document.byte_end])["text"] for document in documents]
    assert spans == ["größer", "kleiner"]


def test_an_object_is_one_document() -> None:
    (document,) = parse("jsonl", "a.json", b'{"name": "Pump", "sizes": [1, 2]}')
    assert document.text == "name: Pump\nsizes: 1, 2"


def test_json_lines_named_json_are_read() -> None:
    assert len(parse("jsonl", "a.json", b'{"text": "one"}\n{"text": "two"}\n')) == 2


@pytest.mark.parametrize("payload", [b'{"name": "torn', b'{"a": 1} trailing'])
def test_what_is_not_json_has_a_reason(payload: bytes) -> None:
    with pytest.raises(InputError, match="not") as caught:
        parse("jsonl", "a.json", payload)
    assert caught.value.fix


@pytest.mark.parametrize("payload", [b"[" * 100_000, b"[" * 900 + b"]" * 900, b'{"a":' * 3000 + b"1" + b"}" * 3000])
def test_values_too_deep_in_one_another_are_said_to_be_that(payload: bytes) -> None:
    with pytest.raises(InputError, match="too deep in one another") as caught:
        parse("jsonl", "a.json", payload)
    assert "recursion" not in str(caught.value)
    assert caught.value.fix


def test_half_characters_are_replaced() -> None:
    (document,) = parse("jsonl", "a.jsonl", b'{"text": "a\\ud800b"}\n')
    assert "\ufffd" in document.text
    document.text.encode("utf-8")


def test_a_record_that_is_too_long_is_cut_within_its_span() -> None:
    payload = json.dumps({"text": "word " * 1000}).encode()
    documents = parse("jsonl", "a.jsonl", payload, piece_bytes=1000)
    assert len(documents) > 4
    assert all(document.byte_end <= len(payload) for document in documents)
    assert len({document.doc_id for document in documents}) == len(documents)
