"""The rules by name: known to the letter, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, pre_tokenizers

from ingot.core.errors import InputError
from ingot.tokenizer.splitting import DEFAULT, SPLITTINGS, named, recognise, recognise_published

Vocabulary = Callable[[str], Tokenizer]


@pytest.mark.parametrize("name", SPLITTINGS)
def test_what_was_learned_with_a_rule_is_recognised(name: str, vocabulary_of: Vocabulary) -> None:
    assert recognise(json.loads(vocabulary_of(name).to_str())) is SPLITTINGS[name]


def content_of(tokenizer: Tokenizer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return content


def test_a_rule_that_differs_in_one_character_is_not(vocabulary_of: Vocabulary) -> None:
    content = content_of(vocabulary_of(DEFAULT))
    split = content["pre_tokenizer"]["pretokenizers"][0]
    split["pattern"]["Regex"] += "|x"
    assert recognise(content) is None
    split["pattern"]["Regex"] = named(DEFAULT).published
    assert recognise(content) is None


@pytest.mark.parametrize("name", SPLITTINGS)
def test_what_model_makers_publish_is_known_as_such(name: str, vocabulary_of: Vocabulary) -> None:
    content = content_of(vocabulary_of(name))
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = named(name).published
    assert recognise(content) is None
    assert recognise_published(content) is named(name)
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] += "|x"
    assert recognise_published(content) is None


def test_gpt_2_is_published_without_an_expression(vocabulary_of: Vocabulary) -> None:
    content = content_of(vocabulary_of("gpt-2"))
    content["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    assert recognise_published(content) is named("gpt-2")
    assert recognise_published({**content, "model": {**content["model"], "ignore_merges": True}}) is None
    content["pre_tokenizer"]["add_prefix_space"] = True
    assert recognise_published(content) is None


def test_nor_one_whose_reader_would_merge_otherwise(vocabulary_of: Vocabulary) -> None:
    for name in ("qwen2", "llama-bpe"):
        content = content_of(vocabulary_of(name))
        content["model"]["ignore_merges"] = not named(name).ignores_merges
        assert recognise(content) is None


@pytest.mark.parametrize("pre_tokenizer", [None, {"type": "Whitespace"}, {"type": "Sequence", "pretokenizers": []}])
def test_other_pre_tokenizers_are_not(pre_tokenizer: Any) -> None:
    assert recognise({"pre_tokenizer": pre_tokenizer, "model": {}}) is None


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        named("qwen")
    assert caught.value.fix == "did you mean 'qwen2'?"


def words(regex: str, text: str) -> list[str]:
    return [word for word, _ in pre_tokenizers.Split(Regex(regex), "isolated").pre_tokenize_str(text)]


@pytest.mark.parametrize("name", SPLITTINGS)
@given(
    text=st.text(st.sampled_from("aZé中ж9²'sStTlLrReEſ \n\r\t.,/-\u00a0\u0301ं🎉"), max_size=30) | st.text(max_size=30)
)
@settings(deadline=None)
def test_the_published_form_means_the_same_but_for_what_is_said_to_differ(name: str, text: str) -> None:
    rule = named(name)
    if rule.is_ascii_only and not text.isascii():
        return
    if rule.differs and rule.differs in text:
        return
    assert words(rule.published, text) == words(rule.regex, text)


def test_what_is_said_to_differ_differs() -> None:
    for rule in SPLITTINGS.values():
        if rule.differs:
            text = f"it{rule.differs}t"
            assert words(rule.published, text) != words(rule.regex, text)
    tekken = named("tekken")
    assert words(tekken.published, "École") != words(tekken.regex, "aÉcole") or tekken.is_ascii_only


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qwen2", ["1", "2", "3", "4", "5"]),
        ("llama-bpe", ["123", "45"]),
        ("gpt-2", ["12345"]),
        ("tekken", ["1", "2", "3", "4", "5"]),
    ],
)
def test_digits_are_grouped_as_the_name_promises(name: str, expected: list[str]) -> None:
    assert words(named(name).regex, "12345") == expected
