"""Vocabularies learned from real text of this interpreter, shared by the tests of this folder."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

# Scripts, marks, joiners, signs and blanks: where encoders differ when they differ.
MIXED = (
    "The court's decision of 12.03.2024 isn't final: see § 823 BGB, p. 4711; 1,234,567.89.\r\n\r\n",
    "def f(x):\n    return x ** 2  # squared\n\n\nclass A:\n\tpass  \n /* https://a.b/c?d=e */\n\n",
    "Größenordnung, naïve façade, Привет мир, 你好,世界。こんにちは 👩‍👩‍👧 e\u0301 हिन्दी ภาษาไทย שלום العربية 한국어 ",
    "   leading,  trailing   \n \n\n  'S'LL it'ſ CamelCaseHTTPServer ÉCOLE ǅ \u00a0\u2003 end \0\x7f\ufffd ²Ⅷ½ ",
)


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    return [Path(module.__file__).read_text(encoding="utf-8") for module in (ast, json)]


@pytest.fixture(scope="session")
def tokenizer_folder(corpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write(learn(corpus, 1024), folder)
    return folder


@pytest.fixture(scope="session")
def codec(tokenizer_folder: Path) -> Codec:
    return Codec.load(tokenizer_folder)


@pytest.fixture(scope="session")
def vocabulary_of(corpus: list[str]) -> Callable[[str], Tokenizer]:
    """Return a vocabulary for each splitting, learned from code and from text in many scripts."""

    @cache
    def made(splitting: str) -> Tokenizer:
        tokenizer = learn([*corpus, *(text * 20 for text in MIXED)], 2048, splitting)
        tokenizer.encode_special_tokens = True
        return tokenizer

    return made
