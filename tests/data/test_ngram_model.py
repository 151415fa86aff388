"""The hash tables say what the sorted arrays of the evaluation's own model say, to the last bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError, UsageError
from ingot.data.ngram_model import LONGEST, MODEL_FILE, NgramConfig, count, load, save, train_ngrams
from ingot.evaluate import ngram as reference
from tests.data.reference_sets import LEASE, VISIT, artifact, context, sentences


@pytest.mark.parametrize("order", range(1, LONGEST + 1))
def test_bits_are_those_of_the_reference(order: int) -> None:
    known = [text.encode() for text in sentences(LEASE, 30)]
    texts = [text.encode() for text in sentences(LEASE, 60)[30:] + sentences(VISIT, 5)] + [b"", b"\0\0", b"x"]
    bits = [count(known, order).bits(text) for text in texts]
    assert np.allclose(bits, reference.bits(reference.train(known, order), texts), rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(known=st.lists(st.binary(max_size=20), max_size=5), text=st.binary(max_size=20), order=st.integers(1, 5))
def test_any_bytes_will_do(known: list[bytes], text: bytes, order: int) -> None:
    expected = reference.bits(reference.train(known, order), [text])[0]
    assert count(known, order).bits(text) == pytest.approx(expected, rel=1e-9)


def test_the_order_of_texts_does_not_matter() -> None:
    known = [text.encode() for text in sentences(LEASE, 20)]
    one, two = count(known, 5), count(known[::-1], 5)
    assert np.array_equal(one.codes, two.codes)
    assert np.array_equal(one.counts, two.counts)


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    model = count([b"to be or not to be"], 4)
    save(model, tmp_path)
    assert load(tmp_path).bits(b"not to be") == model.bits(b"not to be")


def test_the_step_reads_all_inputs(tmp_path: Path) -> None:
    inputs = {
        "leases": artifact(tmp_path / "leases", sentences(LEASE, 20)),
        "visits": artifact(tmp_path / "visits", sentences(VISIT, 20)),
    }
    facts = train_ngrams(NgramConfig(), inputs, context(tmp_path / "model"))
    assert facts["texts"] == 40
    assert 0 < facts["own_bits_per_byte"] < 1.5
    assert load(tmp_path / "model").order == 5


def test_an_order_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="9 bytes"):
        count([b"a"], 9)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an n-gram model"):
        load(tmp_path)
    (tmp_path / MODEL_FILE).write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not an n-gram model"):
        load(tmp_path)
