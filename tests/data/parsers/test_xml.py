"""XML is read whatever its encoding and its faults are; records become tables and lines; nothing in it does harm."""

from __future__ import annotations

import hashlib
import io

import pytest

from ingot.data.document import Document, Unreadable
from ingot.data.parser_choice import plugin
from ingot.flow.source import SourceItem
from tests.data.samples import parse


def text(source: str | bytes) -> str:
    (document,) = parse("xml", "a.xml", source.encode() if isinstance(source, str) else source)
    return document.text


def with_fault(source: str | bytes) -> tuple[str, Unreadable]:
    """Return the text of what is not well-formed, and the note that says so."""
    *documents, note = parse("xml", "a.xml", source.encode() if isinstance(source, str) else source)
    assert isinstance(note, Unreadable)
    return "\n".join(document.text for document in documents), note


def test_records_become_a_table() -> None:
    book = '<book id="{0}"><title>T{0} | x</title><price currency="EUR">{0}</price></book>'
    found = text(f"<catalog><made>2020</made>{''.join(map(book.format, range(3)))}</catalog>")
    assert found == (
        "made: 2020\n\n| title | price |\n| --- | --- |\n"
        "| T0 \\| x | 0 (EUR) |\n| T1 \\| x | 1 (EUR) |\n| T2 \\| x | 2 (EUR) |"
    )


def test_long_records_become_lines() -> None:
    record = (
        "<person><name>Anna {0}</name><life>" + "Born and raised. " * 10 + "</life><tag>a</tag><tag>b</tag></person>"
    )
    first, *_ = text(f"<all>{''.join(map(record.format, range(3)))}</all>").split("\n\n")
    assert first.split("\n")[::2] == ["name: Anna 0", "tag: a, b"]


def test_configuration_becomes_lines() -> None:
    source = '<c><server port="80"><host>a</host><host>b</host></server><add key="Mode" value="fast"/></c>'
    assert text(source) == "server:\n  port: 80\n  host: a, b\nMode: fast"


def test_entries_of_a_feed_are_their_titles_and_texts() -> None:
    page = "&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt;.&lt;/p&gt;"
    item = f"<item><title>{{0}}</title><guid>7</guid><description>{page}</description></item>"
    found = text(f"<rss version='2.0'><channel><title>News</title>{''.join(map(item.format, 'ABC'))}</channel></rss>")
    assert found.split("\n\n") == ["title: News", "A", "Hello you.", "B", "Hello you.", "C", "Hello you."]


def test_facts_of_a_filing_have_their_time_and_unit() -> None:
    long = "&lt;p&gt;" + "A long note. " * 20 + "&lt;/p&gt;"
    source = f"""<xbrl><context id="c"><entity><identifier>9</identifier></entity><period><instant>2025-12-31</instant>
      </period></context><unit id="u"><measure>iso4217:USD</measure></unit>
      <us-gaap:CurrentAssets contextRef="c" unitRef="u">6260</us-gaap:CurrentAssets>
      <us-gaap:GoingConcernTextBlock contextRef="c">{long}</us-gaap:GoingConcernTextBlock></xbrl>"""
    line, heading, note = text(source).split("\n\n")
    assert (line, heading) == ("Current Assets (2025-12-31): 6260 USD", "## Going Concern")
    assert note.startswith("A long note. A long")


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "cp1252"),
        ("utf-16", "utf-16"),
        ("iso-8859-1", "cp1252"),
        ("us-ascii", "utf-8"),
        ("no-such-thing", "utf-8"),
    ],
)
def test_encodings_even_wrong_ones(declared: str, encoding: str) -> None:
    source = f'<?xml version="1.0" encoding="{declared}"?><doc><p>Eine schöne Größe für alle.</p></doc>'
    assert text(source.encode(encoding)) == "Eine schöne Größe für alle."


def test_an_encoding_of_several_bytes() -> None:
    source = '<?xml version="1.0" encoding="shift_jis"?><doc><p>日本語のテキスト</p></doc>'
    assert text(source.encode("shift_jis")) == "日本語のテキスト"


def test_several_texts_in_one_file() -> None:
    found = parse(
        "xml", "grants.xml", b"<?xml version='1.0'?><a><p>One</p></a>\n<?xml version='1.0'?><a><p>Two</p></a>"
    )
    assert [document.text for document in found] == ["One", "Two"]
    assert found[0].parent_id == found[1].parent_id is not None


def test_what_is_not_well_formed_loses_its_tags_and_is_told() -> None:
    found, note = with_fault("<doc><p>Good.</p>\n<p>An <b>end</i> is\nwrong &amp; late.</p><p>Last.</p></doc>")
    assert found.split("\n") == ["Good.", "", "An end", "is", "wrong & late.", "Last."]
    assert note.name == "from line 2"
    assert "mismatched tag" in note.reason.why
    found, _ = with_fault("Just words & <no> XML.")
    assert found == "Just words & <no> XML."
    found, note = with_fault("<doc><p>Torn o")
    assert (found, note.reason.why) == ("Torn o", "it ends before its last element does")


def test_entities_are_not_expanded_in_one_another() -> None:
    declared = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    assert text(f'<!DOCTYPE l [<!ENTITY a0 "lol">{declared}]><l><p>&a11; rest</p></l>') == "rest"
    found, _ = with_fault(f'<!DOCTYPE l [<!ENTITY a0 "lol">{declared}]><l><p x="&a11;">rest</p></l>')
    assert "lollol" not in found
    many = f'<!DOCTYPE l [<!ENTITY a "{"x" * 1000}">]><l><p>{"&a;" * 20_000}</p></l>'
    assert sum(len(document.text) for document in parse("xml", "a.xml", many.encode())) < 2 << 20


def test_entities_of_other_files_stay_out() -> None:
    declared = '<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;'
    assert text(f"<!DOCTYPE l [{declared}]><l><p>a &x; &auml; b</p></l>") == "a ä b"


@pytest.mark.parametrize(("opening", "closing"), [("<a>", "</a>"), ("<ul><li>", "</li></ul>"), ("<r><q>1</q>", "</r>")])
def test_depth_has_a_bound(opening: str, closing: str) -> None:
    found = parse("xml", "a.xml", (opening * 100_000 + "<p>text</p>" + closing * 100_000).encode())
    assert "text" in "".join(part.text for part in found)


@pytest.mark.parametrize("content", [b"some words here ", b"<p>some <b>words</b> here</p>\n"])
def test_a_long_text_is_read_block_by_block(content: bytes) -> None:
    payload = b"<a><title>T</title>" + content * (40_000_000 // len(content)) + b"</a>"
    item = SourceItem("a.xml", "nowhere", len(payload), hashlib.sha256(payload).hexdigest(), 1.0)
    parser = plugin("parser", "xml")
    stream = io.BytesIO(payload)
    first = next(parser.entry(stream, item, parser.config_type()))
    assert isinstance(first, Document)
    assert first.text.startswith("# T\n\nsome words here")
    assert stream.tell() < len(payload) // 2


def test_a_tag_that_never_ends_is_given_up() -> None:
    found, note = with_fault(b"<a><p>One</p><b " + b"x" * (20 << 20))
    assert found.startswith("One")
    assert "does not end" in note.reason.why
