from __future__ import annotations

import random

from ingot.safety.guard import Guard, Rule
from ingot.safety.holding import Holding, HoldLimits
from ingot.safety.watches import patterns, personal_data

GUARD = Guard(
    "house",
    (Rule("pii", "mask"), Rule("law", "block")),
    (personal_data("people", ["email"]), patterns("project", "law", ["ORCA"])),
)


def sent(pieces: list[str], limits: HoldLimits, seconds_a_piece: float = 0.0) -> tuple[list[str], bool]:
    holding = Holding(lambda text: GUARD.look(text, "output"), limits)
    parts = []
    for number, piece in enumerate(pieces):
        released = holding.feed(piece, number * seconds_a_piece)
        parts.append(released.text)
        if released.is_blocked:
            return parts, True
    last = holding.finish()
    return [*parts, last.text], last.is_blocked


def test_what_is_sent_is_what_a_look_at_the_whole_gives() -> None:
    draw = random.Random()
    for _ in range(30):
        words = [draw.choice(["one", "to ann@example.org", "bob@mail.example.com,", "and so on", "è", "你好"])] * 40
        draw.shuffle(words)
        text = " ".join(words)
        pieces, at = [], 0
        while at < len(text):
            pieces.append(text[at : (at := at + draw.randint(1, 9))])
        limits = HoldLimits(step_characters=draw.randint(1, 80), margin_characters=40)
        assert "".join(sent(pieces, limits)[0]) == GUARD.look(text, "output").text


def test_nothing_that_is_blocked_is_sent() -> None:
    pieces = list("a quiet beginning, and then the project ORCA is told")
    parts, is_blocked = sent(pieces, HoldLimits(step_characters=5, margin_characters=10))
    assert is_blocked
    assert "".join(parts) in "a quiet beginning, and then the project "


def test_a_short_answer_is_looked_at_before_its_end() -> None:
    assert sent(["OR", "CA"], HoldLimits()) == (["", "", ""], True)


def test_text_is_held_no_longer_than_the_bound() -> None:
    parts, _ = sent(["slow "] * 8, HoldLimits(most_seconds=1.0), seconds_a_piece=0.5)
    assert parts == ["", "", "slow slow slow ", "", "", "slow slow slow ", "", "", "slow slow "]
    assert "".join(parts) == "slow " * 8


def test_of_a_finding_cut_by_the_bound_the_rest_is_covered() -> None:
    parts, _ = sent(["write to ann", "@example.org now"], HoldLimits(most_seconds=0.0), seconds_a_piece=1.0)
    assert "".join(parts) == "write to ann now"


def test_what_a_look_left_back_keeps_the_time_it_came() -> None:
    holding = Holding(lambda text: GUARD.look(text, "output"), HoldLimits(10, 4, most_seconds=1.0))
    assert holding.feed("0123456789", 0.0).text == "012345"
    assert holding.feed("ab", 0.9).text == ""
    assert holding.feed("c", 1.0).text == "6789abc"


def test_nothing_held_is_nothing_to_finish() -> None:
    holding = Holding(lambda text: GUARD.look(text, "output"))
    assert holding.feed("", 0.0).verdict is None
    assert holding.finish().text == ""
