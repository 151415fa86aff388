"""The learned vocabulary: reproducible, losslessly small, bounded in time, and read the same by other software."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from ingot.core.errors import InputError
from ingot.tokenizer.chat import TEMPLATE
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.splitting import DEFAULT, SPLITTINGS, named
from ingot.tokenizer.train import TOKENIZER_FILES, extend, learn, write
from ingot.tokenizer.vocabulary import SPECIALS
from tests.tokenizer.conftest import MIXED

TEXT = Path(ast.__file__).read_text(encoding="utf-8")


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
    assert (split["pattern"], split["behavior"], split["invert"]) == (
        {"Regex": named(DEFAULT).regex},
        "Isolated",
        False,
    )
    assert (as_bytes["type"], as_bytes["use_regex"], as_bytes["add_prefix_space"]) == ("ByteLevel", False, False)
    assert tokenizer["normalizer"] is None
    assert tokenizer["post_processor"] is None


@pytest.mark.parametrize("splitting", SPLITTINGS)
def test_every_splitting_gives_back_the_text_and_is_named_in_the_file(splitting: str, corpus: list[str]) -> None:
    codec = Codec(learn([*corpus, *MIXED], 1024, splitting))
    for text in [*MIXED, *corpus]:
        assert codec.decode(codec.encode(text)) == text
    numbers = {len(codec.token_bytes(one)) for one in codec.encode("123456789")}
    assert max(numbers) <= {"qwen2": 1, "qwen35": 1, "tekken": 1, "llama-bpe": 3, "gpt-2": 9}[splitting]


def test_runs_of_blanks_are_tokens_however_few_there_are() -> None:
    codec = Codec(learn(["no indentation here, none at all"] * 5, 512, indentation=11))
    assert codec.vocabulary <= 512
    for blanks in range(1, 24):
        ids = codec.encode(" " * blanks)
        assert codec.decode(ids) == " " * blanks
        assert len(ids) <= -(-blanks // 8)
    for blanks in range(1, 12):
        assert len(codec.encode(" " * blanks)) == 1
    plain = Codec(learn(["no indentation here, none at all"] * 5, 512))
    assert len(plain.encode(" " * 8)) == 8


def test_an_extended_vocabulary_keeps_its_ids_and_needs_fewer_tokens(corpus: list[str]) -> None:
    base = learn(corpus, 768, terms=["AST-1"])
    german = ["Die Hauptversammlung beschließt über die Verwendung des Bilanzgewinns, Größe XK-4711.\n"] * 50
    new = extend(base, german, 1024, terms=["XK-4711", "AST-1"])
    assert [new.id_to_token(row) for row in range(768)] == [base.id_to_token(row) for row in range(768)]
    old_codec, codec = Codec(base), Codec(new)
    assert codec.vocabulary % 64 == 0
    assert codec.terms == ("AST-1", "XK-4711")
    assert len(codec.encode(german[0])) < 0.5 * len(old_codec.encode(german[0]))
    assert b"XK-4711" in map(codec.token_bytes, codec.encode(german[0]))
    for text in (*MIXED, german[0], corpus[0], "AST-1<|eos|>"):
        assert codec.decode(codec.encode(text)) == text
    again = extend(Tokenizer.from_str(base.to_str()), german, 1024, terms=["XK-4711", "AST-1"])
    assert again.to_str() == new.to_str()


def test_an_extended_vocabulary_is_read_the_same_by_others(corpus: list[str], tmp_path: Path) -> None:
    new = extend(learn(corpus, 512, "llama-bpe", ["AST-1"]), MIXED * 20, 768, terms=["§ 823"])
    write(new, tmp_path)
    theirs, ours = AutoTokenizer.from_pretrained(tmp_path), Codec.load(tmp_path)
    for text in [*MIXED, TEXT, "AST-1, § 823"]:
        assert theirs(text)["input_ids"] == ours.encode(text)
        assert theirs.decode(ours.encode(text)) == text
    assert len(theirs) == ours.vocabulary


def test_special_tokens_that_a_base_lacks_are_added(corpus: list[str]) -> None:
    content = json.loads(learn(corpus, 512).to_str())
    names = {name: f"<|other{number}|>" for number, name in enumerate(SPECIALS)}
    content["model"]["vocab"] = {names.get(token, token): row for token, row in content["model"]["vocab"].items()}
    content["added_tokens"] = [{**added, "content": names[added["content"]]} for added in content["added_tokens"]]
    new = extend(Tokenizer.from_str(json.dumps(content)), corpus, 640)
    codec = Codec(new)
    assert codec.bos == 512
    assert [new.id_to_token(row) for row in range(32)] == list(names.values())
    assert codec.decode(codec.encode(TEXT)) == TEXT


@pytest.mark.parametrize("name", SPLITTINGS)
def test_a_vocabulary_as_model_makers_publish_it_is_extended(
    name: str, vocabulary_of: Callable[[str], Tokenizer], corpus: list[str]
) -> None:
    content = json.loads(vocabulary_of(name).to_str())
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = named(name).published
    # Control tokens stand behind what was learned and are no entries of the model.
    specials = {added["content"] for added in content["added_tokens"]}
    vocabulary = content["model"]["vocab"]
    learned = [token for token in sorted(vocabulary, key=vocabulary.get) if token not in specials]
    content["model"]["vocab"] = {token: row for row, token in enumerate(learned)}
    template = content["added_tokens"][0]
    content["added_tokens"] = [
        {**template, "id": len(learned), "content": "<|endoftext|>"},
        {**template, "id": len(learned) + 1, "content": "<|im_start|>"},
    ]
    content["normalizer"] = {"type": "NFC"} if name == "qwen2" else None
    base = Tokenizer.from_str(json.dumps(content))
    codec = Codec(extend(base, corpus, 0, terms=["XK-4711"]))
    rows = range(base.get_vocab_size())
    assert [codec.tokenizer.id_to_token(row) for row in rows] == [base.id_to_token(row) for row in rows]
    assert codec.start_of_turn == len(learned) + 1
    assert codec.bos > codec.start_of_turn
    for text in (*corpus, "It's 12,345.67 e.g. 'quoted'\n\n  and more"):
        assert codec.encode(text) == base.encode(text, add_special_tokens=False).ids
    assert len(codec.encode("XK-4711")) == 1


def test_a_base_with_gaps_is_refused(corpus: list[str]) -> None:
    content = json.loads(learn(corpus, 512).to_str())
    last = max(content["model"]["vocab"], key=content["model"]["vocab"].get)
    content["model"]["vocab"][last] += 7
    content["added_tokens"] = [added for added in content["added_tokens"] if added["id"] < 32]
    with pytest.raises(InputError, match="cannot be extended") as caught:
        extend(Tokenizer.from_str(json.dumps(content)), corpus, 640)
    assert "gaps" in caught.value.why


def test_a_base_whose_rule_is_unknown_is_refused(corpus: list[str]) -> None:
    changed = learn(corpus, 512).to_str().replace(r"\\p{N}|", r"\\p{N}{1,2}|")
    with pytest.raises(InputError, match="cannot be extended"):
        extend(Tokenizer.from_str(changed), corpus, 768)


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
