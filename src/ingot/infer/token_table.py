"""A byte-level BPE tokenizer as a table that an exported file can carry, or a refusal.

GGUF carries the vocabulary and the merges but only the *name* of the rule that splits text into words; the reader has
the rule compiled in. A wrong name loads without an error and tokenises differently, so the regular expression in
`tokenizer.json` must equal, to the letter, one that llama.cpp has a name for, and everything else the format cannot
express must be absent. Source: llama.cpp, src/llama-vocab.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingot.core.errors import InputError
from ingot.tokenizer.splitting import SPLITTINGS, Splitting, recognise
from ingot.tokenizer.vocabulary import TURN_END

TokenKind = Literal["normal", "control", "user_defined", "unused"]

_CHAT_TEMPLATE = "chat_template.jinja"


@dataclass(frozen=True)
class TokenTable:
    """A tokenizer's rows by id, its merges in order, and the ids with a meaning (None where there is no such token)."""

    pre_tokenizer: str
    tokens: tuple[str, ...]
    kinds: tuple[TokenKind, ...]
    merges: tuple[str, ...]
    bos: int | None
    eos: int | None
    pad: int | None
    unknown: int | None
    end_of_turn: int | None
    chat_template: str | None


def read_token_table(folder: Path, rows: int) -> TokenTable:
    """Read the tokenizer of a Hugging Face folder, padded to the `rows` of the embedding.

    Raises InputError when a reader of the exported file would tokenise differently.
    """
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    splitting = _checked(tokenizer, path)
    tokens, kinds = _rows(tokenizer, rows, path)
    named = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    ids = {added["content"]: int(added["id"]) for added in tokenizer["added_tokens"]}
    template = folder / _CHAT_TEMPLATE
    return TokenTable(
        pre_tokenizer=splitting.name,
        tokens=tuple(tokens),
        kinds=tuple(kinds),
        merges=tuple(_merge(pair) for pair in tokenizer["model"]["merges"]),
        bos=_id_of(named.get("bos_token"), ids),
        eos=_id_of(named.get("eos_token"), ids),
        pad=_id_of(named.get("pad_token"), ids),
        unknown=_id_of(named.get("unk_token"), ids),
        end_of_turn=ids.get(TURN_END),
        chat_template=template.read_text(encoding="utf-8") if template.exists() else None,
    )


def _checked(tokenizer: Mapping[str, Any], path: Path) -> Splitting:
    """Return the rule that words are split by; refuse what a reader of the exported file would do otherwise."""
    model = tokenizer["model"]
    splitting = recognise(tokenizer)
    known = " or ".join(map(repr, SPLITTINGS))
    merging = "ignored for words that are tokens" if model.get("ignore_merges") else "never ignored"
    checks = (
        (model.get("type") == "BPE", f"the tokenizer model is {model.get('type')!r}, not byte-level BPE"),
        (not model.get("byte_fallback"), "the tokenizer falls back to byte tokens"),
        (tokenizer.get("normalizer") is None, "the tokenizer normalises text before splitting it"),
        (
            not any(map(_is_conditional, tokenizer["added_tokens"])),
            "some terms depend on what stands beside them",
        ),
        (splitting is not None, f"words are not split as in {known} (merges are {merging})"),
    )
    for holds, what in checks:
        if not holds:
            raise InputError(
                what,
                where=str(path),
                why="a reader of the exported file would load it and tokenise differently, without an error",
                fix="train the tokenizer with Ingot, or serve this model with the torch engine",
            )
    assert splitting is not None
    return splitting


def _is_conditional(added: Mapping[str, Any]) -> bool:
    return any(added.get(condition) for condition in ("single_word", "lstrip", "rstrip"))


def _rows(tokenizer: Mapping[str, Any], rows: int, path: Path) -> tuple[list[str], list[TokenKind]]:
    tokens = [f"[PAD{row}]" for row in range(rows)]
    kinds: list[TokenKind] = ["unused"] * rows
    entries: list[tuple[str, int, TokenKind]] = [
        (text, row, "normal") for text, row in tokenizer["model"]["vocab"].items()
    ]
    for added in tokenizer["added_tokens"]:
        entries.append((added["content"], added["id"], "control" if added["special"] else "user_defined"))
    for text, row, kind in entries:
        if row >= rows:
            raise InputError(
                f"token {text!r} has id {row}, but the model has {rows} rows",
                where=str(path),
                why="the tokenizer and the weights do not belong together",
                fix="export the folder that training wrote, unchanged",
            )
        tokens[row], kinds[row] = text, kind
    return tokens, kinds


def _merge(pair: str | list[str]) -> str:
    # Both spellings exist in tokenizer.json. Byte-level text has no blank, so joining by one is unambiguous.
    return pair if isinstance(pair, str) else " ".join(pair)


def _id_of(token: str | Mapping[str, Any] | None, ids: Mapping[str, int]) -> int | None:
    text = token["content"] if isinstance(token, Mapping) else token
    return None if text is None else ids.get(text)
