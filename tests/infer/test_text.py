from __future__ import annotations

from collections.abc import Generator

import pytest

from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Token, as_tokens, first_stop, held_back
from ingot.tokenizer.codec import Codec

END = 1_000_000


class Pieces:
    """Decode ids as positions in a list of byte strings, one stream."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces, self.waiting = pieces, b""

    def push(self, token: int, /) -> str:
        self.waiting += self.pieces[token]
        try:
            text = self.waiting.decode()
        except UnicodeDecodeError:
            return ""
        self.waiting = b""
        return text

    def flush(self) -> str:
        text, self.waiting = self.waiting.decode(errors="replace"), b""
        return text


class Source:
    """An endless engine that notes when it is closed."""

    def __init__(self, ids: list[int]) -> None:
        self.ids, self.drawn, self.is_closed = ids, 0, False

    def stream(self) -> Generator[Drawn, None, None]:
        try:
            for token in self.ids:
                self.drawn += 1
                yield Drawn(token, -0.5)
        finally:
            self.is_closed = True


def run(pieces: list[bytes], ids: list[int], **params: object) -> tuple[list[Token], Source]:
    source = Source(ids)
    settings = SamplingParams(**params)
    return list(as_tokens(source.stream(), Pieces(pieces), settings, frozenset({END}))), source


def text_of(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


def test_every_id_gives_one_token_and_the_last_says_length() -> None:
    tokens, source = run([b"a", b"b", b"c"], [0, 1, 2, 0], max_tokens=3)
    assert [(token.id, token.text, token.finish) for token in tokens] == [
        (0, "a", None),
        (1, "b", None),
        (2, "c", "length"),
    ]
    assert source.drawn == 3
    assert source.is_closed


def test_an_end_id_stops_without_text() -> None:
    tokens, _ = run([b"a"], [0, END, 0])
    assert [(token.text, token.finish) for token in tokens] == [("a", None), ("", "stop")]


def test_a_stop_string_across_tokens_is_found_and_cut() -> None:
    tokens, source = run([b"one E", b"N", b"D of", b" it"], [0, 1, 2, 3], stop=("END",))
    assert text_of(tokens) == "one "
    assert tokens[-1].finish == "stop"
    assert source.is_closed
    assert source.drawn == 3


def test_no_text_leaves_that_could_become_a_stop_string() -> None:
    tokens, _ = run([b"x", b"\n", b"\nUser", b"y"], [0, 1, 3, 1, 2], stop=("\n\nUser",))
    assert [token.text for token in tokens] == ["x", "", "\ny", "", ""]


def test_text_held_back_in_vain_is_released_at_the_end() -> None:
    tokens, _ = run([b"ab", b"EN"], [0, 1], max_tokens=2, stop=("END",))
    assert text_of(tokens) == "abEN"
    tokens, _ = run([b"ab", b"EN"], [0, 1, END], stop=("END",))
    assert text_of(tokens) == "abEN"


def test_the_earliest_of_several_stop_strings_wins() -> None:
    tokens, _ = run([b"a b c d"], [0], stop=("c", "b"))
    assert text_of(tokens) == "a "


def test_a_character_of_several_tokens_appears_whole() -> None:
    euro = "€".encode()
    tokens, _ = run([euro[:1], euro[1:2], euro[2:]], [0, 1, 2], max_tokens=3)
    assert [token.text for token in tokens] == ["", "", "€"]
    tokens, _ = run([euro[:1]], [0], max_tokens=1)
    assert text_of(tokens) == "\ufffd"


def test_closing_early_frees_the_engine() -> None:
    source = Source([0, 0, 0])
    stream = as_tokens(source.stream(), Pieces([b"a"]), SamplingParams(), frozenset())
    next(stream)
    stream.close()
    assert source.is_closed


@pytest.mark.parametrize(("text", "held"), [("the en", 2), ("the end", 0), ("e", 1), ("", 0), ("ende", 1)])
def test_held_back_is_the_longest_possible_beginning(text: str, held: int) -> None:
    assert held_back(text, ("end",)) == held
    assert (first_stop(text, ("end",)) is None) == ("end" not in text)


def test_the_real_decoder_fits(codec: Codec) -> None:
    ids = codec.encode("größer als € und 漢字")
    drawn = (Drawn(token) for token in ids)
    tokens = as_tokens(drawn, codec.decoder(), SamplingParams(max_tokens=len(ids)), frozenset())
    assert text_of(list(tokens)) == "größer als € und 漢字"
