from __future__ import annotations

import pytest

from ingot.cli.show.tables import print_table


def test_columns_are_as_wide_as_what_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("what", "document"), [("added", "a.txt"), ("elsewhere", "b.txt")])
    assert capsys.readouterr().out == "what       document\nadded      a.txt\nelsewhere  b.txt\n"


def test_a_cell_keeps_to_its_line_and_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("what", "document"), [("added", "a\nb\x1b[31m\x07\u202egpj.txt")])
    assert capsys.readouterr().out == "what   document\nadded  a b·[31m··gpj.txt\n"
