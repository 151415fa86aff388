"""The examples of RFC 9309, and what sites write."""

from __future__ import annotations

import pytest

from ingot.data.robots import NOTHING, Rules, read_robots


@pytest.mark.parametrize(
    ("rules", "path", "is_allowed"),
    [
        ("Disallow: /private", "/private", False),
        ("Disallow: /private", "/private/a", False),
        ("Disallow: /private", "/public", True),
        ("Disallow: /\nAllow: /docs/", "/docs/a", True),
        ("Disallow: /\nAllow: /docs/", "/", False),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", False),  # the longer pattern
        ("Allow: /folder\nDisallow: /folder", "/folder/page", True),  # allowing wins a tie
        ("Allow: /$\nDisallow: /", "/", True),
        ("Allow: /$\nDisallow: /", "/page.htm", False),
        ("Disallow: /*.pdf$", "/a/b.pdf", False),
        ("Disallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("Disallow: /*.pdf$", "/a.pdf/b.pdf", False),
        ("Disallow: /a*b*c", "/a1b2c3", False),
        ("Disallow: /a*b*c", "/acb", True),
        ("Disallow: /*?session=", "/page?session=1", False),
        ("Disallow: /größe", "/gr%C3%B6%C3%9Fe", False),
        ("Disallow: /%7Ejoe/", "/~joe/", False),
        ("Disallow: /a%3cd", "/a%3Cd", False),
        ("Disallow:", "/anything", True),
        ("Disallow: /x # a note", "/x", False),
        ("Disallow /x", "/x", True),
        ("", "/", True),
    ],
)
def test_rules(rules: str, path: str, is_allowed: bool) -> None:
    assert read_robots(f"User-Agent: *\n{rules}\n".encode(), "ingot").allows(path) == is_allowed


def test_a_group_for_this_robot_goes_before_the_one_for_all() -> None:
    text = b"User-agent: *\nDisallow: /\n\nUser-agent: Ingot\nUser-agent: other\nDisallow: /a\nCrawl-delay: 2\n"
    mine, others = read_robots(text, "ingot"), read_robots(text, "somebody")
    assert [mine.allows("/a"), mine.allows("/b"), mine.delay_seconds] == [False, True, 2.0]
    assert not others.allows("/b")


def test_groups_of_the_same_name_belong_together() -> None:
    text = b"User-agent: *\nDisallow: /a\n\nUser-agent: x\nDisallow: /\n\nUser-agent: *\nDisallow: /b\n"
    rules = read_robots(text, "ingot")
    assert [rules.allows(path) for path in ("/a", "/b", "/c")] == [False, False, True]


def test_a_hostile_pattern_is_not_slow() -> None:
    rules = Rules((("/" + "a*" * 2000 + "b$", False),))
    assert rules.allows("/" + "a" * 5000)


def test_rubbish_asks_for_nothing() -> None:
    assert read_robots(bytes(range(256)), "ingot").allows("/")
    assert read_robots(b"<html>no such page</html>", "ingot").allows("/")
    assert read_robots(b"User-agent: *\nCrawl-delay: soon\n", "ingot").delay_seconds == 0.0
    assert read_robots(b"User-agent: *\nCrawl-delay: 86400\n", "ingot").delay_seconds == 60.0
    assert not NOTHING.allows("/a")
