"""Terms that are never split, and those that cannot be protected."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.terms import between, check_terms
from ingot.tokenizer.train import learn

TERMS = ["XK-4711", "XK-47", "acetylsalicylic acid", "Größe™", "§ 823"]


@pytest.fixture(scope="module")
def codec(corpus: list[str]) -> Codec:
    return Codec(learn(corpus, 1024, terms=TERMS))


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_one_token_wherever_it_stands(codec: Codec, term: str) -> None:
    for text in (term, f"the {term}.", f"x{term}x", f"\n{term}\n{term}"):
        ids = codec.encode(text)
        assert sum(codec.token_bytes(token_id) == term.encode() for token_id in ids) == text.count(term)
        assert codec.decode(ids) == text


def test_terms_take_places_of_the_vocabulary(codec: Codec) -> None:
    assert codec.vocabulary == 1024
    assert codec.terms == tuple(sorted(TERMS))


@given(text=st.lists(st.sampled_from([*TERMS, "XK", "-4", "711", " acid", "x", "\n"])).map("".join))
@settings(deadline=None)
def test_text_with_terms_comes_back(codec: Codec, text: str) -> None:
    assert codec.decode(codec.encode(text)) == text


def test_words_are_learned_from_what_stands_between() -> None:
    assert list(between(["a XK-4711 b", "XK-47", "c"], TERMS)) == ["a ", " b", "c"]
    assert list(between(["", "c"], [])) == ["", "c"]


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        (["x"], "cannot be"),
        ([" ab"], "cannot be"),
        (["ab", "ab"], "cannot be"),
        (["<|im_end|>"], "im_end"),
        (["see <|eos|>"], "eos"),
        (["|>more"], "overlap"),
        (["AB-10", "10-CD"], "overlap"),
        ([f"term{number}" for number in range(11)], "leave no room"),
    ],
)
def test_what_cannot_be_protected_is_refused(terms: list[str], what: str) -> None:
    with pytest.raises(InputError) as caught:
        check_terms(terms, 10)
    assert what in f"{caught.value} {caught.value.why}"
    assert caught.value.fix


def test_terms_inside_one_another_are_fine() -> None:
    check_terms(["XK-4711", "XK-47", "K-47", "abab", "audio"], 10)
