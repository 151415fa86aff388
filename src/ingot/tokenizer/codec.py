"""Encode and decode with a trained vocabulary, exactly.

What stands in a document is text: a literal `<|eos|>` in it is split into ordinary tokens and never becomes the
control token, because special tokens are switched off in the encoder (the text itself is not changed). Control ids
are put between texts by the code that frames documents and conversations, and by nothing else. `decode(encode(text))
== text` for every text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from ingot.core.errors import InputError
from ingot.tokenizer.alphabet import as_bytes
from ingot.tokenizer.bulk import BulkEncoder, bulk_encoder
from ingot.tokenizer.pieces import LONGEST_CHARACTERS, PIECE_CHARACTERS, pieces
from ingot.tokenizer.vocabulary import BOS, EOS, PAD, TURN_END, TURN_START

# Handed to the reference encoder at once, for each core. Its results take some 100 bytes a token until their ids are
# read out: a whole corpus in one call would need thirty times its size in memory.
_CHARACTERS_PER_CORE = 1_000_000
# Getting the bulk encoder ready takes about half a second, in which the reference encodes a megabyte.
_LEAST_BULK_CHARACTERS = 1_000_000
_SERVED_GROWTH_BYTES = 64_000_000
_SAMPLE_CHARACTERS = 1 << 16  # of the first texts, encoded by both

_Numbered = tuple[int, str]


class Codec:
    """A trained tokenizer: text to ids, ids to text. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True  # the library's name for "special tokens in text are only text"
        self._tokenizer = tokenizer
        self._bulk: BulkEncoder | None = None
        self._has_looked_for_bulk = False
        self._frames: dict[str, tuple[int, ...]] = {}
        self._bytes_of = _bytes_of_tokens(tokenizer)
        self.vocabulary = len(self._bytes_of)
        added = tokenizer.get_added_tokens_decoder().values()
        self.terms = tuple(sorted(token.content for token in added if not token.special))
        self.bos, self.eos, self.pad = self.special(BOS), self.special(EOS), self.special(PAD)
        self.start_of_turn, self.end_of_turn = self.special(TURN_START), self.special(TURN_END)

    @classmethod
    def load(cls, folder: Path) -> Codec:
        """Read `tokenizer.json` from a folder. Raises InputError when it is missing, unreadable or not Ingot's."""
        return cls(read_tokenizer(folder))

    @classmethod
    def shared(cls, folder: Path) -> Codec:
        """Return the codec of a folder, read once in this process for as long as its file is the same.

        For workers: the library never gives back some 4 MB of a tokenizer that has encoded, so one that reads its own
        for every piece of work grows with each of them (benchmarks/data_resume.py). Raises InputError as `load` does.
        """
        path = Path(folder) / "tokenizer.json"
        status = path.stat() if path.exists() else None
        return cls.load(folder) if status is None else _shared(folder, status.st_mtime_ns, status.st_size)

    @property
    def tokenizer(self) -> Tokenizer:
        """The reference encoder itself, for what extends, moves or measures it."""
        return self._tokenizer

    @property
    def encoder(self) -> str:
        """What encodes a lot of text: the bulk encoder once it has taken over, until then the reference."""
        return "reference" if self._bulk is None else "bulk"

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
        if len(text) > PIECE_CHARACTERS:
            return self.encode_batch([text])[0]
        if self._bulk is not None:
            with suppress(UnicodeEncodeError):  # said below
                found = self._bulk.encode(text)
                if found is not None:
                    return found.tolist()
        ids: list[int] = self._tokenizer.encode_batch_fast([_valid(text)], add_special_tokens=False)[0].ids
        return ids

    def prepare(self) -> None:
        """Let the bulk encoder encode single texts too, where it agrees with the reference.

        For servers: it takes a quarter of a second and 40 MB now, and from then on a fifth of the time for each text.
        """
        bulk = bulk_encoder(self._tokenizer, _SERVED_GROWTH_BYTES)
        if bulk is not None and bulk.agrees((), self._tokenizer):
            self._bulk = bulk
        self._has_looked_for_bulk = True

    def encode_frame(self, words: str) -> tuple[int, ...]:
        """Return the ids of words that a template repeats for every conversation; they are encoded once."""
        ids = self._frames.get(words)
        if ids is None:
            ids = self._frames[words] = tuple(self.encode(words))
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, using several threads for many texts or long ones."""
        batch: list[list[int]] = [[] for _ in texts]
        for number, ids in self.encode_parts(texts):
            batch[number].extend(ids)
        return batch

    def encode_parts(self, texts: Iterable[str], cores: int = 2) -> Iterator[tuple[int, Sequence[int]]]:
        """Yield `(number of the text, some of its ids)` in order, at least once for each text.

        Texts are taken as they are needed, about a megabyte at a time, so memory grows neither with their number nor
        with the length of one. From the first full megabyte on, the bulk encoder takes over where it is certain to
        agree (`bulk`), on one core; its ids come as a memoryview that numpy reads without a copy. The reference encoder
        keeps `cores` busy.
        """
        for group in _groups(enumerate(texts), _LEAST_BULK_CHARACTERS):
            bulk = self._bulk_for(group)
            if bulk is None:
                yield from self._encode_by_reference(group, cores)
            else:
                for number, text in group:
                    yield from ((number, ids) for ids in self._encode_in_bulk(text, bulk))

    def _bulk_for(self, group: Sequence[_Numbered]) -> BulkEncoder | None:
        if not self._has_looked_for_bulk and sum(len(text) for _, text in group) >= _LEAST_BULK_CHARACTERS:
            bulk = bulk_encoder(self._tokenizer)
            if bulk is not None and bulk.agrees(_sample(group), self._tokenizer):
                self._bulk = bulk
            self._has_looked_for_bulk = True
        return self._bulk

    def _encode_in_bulk(self, text: str, bulk: BulkEncoder) -> Iterator[Sequence[int]]:
        # Only what the reference would have to cut at an unsafe place is cut here, at the same place.
        whole = len(text) <= LONGEST_CHARACTERS
        for piece in [text] if whole else pieces(text, protected=self.terms):
            try:
                ids = bulk.encode(piece)
            except UnicodeEncodeError as error:
                raise _half_a_character(piece, error) from error
            if ids is not None:
                yield ids
            else:
                yield from (some for _, some in self._encode_by_reference([(0, piece)], cores=1))

    def _encode_by_reference(self, group: Iterable[_Numbered], cores: int) -> Iterator[tuple[int, list[int]]]:
        numbered = ((number, piece) for number, text in group for piece in pieces(text, protected=self.terms))
        for batch in _groups(numbered, cores * _CHARACTERS_PER_CORE):
            texts = [_valid(piece) for _, piece in batch]
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            yield from ((number, encoding.ids) for (number, _), encoding in zip(batch, encodings, strict=True))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; control tokens have none. Bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self._bytes_of.__getitem__, ids)).decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes a token stands for: often not a whole character; none for a control token."""
        return self._bytes_of[token_id]

    def decoder(self) -> StreamDecoder:
        """Return a decoder for one stream of ids."""
        return StreamDecoder(self)


@lru_cache(maxsize=2)
def _shared(folder: Path, modified: int, size: int) -> Codec:
    return Codec.load(folder)


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


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json` from a folder, whoever made it. Raises InputError when it is missing or unreadable."""
    path = Path(folder) / "tokenizer.json"
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        fix = "name the folder of a tokenizer or of a model"
        raise InputError("this folder has no tokenizer", where=str(path), fix=fix) from error
    except Exception as error:  # the library raises a bare Exception for whatever it cannot parse
        fix = "remove this artifact and run the build again; it is made anew"
        raise InputError("the tokenizer cannot be read", where=str(path), why=str(error), fix=fix) from error


def _groups(numbered: Iterable[_Numbered], least_characters: int) -> Iterator[list[_Numbered]]:
    group: list[_Numbered] = []
    characters = 0
    for number, text in numbered:
        group.append((number, text))
        characters += len(text)
        if characters >= least_characters:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _sample(group: Iterable[_Numbered]) -> Iterator[str]:
    left = _SAMPLE_CHARACTERS
    for _, text in group:
        opening = _valid(next(pieces(text)))
        yield opening
        left -= len(opening)
        if left <= 0:
            return


def _valid(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _half_a_character(text, error) from error
    return text


def _half_a_character(text: str, error: UnicodeEncodeError) -> InputError:
    return InputError(
        f"the text holds half a character ({text[error.start]!a}), which no encoding can write",
        where=f"character {error.start}",
        why="it usually comes from a JSON escape such as \\ud83d without its second half",
        fix="send the whole character, or remove it",
    )


def _bytes_of_tokens(tokenizer: Tokenizer) -> tuple[bytes, ...]:
    added = tokenizer.get_added_tokens_decoder()
    spelled = sorted((token_id, token) for token, token_id in tokenizer.get_vocab().items())
    assert [token_id for token_id, _ in spelled] == list(range(len(spelled))), "token ids have gaps"
    # Added tokens are written as they are: control tokens have no text, protected terms are theirs.
    return tuple(
        (b"" if added[token_id].special else token.encode()) if token_id in added else as_bytes(token)
        for token_id, token in spelled
    )
