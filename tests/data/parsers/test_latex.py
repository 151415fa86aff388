"""LaTeX files in any encoding become Markdown."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_file_gives_its_text(encoding: str) -> None:
    source = "\\section{Größe}\nEine schöne Größe für alle, über $x^2$ hinaus.\n"
    (document,) = parse("latex", "paper.tex", source.encode(encoding))
    assert document.text == "## Größe\n\nEine schöne Größe für alle, über $x^2$ hinaus."
    assert document.media_type == "application/x-latex"


def test_a_file_of_definitions_has_no_text() -> None:
    with pytest.raises(InputError, match="no text"):
        parse("latex", "commands.tex", b"\\newcommand{\\R}{\\mathbb{R}}\n\\usepackage{amsmath}\n")
