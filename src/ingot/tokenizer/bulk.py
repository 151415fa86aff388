"""Encode a lot of text some fifty times faster than the reference encoder, with the reference's ids.

gigatoken cuts text into words without a regular expression and remembers what each word became. It is used only where
it is certain to agree with Hugging Face's `tokenizers`, the reference that the vocabulary was learned with:

- it knows the published form of a splitting rule, and texts that the exact form cuts otherwise are left to the
  reference (`'ſ`, see `splitting`);
- it may know another version of Unicode, so on its first use all characters that versions can disagree about are tried
  on both, and texts with one of those that differ are left to the reference, too;
- a sample of the text at hand is encoded by both, and one id that differs ends its use.

Where it is not installed, or refuses a tokenizer, everything is left to the reference.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from tokenizers import Tokenizer

from ingot.tokenizer.alphabet import CHARACTER_OF
from ingot.tokenizer.characters import LETTER, OTHER, kinds_of, unsettled
from ingot.tokenizer.splitting import SPLITTINGS, Splitting, recognise

try:
    import gigatoken
except ImportError:  # there are no wheels for some platforms
    gigatoken = None  # type: ignore[assignment]

_IS_INSTALLED = gigatoken is not None
# gigatoken 0.10 remembers every word it has met, for ever: text in which no word comes twice makes it grow by seven
# bytes a byte (measured on random letters; ordinary text by a tenth of that). So it starts anew when the process has
# grown by this much.
_MOST_GROWTH_BYTES = 300_000_000
_LOOKS = 40  # at the size of the process, while as many bytes of text come as it may grow by
# The first bytes of what is not assigned behind the third plane, and of the last planes, as UTF-8.
_UNASSIGNED = frozenset({*(b"\xf0" + bytes([second]) for second in range(0xB4, 0xC0)), b"\xf1", b"\xf2", b"\xf3"})
# More than a few scripts' worth of characters on which both differ is no difference of versions.
_MOST_STRANGE_CHARACTERS = 20_000


Flags = npt.NDArray[np.bool_]


class BulkEncoder:
    """The fast encoder of one vocabulary. Made by :func:`bulk_encoder`."""

    def __init__(self, content: str, strange: Strange, most_growth_bytes: int = _MOST_GROWTH_BYTES) -> None:
        self._content = content
        self._strange = strange
        self._most_growth_bytes = most_growth_bytes
        self._renew()

    def _renew(self) -> None:
        self._encoder = gigatoken.Tokenizer.from_json(self._content)
        self._size_at_start = _process_bytes()
        self._bytes_to_look = self._most_growth_bytes // _LOOKS

    def encode(self, text: str) -> memoryview | None:
        """Return the ids of a text as 32-bit numbers, or None when the text must be left to the reference.

        Raises UnicodeEncodeError when the text holds half a character.
        """
        payload = text.encode("utf-8")
        if len(payload) != len(text) and self._strange.occurs(payload):
            return None
        ids = self._encoder.encode(payload).data
        self._bytes_to_look -= len(payload)
        if self._bytes_to_look < 0:
            self._bytes_to_look = self._most_growth_bytes // _LOOKS
            if _process_bytes() - self._size_at_start > self._most_growth_bytes:
                self._renew()
        return ids

    def agrees(self, texts: Iterable[str], reference: Tokenizer) -> bool:
        """Say whether the reference gives the same ids for these texts, and for some that are hard."""
        for text in (*_HARD, *texts):
            ids = self.encode(text)
            if ids is not None and ids.tolist() != reference.encode(text, add_special_tokens=False).ids:
                return False
        return True


def _process_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def bulk_encoder(tokenizer: Tokenizer, most_growth_bytes: int = _MOST_GROWTH_BYTES) -> BulkEncoder | None:
    """Return the fast encoder of a tokenizer, or None when there is none that is certain to agree with it.

    It starts anew when the process has grown by about `most_growth_bytes`.
    """
    content = json.loads(tokenizer.to_str())
    splitting = recognise(content)
    if not _IS_INSTALLED or splitting is None or not _is_plain(content):
        return None
    try:
        strange = _strange(splitting.name)
        if strange is None:
            return None
        return BulkEncoder(_translated(content, splitting.published), strange, most_growth_bytes)
    except RuntimeError:  # its way of saying that it does not know something in the tokenizer
        return None


def _is_plain(content: Mapping[str, Any]) -> bool:
    model = content["model"]
    unusual = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    return model["type"] == "BPE" and content.get("normalizer") is None and not any(map(model.get, unusual))


def _translated(content: Mapping[str, Any], regex: str) -> str:
    """Return a tokenizer.json that means the same to gigatoken: without special tokens, which in text are only text."""
    split, as_bytes = content["pre_tokenizer"]["pretokenizers"]
    steps = [{**split, "pattern": {"Regex": regex}}, as_bytes]
    terms = [added for added in content["added_tokens"] if not added["special"]]
    pre_tokenizer = {**content["pre_tokenizer"], "pretokenizers": steps}
    return json.dumps({**content, "pre_tokenizer": pre_tokenizer, "added_tokens": terms, "post_processor": None})


class Strange:
    """Finds what both encoders cut differently in a text outside ASCII."""

    def __init__(self, texts: Iterable[str], is_any: bool = False) -> None:
        wanted = {text.encode() for text in texts} | _UNASSIGNED
        self._pattern = re.compile(_one_of(wanted))
        # Looking for one byte costs nothing, and hardly any text has one of these: the rarest of each, its first but
        # for 'ſ, which begins with an apostrophe.
        self._leads = sorted({next(byte for byte in one if byte >= 0x80) for one in wanted})
        self._is_any = is_any

    def occurs(self, payload: bytes) -> bool:
        """Say whether a UTF-8 text that is not all ASCII holds any of it."""
        return self._is_any or (
            any(lead in payload for lead in self._leads) and self._pattern.search(payload) is not None
        )


def _one_of(texts: Iterable[bytes]) -> bytes:
    """Return a pattern for any of some texts, each byte tried once: a plain list would be tried one after another."""
    rests: dict[int, set[bytes]] = defaultdict(set)
    for text in texts:
        rests[text[0]].add(text[1:])
    firsts: dict[frozenset[bytes], list[int]] = defaultdict(list)
    for first, rest in sorted(rests.items()):
        firsts[frozenset({b""} if b"" in rest else rest)].append(first)
    whole = bytes(firsts.pop(frozenset({b""}), []))
    alternatives = [b"[" + re.escape(whole) + b"]"] if whole else []
    for rests_of_some, some in firsts.items():
        alternatives += [re.escape(bytes([first])) + b"(?:" + _one_of(rests_of_some) + b")" for first in some]
    return b"|".join(alternatives)


@cache
def _strange(name: str) -> Strange | None:
    """Try all characters that versions of Unicode can disagree about; None when the two differ in more than that."""
    splitting = SPLITTINGS[name]
    if splitting.is_ascii_only:
        return Strange((), is_any=True)
    characters = unsettled()
    ours = kinds_of(characters, splitting.marks_are_letters)
    is_letter, is_other = _seen_by_gigatoken(characters, splitting)
    differs = np.flatnonzero((is_letter != (ours == LETTER)) | (is_other != (ours == OTHER))).tolist()
    if len(differs) > _MOST_STRANGE_CHARACTERS:
        return None
    return Strange([*(characters[place] for place in differs), *filter(None, [splitting.differs])])


def _seen_by_gigatoken(characters: str, splitting: Splitting) -> tuple[Flags, Flags]:
    """Return which characters join a letter before them, and which join signs.

    A vocabulary in which `x` and `!` merge with the first byte of any character shows where words were cut.
    """
    vocabulary = {CHARACTER_OF[byte]: byte for byte in range(256)}
    pairs = [(CHARACTER_OF[ord(sign)], CHARACTER_OF[lead]) for sign in "x!" for lead in range(0xC2, 0xF5)]
    merged = {"".join(pair): 256 + place for place, pair in enumerate(pairs)}
    encoder = gigatoken.Tokenizer.from_json(_tokenizer({**vocabulary, **merged}, pairs, splitting.published))
    ids = encoder.encode("".join(f"x{character}\n!!{character}\n" for character in characters))
    codes = np.frombuffer(characters.encode("utf-32-le"), dtype="<u4")
    sizes = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    behind = (2 * sizes + 5).cumsum()
    starts = behind - (2 * sizes + 5)
    is_end = np.zeros(int(behind[-1]) + 1, dtype=np.bool_)
    is_end[np.where(ids < 256, 1, 2).cumsum()] = True
    return ~is_end[starts + 1], ~is_end[starts + sizes + 4]


def _tokenizer(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], regex: str) -> str:
    split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    as_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [],
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, as_bytes]},
            "decoder": as_bytes,
            "model": {"type": "BPE", "vocab": vocabulary, "merges": [list(pair) for pair in merges]},
        }
    )


_HARD = (
    "The court's decision of 12.03.2024 isn't FINAL: see § 823 BGB, p. 4711; 1,234,567.89.\r\n\r\n",
    "def f(x):\n    return x ** 2  # squared\n\n\nclass A:\n\tpass  \n /* url: https://a.b/c?d=e */",
    "Größenordnung, naïve façade, Привет мир, 你好,世界。こんにちは 👩‍👩‍👧 e\u0301 हिन्दी ภาษาไทย שלום 한국어",
    "   leading,  trailing   \n \n\n  'S'LL it'ſ \u00a0\u2003 end \0\x7f\ufffd <|eos|><|im_end|><think>  ",
)
