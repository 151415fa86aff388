"""The learned vocabulary: reproducible, losslessly small, bounded in time, and read the same by other software."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from ingot.tokenizer.chat import TEMPLATE
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import TOKENIZER_FILES, learn, write
from ingot.tokenizer.vocabulary import SPECIALS, SPLIT_REGEX

TEXT = Path(ast.__file__).read_text(encoding="utf-8")
MIXED = [
    "The court's decision of 12.03.2024 isn't final: see § 823 BGB, p. 4711.",
    "def f(x):\n    return x ** 2  # squared\n\n\nclass A:\n\tpass\r\n",
    "Größenordnung, naïve façade, Привет мир, 你好,世界。こんにちは 🎉👩‍👩‍👧 e\u0301",
    "   leading, trailing   \n \n\n  and 'S'LL 'ſt\u00a0\u2003end  ",
]


def test_the_same_text_gives_the_same_file() -> None:
    lines = TEXT.splitlines(keepends=True)
    first = learn([TEXT], 512).to_str()
    assert learn([TEXT], 512).to_str() == first
    assert learn(lines, 512).to_str() == learn(reversed(lines), 512).to_str()


def test_the_file_does_not_depend_on_the_process() -> None:
    program = (
        "import ast, hashlib, pathlib; from ingot.tokenizer.train import learn;"
        "print(hashlib.sha256(learn([pathlib.Path(ast.__file__).read_text()], 512).to_str().encode()).hexdigest())"
    )
    seen = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(seen) == 1


def test_special_tokens_come_first_and_their_ids_never_move() -> None:
    tokenizer = learn(["hello"], 512)
    assert [tokenizer.id_to_token(number) for number in range(len(SPECIALS))] == list(SPECIALS)
    assert SPECIALS[:5] == ("<|bos|>", "<|eos|>", "<|pad|>", "<|im_start|>", "<|im_end|>")
    assert len(set(SPECIALS)) == len(SPECIALS) == 32


def test_a_small_corpus_gives_a_smaller_vocabulary_of_whole_rows(tmp_path: Path) -> None:
    write(learn(["the cat and the hat"], 4096), tmp_path)
    codec = Codec.load(tmp_path)
    assert codec.vocabulary % 64 == 0
    assert codec.vocabulary < 4096
    assert codec.token_bytes(codec.vocabulary - 1) == b""
    assert codec.decode(codec.encode("the cat")) == "the cat"


def test_a_full_vocabulary_has_exactly_the_size_asked_for() -> None:
    assert learn([TEXT], 512).get_vocab_size() == 512


def test_a_word_of_a_megabyte_is_learned_from_without_taking_its_square_in_time() -> None:
    runs = ["ab" * 500_000, "=" * 1_000_000, "".join(chr(97 + (n * n * 7919) % 26) for n in range(300_000))]
    tokenizer = learn([*runs, TEXT], 1024)
    assert tokenizer.get_vocab_size() == 1024
    assert "ab" in tokenizer.get_vocab()


def test_the_written_pre_tokenizer_is_the_one_llama_cpp_calls_qwen2(tokenizer_folder: Path) -> None:
    tokenizer = json.loads((tokenizer_folder / "tokenizer.json").read_text(encoding="utf-8"))
    split, as_bytes = tokenizer["pre_tokenizer"]["pretokenizers"]
    assert (split["pattern"], split["behavior"], split["invert"]) == ({"Regex": SPLIT_REGEX}, "Isolated", False)
    assert (as_bytes["type"], as_bytes["use_regex"], as_bytes["add_prefix_space"]) == ("ByteLevel", False, False)
    assert tokenizer["normalizer"] is None
    assert tokenizer["post_processor"] is None


@pytest.mark.parametrize("architecture", [None, "qwen3", "mistral"])
def test_transformers_loads_the_folder_and_finds_the_same_ids(
    tokenizer_folder: Path, tmp_path: Path, architecture: str | None
) -> None:
    for name in TOKENIZER_FILES:
        (tmp_path / name).write_bytes((tokenizer_folder / name).read_bytes())
    if architecture:
        config = {"model_type": architecture, "vocab_size": 1024, "transformers_version": "5.20.0"}
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    theirs, ours = AutoTokenizer.from_pretrained(tmp_path), Codec.load(tmp_path)
    for text in [*MIXED, TEXT]:
        assert theirs(text)["input_ids"] == ours.encode(text)
        assert theirs.decode(ours.encode(text)) == text
    assert len(theirs) == ours.vocabulary
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (ours.bos, ours.eos, ours.pad)
    assert theirs.chat_template == TEMPLATE
