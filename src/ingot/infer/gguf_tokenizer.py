"""Write a byte-level BPE tokenizer into a GGUF file, or refuse it.

GGUF carries the vocabulary and the merges but only the *name* of the pre-tokenizer; the reader has the regular
expression compiled in. A wrong name loads without an error and tokenises differently, so the regular expression in
`tokenizer.json` must equal, to the letter, the one llama.cpp calls `qwen2`, and every other part that GGUF cannot
express must be absent.
Source: llama.cpp, src/llama-vocab.cpp, and the constants of gguf-py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf

from ingot.core.errors import InputError
from ingot.tokenizer.vocabulary import PRE_TOKENIZER, SPLIT_REGEX, TURN_END

_CHAT_TEMPLATE = "chat_template.jinja"


def write_tokenizer(writer: gguf.GGUFWriter, folder: Path, vocabulary: int) -> None:
    """Add the tokenizer of a Hugging Face folder to `writer`, padded to `vocabulary` rows. Raises InputError."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    _refuse_what_gguf_cannot_say(tokenizer, folder)
    tokens, types = _rows(tokenizer, vocabulary, folder)
    writer.add_tokenizer_model("gpt2")  # the format's name for byte-level BPE
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([_merge(pair) for pair in tokenizer["model"]["merges"]])
    _write_special_ids(writer, folder, {row["content"]: row["id"] for row in tokenizer["added_tokens"]})
    template = folder / _CHAT_TEMPLATE
    if template.exists():
        writer.add_chat_template(template.read_text(encoding="utf-8"))


def _refuse_what_gguf_cannot_say(tokenizer: Mapping[str, Any], folder: Path) -> None:
    model = tokenizer["model"]
    checks = (
        (model.get("type") == "BPE", f"the tokenizer model is {model.get('type')!r}, not byte-level BPE"),
        (not model.get("ignore_merges"), "the tokenizer ignores merges for whole words"),
        (not model.get("byte_fallback"), "the tokenizer falls back to byte tokens"),
        (tokenizer.get("normalizer") is None, "the tokenizer normalises text before splitting it"),
        (_is_known(tokenizer.get("pre_tokenizer")), f"the pre-tokenizer is not the one llama.cpp knows as {PRE_TOKENIZER!r}"),
    )
    for holds, what in checks:
        if not holds:
            raise InputError(
                what,
                where=str(folder / "tokenizer.json"),
                why="a GGUF reader would load the file and tokenise differently, without an error",
                fix="train the tokenizer with Ingot, or serve this model with the torch engine",
            )


def _is_known(pre_tokenizer: Mapping[str, Any] | None) -> bool:
    if pre_tokenizer is None or pre_tokenizer.get("type") != "Sequence":
        return False
    steps = pre_tokenizer["pretokenizers"]
    if [step["type"] for step in steps] != ["Split", "ByteLevel"]:
        return False
    split, byte_level = steps
    return (
        split["pattern"] == {"Regex": SPLIT_REGEX}
        and split["behavior"] == "Isolated"
        and not split["invert"]
        and not byte_level["add_prefix_space"]
        and not byte_level["use_regex"]
    )


def _rows(tokenizer: Mapping[str, Any], vocabulary: int, folder: Path) -> tuple[list[str], list[int]]:
    tokens = [f"[PAD{row}]" for row in range(vocabulary)]
    types = [int(gguf.TokenType.UNUSED)] * vocabulary
    entries = [(text, row, gguf.TokenType.NORMAL) for text, row in tokenizer["model"]["vocab"].items()]
    for added in tokenizer["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        entries.append((added["content"], added["id"], kind))
    for text, row, kind in entries:
        if row >= vocabulary:
            raise InputError(
                f"token {text!r} has id {row}, but the model has {vocabulary} rows",
                where=str(folder / "tokenizer.json"),
                why="the tokenizer and the weights do not belong together",
                fix="export the folder that training wrote, unchanged",
            )
        tokens[row], types[row] = text, int(kind)
    return tokens, types


def _merge(pair: str | list[str]) -> str:
    # Both spellings exist in tokenizer.json. Byte-level text has no blank, so joining by one is unambiguous.
    return pair if isinstance(pair, str) else " ".join(pair)


def _write_special_ids(writer: gguf.GGUFWriter, folder: Path, ids: Mapping[str, int]) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    adders = (
        ("bos_token", writer.add_bos_token_id),
        ("eos_token", writer.add_eos_token_id),
        ("pad_token", writer.add_pad_token_id),
        ("unk_token", writer.add_unk_token_id),
    )
    for key, add in adders:
        token = config.get(key)
        text = token["content"] if isinstance(token, dict) else token
        if text in ids:
            add(ids[text])
    if TURN_END in ids:
        writer.add_eot_token_id(ids[TURN_END])
    # The document framing and the chat template write these themselves; a reader must not add them again.
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
