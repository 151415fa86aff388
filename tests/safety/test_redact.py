from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import UsageError
from ingot.safety.detection import detectors, find
from ingot.safety.policy import Policy
from ingot.safety.pseudonyms import KEY_BYTES, Pseudonyms
from ingot.safety.redact import redacted, replacements

TEXT = "Ms. Zofia Brandt (zofia@example.org, +49 30 1234567) paid with 4111 1111 1111 1111 on Monday."
CHOSEN = detectors()
KEY = bytes(range(KEY_BYTES))


def test_masks_say_the_type() -> None:
    edits = replacements(TEXT, find(TEXT, CHOSEN), Policy())
    assert redacted(TEXT, edits) == "Ms. [PERSON] ([EMAIL], [PHONE]) paid with [PAYMENT_CARD] on Monday."
    assert [edit.type for edit in edits] == ["person", "email", "phone", "payment_card"]


def test_nothing_of_the_data_is_in_a_replacement() -> None:
    edits = replacements(TEXT, find(TEXT, CHOSEN), Policy())
    assert not any(word in repr(edits) for word in ("Zofia", "zofia", "1234567", "4111"))


def test_pseudonyms_stand_in_where_asked_for() -> None:
    policy = Policy({"person": "pseudonym", "email": "keep"})
    pseudonyms = Pseudonyms(KEY)
    once = redacted(TEXT, replacements(TEXT, find(TEXT, CHOSEN), policy, pseudonyms))
    again = redacted(TEXT, replacements(TEXT, find(TEXT, CHOSEN), policy, Pseudonyms(KEY)))
    assert once == again
    assert "Brandt" not in once
    assert "zofia@example.org" in once


def test_pseudonyms_without_a_key_are_refused() -> None:
    with pytest.raises(UsageError, match="no key to make them with"):
        replacements(TEXT, find(TEXT, CHOSEN), Policy({"person": "pseudonym"}))


def test_dropped_types_are_masked_too() -> None:
    edits = replacements(TEXT, find(TEXT, CHOSEN), Policy({"email": "drop"}))
    assert "[EMAIL]" in redacted(TEXT, edits)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["Dear Anna,", "a@b.org", "12 March 1980", "\n", "text", "Kirchweg 5", "é"]), max_size=20)
)
def test_what_is_around_stays_as_it_is(parts: list[str]) -> None:
    text = " ".join(parts)
    edits = replacements(text, find(text, CHOSEN), Policy())
    assert all(left.end <= right.start for left, right in itertools.pairwise(edits))
    edges = [0, *(place for edit in edits for place in (edit.start, edit.end)), len(text)]
    kept = "".join(text[left:right] for left, right in zip(edges[0::2], edges[1::2], strict=True))
    made = redacted(text, edits)
    for edit in edits:
        made = made.replace(edit.text, "", 1)
    assert made == kept
