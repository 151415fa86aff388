"""Words are cut as spaCy cuts English; these were compared with its tokenizer, version 3.8."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ingot.data.statistics.counts import Count
from ingot.data.statistics.describe import describe
from tests.data.statistics.slow_words import words

CASES = {
    "Hello world.": "Hello world .",
    "(U.S.-based)": "( U.S.-based )",
    "can't won’t it's Its cannot": "ca n't wo n’t it 's Its can not",
    "The tenant's, the tenants'": "The tenant 's , the tenants '",
    "$5,000.00 or 5€ and US$5 with 5US$": "$ 5,000.00 or 5 € and US$ 5 with 5 US$",
    "5km at 10am, 20%": "5 km at 10 am , 20 %",
    "well-known and 3-4 and a--b": "well - known and 3 - 4 and a -- b",
    "Mr. Smith et al. said e.g. this.": "Mr. Smith et al . said e.g. this .",
    "end.Start and end...start": "end . Start and end ... start",
    "see http://a.example.com/b?c=1, or a@b.org.": "see http://a.example.com/b?c=1 , or a@b.org .",
    "at 8.8.8.8/x and 10.0.0.1/x": "at 8.8.8.8/x and 10.0.0.1 / x",
    "fine:-) and word:)": "fine:- ) and word :)",
    "98°F. and x°C": "98 ° F . and x ° C",
    "+49 and +x and C++": "+49 and + x and C++",
    "日本語。 हिन्दी।": "日本語 。 हिन्दी ।",
    "a/b and/or c:d e=f": "a / b and/or c : d e = f",
    "©2024 §5": "© 2024 § 5",
}


@pytest.mark.parametrize("text", CASES)
def test_words(text: str) -> None:
    expected = CASES[text].split()
    assert [word for _, word in words(text)] == expected
    counted = describe(pa.array([text]))
    assert counted.count(Count.WORDS)[0] == len(expected)
    assert counted.count(Count.TOP_2_GRAM)[0] == len(" ".join(expected[:2]))
