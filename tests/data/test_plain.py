"""What is for a renderer goes, and no word of the text with it."""

from __future__ import annotations

import pytest

from ingot.data.plain import plain, without_embedded, without_menus


def test_pictures_links_and_escapes_become_plain() -> None:
    markdown = '![logo](media/a.png)See [the *law*](https://x.y/z_(1) "t") at \\<a@b.c\\>.\n\n\n\n1\\. next [1] (two)'
    assert plain(markdown) == "See the *law* at <a@b.c>.\n\n1. next [1] (two)"


def test_a_link_around_a_picture_leaves_nothing_and_a_written_address_stays() -> None:
    assert plain("a [/wiki/File:Duck.jpg](/wiki/File:Duck.jpg) b") == "a  b"
    assert plain("[https://example.org/a](https://example.org/a)") == "https://example.org/a"


def test_a_table_that_only_frames_a_text_becomes_the_text() -> None:
    assert plain("| A whole letter. |\n| --- |\n\nAfter.") == "A whole letter.\n\nAfter."
    assert plain("| \u2611 | Yes |\n| --- | --- |\n") == "\u2611  Yes"


def test_a_table_stays_a_table() -> None:
    table = "| a \\| b | c |\n| --- | --- |\n| 1 | 2 |"
    assert plain(f"{table}\n\nd \\| e") == f"{table}\n\nd | e"


def test_leaders_and_empty_items_go() -> None:
    assert plain("Preface . . . . . . . . . 7") == "Preface ... 7"
    assert plain("Preface.........7") == "Preface ... 7"
    assert plain("one\n- \n- two") == "one\n- two"
    assert plain("Well... yes.") == "Well... yes."


def test_lists_of_links_are_menus() -> None:
    menu = "".join(f"- [Page {number}](/{number})\n" for number in range(9))
    assert without_menus(f"# Title\n\n{menu}\nText.").split() == ["#", "Title", "Text."]
    short = "- [one](/1)\n- [two](/2)\n"
    assert without_menus(f"{short}Text.") == f"{short}Text.\n"
    assert without_menus(menu) == menu


def test_embedded_pictures_go() -> None:
    assert without_embedded(f"a ![b](data:image/png;base64,{'QUJD' * 100}) c") == "a ![b]() c"


@pytest.mark.parametrize("part", ["[", "[a](", "![", "| ", "\\", "- [a](b)\n", "|a|\n|", " .", '[a](b "', "\n \n"])
def test_hostile_markdown_is_read_in_one_go(part: str) -> None:
    # A pattern that goes back over it again and again would take hours.
    assert len(plain(part * 100_000)) <= len(part) * 100_000
    assert len(without_menus(part * 100_000)) <= len(part) * 100_000 + 1
