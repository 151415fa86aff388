from __future__ import annotations

import pytest

from ingot.core import errors
from ingot.core.errors import IngotError, InputError, MissingExtraError, StepError, from_fields, suggest


def test_says_what_where_why_and_what_to_do_in_this_order() -> None:
    text = str(InputError("no text", where="a.txt", why="it is empty", fix="fill it"))
    assert text.splitlines() == ["no text", "  where: a.txt", "  why: it is empty", "  do now: fill it"]


def test_leaves_out_what_is_not_known() -> None:
    assert str(InputError("no text", fix="fill it")).splitlines() == ["no text", "  do now: fill it"]


@pytest.mark.parametrize("kind", [IngotError, *IngotError.__subclasses__(), *StepError.__subclasses__()])
def test_every_kind_crosses_a_process_boundary(kind: type[IngotError]) -> None:
    if kind is MissingExtraError:
        error: IngotError = MissingExtraError("the openvino engine", "openvino")
    else:
        error = kind("what", where="where", why="why", fix="fix")
    back = from_fields(error.as_fields())
    assert (type(back), str(back), back.exit_code) == (kind, str(error), error.exit_code)


def test_exit_codes_differ_between_branches() -> None:
    codes = [kind.exit_code for kind in IngotError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert errors.StepError.exit_code == errors.KilledError.exit_code


@pytest.mark.parametrize(
    ("name", "valid", "expected"),
    [
        ("tokeniser", ["tokenizer", "plan"], "did you mean 'tokenizer'?"),
        ("zzz", ["b", "a"], "choose one of: a, b"),
        ("zzz", [], "there are none yet"),
        ("zzz", [f"name{i}" for i in range(20)], "..."),
    ],
)
def test_suggest(name: str, valid: list[str], expected: str) -> None:
    assert suggest(name, valid).endswith(expected)
