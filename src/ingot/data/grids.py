"""A sheet of a workbook as Markdown: its tables, and the titles and notes that stand around them.

A sheet is a grid with holes: titles in single cells, several tables, empty rows and columns for the eye. Empty rows
part the tables, unless one row alone stands between rows that fill the same columns; a row of one cell above a table,
or a long one below it, becomes a paragraph; empty columns go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Row = Sequence[str]
Rows = Sequence[Row]

# A longer single cell below a table is a note about it, a shorter one belongs to it.
_LONGEST_VALUE = 30


def grid_markdown(cells: Rows) -> str:
    """Return the Markdown of a grid; empty when every cell is."""
    rows = [[_cell(cell) for cell in row] for row in cells]
    return "\n\n".join(part for block in _blocks(rows) for part in _parts(block))


def table_markdown(rows: Rows) -> str:
    """Return one Markdown table; its first row is the header, short rows are filled up."""
    width = max(len(row) for row in rows)
    lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join(["---"] * width) + " |", *lines[1:]])


def _cell(text: str) -> str:
    return " ".join(text.replace("\\|", "|").split()).replace("|", "\\|")


def _blocks(rows: Rows) -> Iterator[list[Row]]:
    """Yield the rows that belong together."""
    block: list[Row] = []
    gap = 0
    for row in rows:
        if not any(row):
            gap += 1
            continue
        if block and gap and not (gap == 1 and _go_together(block[-1], row)):
            yield block
            block = []
        block.append(row)
        gap = 0
    if block:
        yield block


def _go_together(above: Row, below: Row) -> bool:
    return len(_filled(above) & _filled(below)) > 1


def _filled(row: Row) -> set[int]:
    return {place for place, cell in enumerate(row) if cell}


def _parts(block: Rows) -> Iterator[str]:
    is_lonely = [len(_filled(row)) == 1 for row in block]
    if all(is_lonely):
        yield from _lonely_parts(block)
        return
    first = is_lonely.index(False)
    last = len(block)
    while is_lonely[last - 1] and len(_only(block[last - 1])) > _LONGEST_VALUE:
        last -= 1
    yield from map(_only, block[:first])
    yield table_markdown(_without_empty_columns(block[first:last]))
    yield from map(_only, block[last:])


def _lonely_parts(block: Rows) -> Iterator[str]:
    """Yield several cells in one column as a table, and cells at different places as paragraphs."""
    if len(block) > 2 and len({min(_filled(row)) for row in block}) == 1:
        yield table_markdown(_without_empty_columns(block))
    else:
        yield from map(_only, block)


def _only(row: Row) -> str:
    return next(cell for cell in row if cell).replace("\\|", "|")


def _without_empty_columns(rows: Rows) -> Rows:
    kept = sorted(set().union(*map(_filled, rows)))
    return [[row[place] if len(row) > place else "" for place in kept] for row in rows]
