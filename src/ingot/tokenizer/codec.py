"""Encode and decode with a trained vocabulary, exactly.

What stands in a document is text: a literal `<|eos|>` in it is split into ordinary tokens and never becomes the
control token, because special tokens are switched off in the encoder (the text itself is not changed). Control ids
are put between texts by the code that frames documents and conversations, and by nothing else. `decode(encode(text))
== text` for every text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from tokenizers import Tokenizer

from ingot.core.errors import InputError
from ingot.tokenizer.pieces import pieces
from ingot.tokenizer.vocabulary import BOS, EOS, PAD, TURN_END, TURN_START

# Handed to the encoder at once, for each core. Its results take some 100 bytes a token until their ids are read out: a
# whole corpus in one call would need thirty times its size in memory.
_CHARACTERS_PER_CORE = 1_000_000


class Codec:
    """A trained tokenizer: text to ids, ids to text. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True  # the library's name for "special tokens in text are only text"
        self._tokenizer = tokenizer
        self._bytes_of = _bytes_of_tokens(tokenizer)
        self.vocabulary = len(self._bytes_of)
        self.bos, self.eos, self.pad = self.special(BOS), self.special(EOS), self.special(PAD)
        self.start_of_turn, self.end_of_turn = self.special(TURN_START), self.special(TURN_END)

    @classmethod
    def load(cls, folder: Path) -> Codec:
        """Read `tokenizer.json` from a folder. Raises InputError when it is missing, unreadable or not Ingot's."""
        path = Path(folder) / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            fix = "name the folder of a tokenizer or of a model"
            raise InputError("this folder has no tokenizer", where=str(path), fix=fix) from error
        except Exception as error:  # the library raises a bare Exception for whatever it cannot parse
            fix = "remove this artifact and run the build again; it is made anew"
            raise InputError("the tokenizer cannot be read", where=str(path), why=str(error), fix=fix) from error
        return cls(tokenizer)

    def special(self, token: str) -> int:
        """Return the id of a special token. Raises InputError when the vocabulary does not have it."""
        token_id = self._tokenizer.token_to_id(token)
        if token_id is None:
            raise InputError(
                f"the tokenizer has no token {token!r}",
                why="documents and conversations are framed with it",
                fix="train the tokenizer with Ingot",
            )
        return int(token_id)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without any control token."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, using several threads for many texts or long ones."""
        batch: list[list[int]] = [[] for _ in texts]
        for number, ids in self.encode_parts(texts):
            batch[number].extend(ids)
        return batch

    def encode_parts(self, texts: Iterable[str], cores: int = 2) -> Iterator[tuple[int, list[int]]]:
        """Yield `(number of the text, some of its ids)` in order, at least once for each text.

        Texts are taken as they are needed, so memory grows neither with their number nor with the length of one, only
        with `cores`: each is kept busy with about a megabyte.
        """
        numbered = ((number, piece) for number, text in enumerate(texts) for piece in pieces(text))
        for group in _groups(numbered, cores * _CHARACTERS_PER_CORE):
            encodings = self._tokenizer.encode_batch_fast([piece for _, piece in group], add_special_tokens=False)
            yield from ((number, encoding.ids) for (number, _), encoding in zip(group, encodings, strict=True))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; control tokens have none. Bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self._bytes_of.__getitem__, ids)).decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes a token stands for: often not a whole character; none for a control token."""
        return self._bytes_of[token_id]

    def decoder(self) -> StreamDecoder:
        """Return a decoder for one stream of ids."""
        return StreamDecoder(self)


class StreamDecoder:
    """Turn ids into text as they come. A character of several tokens appears when its last byte has arrived."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._pending = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token_id: int) -> str:
        """Take one id and return the text it completes: possibly none, never half a character."""
        return self._pending.decode(self._codec.token_bytes(token_id))

    def flush(self) -> str:
        """End the stream; bytes of a character that was never completed become U+FFFD."""
        return self._pending.decode(b"", final=True)


def _groups(numbered: Iterable[tuple[int, str]], least_characters: int) -> Iterator[list[tuple[int, str]]]:
    group: list[tuple[int, str]] = []
    characters = 0
    for number, piece in numbered:
        group.append((number, _valid(piece)))
        characters += len(piece)
        if characters >= least_characters:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _valid(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text holds half a character ({text[error.start]!a}), which no encoding can write",
            where=f"character {error.start}",
            why="it usually comes from a JSON escape such as \\ud83d without its second half",
            fix="send the whole character, or remove it",
        ) from error
    return text


def _bytes_of_tokens(tokenizer: Tokenizer) -> tuple[bytes, ...]:
    byte_of = _byte_of_character()
    control = {token_id for token_id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    spelled = sorted((token_id, token) for token, token_id in tokenizer.get_vocab().items())
    assert [token_id for token_id, _ in spelled] == list(range(len(spelled))), "token ids have gaps"
    return tuple(b"" if token_id in control else bytes(byte_of[c] for c in token) for token_id, token in spelled)


def _byte_of_character() -> dict[str, int]:
    """Invert the byte-level alphabet of GPT-2: printable bytes stand for themselves, the others for U+0100 onwards."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    return {chr(code): byte for code, byte in chain(((b, b) for b in printable), enumerate(others, start=256))}
