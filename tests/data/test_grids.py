"""Sheets with holes become tables and the words around them."""

from __future__ import annotations

from ingot.data.grids import grid_markdown, table_markdown


def grid(text: str) -> str:
    """Write a grid as lines of cells, a dot for an empty one."""
    rows = [[cell.replace(".", "") if cell == "." else cell for cell in line.split()] for line in text.split("\n")]
    return grid_markdown(rows)


def test_a_table_stands_alone() -> None:
    assert grid("a b\n1 2") == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_titles_above_become_paragraphs_and_empty_columns_go() -> None:
    assert grid("Costs . .\n. . .\na . b\n1 . 2") == "Costs\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_two_empty_rows_part_tables_and_one_within_the_same_columns_does_not() -> None:
    parted = grid("a b\n1 2\n. .\n. .\nc d\n3 4")
    assert parted.count("---") == 4
    assert grid("a b\n. .\n1 2") == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_one_empty_row_parts_what_stands_elsewhere() -> None:
    assert grid("a b . .\n. . . .\n. . c d\n. . 1 2").count("---") == 4


def test_a_long_line_below_is_a_note_and_a_short_one_a_row() -> None:
    note = "All_amounts_are_in_thousands_of_Swiss_francs"
    assert grid(f"a b\n1 2\n{note} .").endswith(f"| 1 | 2 |\n\n{note}")
    assert grid("a b\n1 2\n3 .").endswith("| 3 |  |")


def test_a_column_of_several_cells_is_a_table() -> None:
    assert grid("name\nAnna\nBo") == "| name |\n| --- |\n| Anna |\n| Bo |"
    assert grid("only") == "only"


def test_bars_and_lines_within_cells_break_nothing() -> None:
    assert grid_markdown([["a|b", "c\nd"], ["1", "2"]]) == "| a\\|b | c d |\n| --- | --- |\n| 1 | 2 |"


def test_nothing_gives_nothing() -> None:
    assert grid_markdown([]) == ""
    assert grid_markdown([["", " "], []]) == ""


def test_short_rows_are_filled_up() -> None:
    assert table_markdown([["a", "b"], ["1"]]) == "| a | b |\n| --- | --- |\n| 1 |  |"
