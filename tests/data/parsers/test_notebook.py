"""Notebooks give prose and code in order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.document import Document, Position
from tests.data.samples import parse


def notebook(**fields: Any) -> Document:
    (document,) = parse("notebook", "a.ipynb", json.dumps({"nbformat": 4, **fields}).encode())
    return document


CELLS = [
    {"cell_type": "markdown", "source": ["# Title\n", f"Prose. ![x](data:image/png;base64,{'QUJD' * 50})"]},
    {"cell_type": "code", "source": "x = 1", "outputs": [{"data": {"image/png": "QUJD" * 50}}]},
    {"cell_type": "code", "source": ""},
    {"cell_type": "raw", "source": "Größe"},
]


def test_prose_and_code_without_outputs() -> None:
    document = notebook(metadata={"language_info": {"name": "python"}}, cells=CELLS)
    assert document.text == "# Title\nProse. ![x]()\n\n```python\nx = 1\n```\n\nGröße"
    assert document.positions == (Position("cell", "1", 0), Position("cell", "2", 23), Position("cell", "4", 44))


def test_the_third_version_kept_cells_in_worksheets() -> None:
    cells = [{"cell_type": "code", "input": "x = 1"}]
    assert notebook(nbformat=3, worksheets=[{"cells": cells}]).text == "```\nx = 1\n```"


@pytest.mark.parametrize("fields", [{}, {"cells": 5}, {"cells": {}}])
def test_what_is_none_has_a_reason(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="not a notebook") as caught:
        notebook(**fields)
    assert caught.value.fix


@pytest.mark.parametrize(
    "fields",
    [{"cells": [5, "x", {"source": 7}]}, {"cells": CELLS, "metadata": 5}, {"worksheets": [5, {"cells": CELLS}]}],
)
def test_odd_cells_break_nothing(fields: dict[str, Any]) -> None:
    assert notebook(**fields).text
