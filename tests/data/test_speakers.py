"""Whether user and assistant are swapped is said of sets whose shape shows it, and of no others."""

from __future__ import annotations

from ingot.data.speakers import Speakers


def counted(*talks: list[tuple[str, str]], times: int = 10) -> Speakers:
    speakers = Speakers()
    for number in range(times):
        for place, talk in enumerate(talks):
            messages = [{"role": role, "content": content} for role, content in talk]
            speakers.add(f"talks:{number * len(talks) + place + 1}", messages)
    return speakers


def test_the_assistant_who_begins_while_the_user_ends_is_told() -> None:
    verdict = counted([("system", "x"), ("assistant", "Who?"), ("user", "Me.")]).verdict
    assert "swapped: the assistant begins and the user ends 10 of 10 conversations" in verdict
    assert "talks:1, talks:2, talks:3" in verdict


def test_answers_that_are_questions_are_told() -> None:
    assert "a question in 10 of 10, the user's in 0" in counted([("user", "Me."), ("assistant", "誰ですか？")]).verdict


def test_honest_sets_are_left_alone() -> None:
    greeted = [("assistant", "How can I help?"), ("user", "Leave."), ("assistant", "Thirty days.")]
    thanked = [("assistant", "Hello."), ("user", "Who?"), ("assistant", "Me."), ("user", "Thanks.")]
    asked_back = [("user", "Who?"), ("assistant", "Who wants to know?")]
    assert not counted([("user", "Who?"), ("assistant", "Me.")]).verdict
    assert not counted(greeted, thanked).verdict
    assert not counted(asked_back).verdict
    assert not counted([("assistant", "Who?"), ("user", "Me.")], times=9).verdict
