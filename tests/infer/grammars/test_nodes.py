from __future__ import annotations

from ingot.infer.grammars.nodes import (
    EMPTY,
    NOTHING,
    ROOT,
    Alt,
    Chars,
    Lexeme,
    Ref,
    Repeat,
    Seq,
    Text,
    all_but,
    as_ebnf,
    as_lark,
    chars,
    common,
    pruned,
    size,
)

A, B = Text("a"), Text("b")


def test_characters_are_ranges_apart_and_in_order() -> None:
    assert chars((5, 9), (1, 3), (4, 4)).ranges == ((1, 9),)
    assert common(chars((1, 9)), chars((3, 4), (8, 20))).ranges == ((3, 4), (8, 9))


def test_the_rest_of_the_characters_holds_no_surrogates_and_no_end_of_text() -> None:
    rest = all_but(chars((0x41, 0x5A)))
    assert rest.ranges == ((1, 0x40), (0x5B, 0xD7FF), (0xE000, 0x10FFFF))
    assert all_but(chars((0x41, 0x5A)), 0x7F).ranges == ((1, 0x40), (0x5B, 0x7F))


def test_what_has_no_text_is_taken_out() -> None:
    rules = {ROOT: Alt((A, Seq((B, Ref("lost"))))), "lost": Seq((A, Ref("lost")))}
    assert pruned(rules) == {ROOT: A}
    assert pruned({ROOT: Ref("again"), "again": Ref(ROOT)}) == {}
    assert pruned({ROOT: Seq((A, Repeat(NOTHING, 0, 3), EMPTY))}) == {ROOT: A}


def test_repetitions_count_as_often_as_they_are_made() -> None:
    assert size(Repeat(Repeat(A, 1, 100), 1, 100)) > 10_000


def test_both_libraries_are_told_the_same() -> None:
    rules = {ROOT: Seq((Lexeme(Text('{"')), Repeat(Ref("r0"), 0, None))), "r0": Lexeme(Chars(((0x61, 0x7A),)))}
    assert as_ebnf(rules) == 'root ::= "{\\"" (r0)*\nr0 ::= [\\U00000061-z]'
    assert as_lark(rules) == "start: /\\x{7b}\\x{22}/ (r0)*\nr0: /[a-z]/"


def test_no_code_stands_before_what_would_be_read_as_a_part_of_it() -> None:
    assert as_ebnf({ROOT: Text("grö\ne")}) == 'root ::= "gr" [\\U000000f6] [\\U0000000a] "e"'


def test_a_class_that_begins_with_a_caret_is_no_complement() -> None:
    assert as_ebnf({ROOT: chars((ord("^"), ord("^")))}) == 'root ::= "^"'
    assert as_ebnf({ROOT: chars((ord("^"), ord("`")))}) == 'root ::= ("^" | [_-`])'
