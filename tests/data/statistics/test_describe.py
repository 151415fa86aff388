"""One pass counts what the slow and obvious way counts, on any text, whatever else is in the batch."""

from __future__ import annotations

from unicodedata import category, ucd_3_2_0

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.statistics import english
from ingot.data.statistics.counts import Count
from ingot.data.statistics.describe import describe
from tests.data.statistics import slow_counts

# Pieces in which the rules differ, put together at random: hardly any rule is met in random characters.
WORDS = "the rent is due on day one of each month to be paid with that and have U.S. e.g. C++ don't he's 5km 3.5 10"
SIGNS = "... .. … - -- — • * # { } [1] [] [edit] ( ) “ ” ' \" ? ! : ; , / = + $ € % ° § © 。 、 ।"
PHRASES = ("lorem ipsum", "JavaScript", "terms of use", "Use of Cookies", "[citation needed]")
ADDRESSES = ("http://a.example.com:80/b?c", "x@y.org", "8.8.8.8/a", "10.0.0.1:80", ":-)")
SCRIPTS = ("größer", "Ещё", "日本の", "हिन्दी", "ไทย", "한국어", "😀", "Ã¼", "â€™", "\ufffd", "İ", "ǅ")
SPACES = (" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", "\u2029", "\x1c", "\xa0", "", "", ".\n", ". ")
pieces = st.sampled_from(
    [*WORDS.split(), *SIGNS.split(), *PHRASES, *ADDRESSES, *SCRIPTS, *list(english.exceptions())[::40]]
)
texts = st.lists(st.tuples(pieces, st.sampled_from(SPACES)), max_size=40).map(
    lambda pairs: "".join(piece + space for piece, space in pairs)
)
# Letters that every version of Python agrees about: the table of characters is that of one version.
settled = st.characters(codec="utf-8").filter(lambda one: ucd_3_2_0.category(one) == category(one))
repetitive = st.lists(st.sampled_from(["a b", "c", "a", "b c.", "\n", "d\n"]), max_size=60).map(" ".join)


def differences(given_texts: list[str]) -> list[tuple[str, str, int, int]]:
    """Return every count that is not what the slow way counts: the text, the count, ours, the slow one."""
    counted = describe(pa.array(given_texts, pa.string())).counts
    return [
        (text, count.name, int(row[count]), slow)
        for text, row in zip(given_texts, counted, strict=True)
        for count, slow in slow_counts.counts(text).items()
        if row[count] != slow
    ]


def test_every_count_is_in_the_slow_way() -> None:
    assert set(slow_counts.counts("")) == set(Count)


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4))
def test_texts_of_pieces(given_texts: list[str]) -> None:
    assert differences(given_texts) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(repetitive, min_size=1, max_size=4))
def test_texts_that_repeat_themselves(given_texts: list[str]) -> None:
    assert differences(given_texts) == []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(settled), min_size=1, max_size=4))
def test_any_characters(given_texts: list[str]) -> None:
    assert differences(given_texts) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        " \n ",
        "#" * 500,
        "." * 500,
        "a@" * 60,
        "\u3000",
        "one two three four five " * 300,
        "- a bullet here.\n• another one...\n" * 20,
        "word " * 3 + "x" * 1001 + ".",
        "A line [1] with marks.[2] And more.\n" * 3,
        "He said.  \"Yes.\" (No.) What?! Oh... no. [12] Well said!\n",
    ],
)  # fmt: skip
def test_odd_texts(text: str) -> None:
    assert differences([text]) == []


def test_what_else_is_in_the_batch_does_not_matter() -> None:
    several = ["one text.", "", "x " * 500, "another\ntext", "日本"]
    together = describe(pa.array(several))
    for number, text in enumerate(several):
        alone = describe(pa.array([text]))
        assert (alone.counts[0] == together.counts[number]).all()
        assert (alone.signatures[0] == together.signatures[number]).all()
        assert (alone.hashes[0] == together.hashes[number]).all()


def test_any_kind_of_array_will_do() -> None:
    several = ["left out", "größer", None, "b"]
    expected = describe(pa.array(["größer", "", "b"]))
    for array in (pa.array(several)[1:], pa.array(several, pa.large_string())[1:]):
        assert (describe(array).counts == expected.counts).all()
    assert describe(pa.array([], pa.string())).counts.shape == (0, len(Count))


def test_threads_change_nothing() -> None:
    several = [f"text {number} " * (number % 50) for number in range(200)]
    one, two = describe(pa.array(several)), describe(pa.array(several), threads=2)
    assert (one.counts == two.counts).all()
    assert (one.signatures == two.signatures).all()
    assert (one.hashes == two.hashes).all()


def test_a_long_text_is_described_in_parts() -> None:
    lines = [f"Line {number} says größer things about word {number * 7}, and ends here.\n" for number in range(400)]
    text = pa.array(["".join(lines)])
    whole, parts = describe(text), describe(text, part_characters=1000)
    assert (whole.hashes == parts.hashes).all()
    assert (whole.signatures == parts.signatures).all()
    for count in (Count.CHARACTERS, Count.WORDS, Count.NON_SYMBOL_CHARACTERS, Count.LINES, Count.C4_SENTENCES):
        assert whole.count(count) == parts.count(count)


def test_a_text_without_breaks_is_cut_anywhere() -> None:
    text = pa.array(["字" * 2500])
    whole, parts = describe(text), describe(text, part_characters=999)
    assert (whole.signatures == parts.signatures).all()
    assert whole.count(Count.CHARACTERS) == parts.count(Count.CHARACTERS) == 2500


def test_bytes_that_are_no_text_do_no_harm() -> None:
    broken = [b"\xff\xfe\xfd", b"abc\xf4", b"\xf7\xbf\xbf\xbf", b"\xe2\x82"]
    unchecked = pa.StringArray.from_buffers(len(broken), *pa.array(broken, pa.binary()).buffers()[1:])
    assert (describe(unchecked).count(Count.CHARACTERS) > 0).all()
