"""OpenDocument presentations, slide by slide."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from ingot.data.open_slides import open_slides
from tests.data.samples import odp_bytes, packed

SLIDE = """<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>A  title</text:p></draw:text-box>
</draw:frame><draw:frame><draw:text-box><text:p>First<text:line-break/>second <text:span>third</text:span></text:p>
<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>inner</text:p></text:list-item>
</text:list></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list></draw:text-box>
</draw:frame><draw:frame><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>
<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell>
<text:p>1</text:p></table:table-cell><table:table-cell><text:p>2</text:p></table:table-cell></table:table-row>
</table:table></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Say it.</text:p></draw:text-box>
</draw:frame></presentation:notes></draw:page>"""


def test_a_slide_gives_heading_text_list_table_and_notes() -> None:
    (slide,) = open_slides(odp_bytes(SLIDE))
    assert slide.split("\n\n") == [
        "## A title",
        "First second third",
        "- one\n  - inner\n- two",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "Notes: Say it.",
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"PK\x03\x04",
        packed({"other.xml": "<a/>"}),
        packed({"content.xml": "<a>"}),
        packed({"content.xml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'}),
    ],
    ids=["torn", "no content", "no XML", "entities"],
)
def test_what_cannot_be_read_has_a_reason(payload: bytes) -> None:
    with pytest.raises(InputError, match="damaged") as caught:
        open_slides(payload)
    assert caught.value.fix


def test_a_cell_repeated_a_billion_times_is_not() -> None:
    cell = '<table:table-cell table:number-columns-repeated="999999999"><text:p>x</text:p></table:table-cell>'
    table = f"<table:table><table:table-row>{cell}</table:table-row></table:table>"
    (slide,) = open_slides(odp_bytes(f"<draw:page>{table}</draw:page>"))
    assert len(slide) < 20_000
