"""What a passage says is supported, what is made up is not, and what is cited must stand where it is said to stand."""

from __future__ import annotations

import pytest

from ingot.evaluate.groundedness import claims, grounded, support

PASSAGES = (
    "The lease of the flat ends on 31 May 2027. The landlord may end it early when the tenant keeps bees.",
    "Rent of 1,200 euros is due on the first of every month.",
    "患者は毎日薬を飲む。",
)


@pytest.mark.parametrize(
    ("claim", "is_supported"),
    [
        ("The lease ends on 31 May 2027.", True),
        ("Tenants who keep bees may lose the lease early.", True),  # other endings, another order
        ("The lease ends on 30 June 2027.", False),  # a number that is not there
        ("Rent of 1,300 euros is due every month.", False),
        ("Penguins repaired the lighthouse yesterday evening.", False),
        ("The lease of the flat ends [1].", True),
        ("The lease of the flat ends [2].", False),  # it stands elsewhere
        ("The lease of the flat ends [7].", False),  # there is no such passage
        ("患者は薬を飲む", True),
        ("医者は手術をした", False),
    ],
)
def test_a_sentence_is_held_against_the_passages(claim: str, is_supported: bool) -> None:
    assert grounded(claim, PASSAGES) == float(is_supported)


def test_an_answer_is_the_share_of_its_sentences() -> None:
    answer = "The lease ends on 31 May 2027. Penguins repaired the lighthouse yesterday. Yes."
    assert claims(answer) == ["The lease ends on 31 May 2027.", "Penguins repaired the lighthouse yesterday."]
    assert grounded(answer, PASSAGES) == 0.5


def test_an_answer_that_says_nothing_is_not_grounded() -> None:
    assert grounded("", PASSAGES) == grounded("Yes.", PASSAGES) == grounded("?!", PASSAGES) == 0
    assert grounded("The lease ends.", ()) == 0


def test_words_of_two_passages_do_not_add_up() -> None:
    both = "bees lease landlord rent euros month"
    assert support(both, PASSAGES) == max(support(both, [each]) for each in PASSAGES) == 0.5
