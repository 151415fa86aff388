"""Articles, manuals, editions and patents keep their structure, whatever their elements are called."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse

JATS = """<!DOCTYPE article PUBLIC "-//NLM//DTD JATS 1.2//EN" "JATS-archivearticle1.dtd">
<article><front><journal-meta><journal-title>A Journal</journal-title></journal-meta><article-meta>
<article-id pub-id-type="doi">10.1/x</article-id><title-group><article-title>On <italic>Mice</italic></article-title>
</title-group><contrib-group><contrib contrib-type="author"><name><surname>Berg</surname><given-names>Anna</given-names>
</name></contrib></contrib-group><pub-date><year>2020</year></pub-date><permissions>
<license href="https://creativecommons.org/licenses/by/4.0/"><license-p>Free.</license-p></license></permissions>
<abstract><p>In short.</p></abstract><kwd-group><kwd>mouse</kwd><kwd>cat</kwd></kwd-group>
<counts><page-count count="3"/></counts></article-meta></front>
<body><sec><label>1</label><title>Results</title><p>Water is H<sub>2</sub>O, where
<inline-formula><tex-math>
\\documentclass{minimal}\\begin{document}$$x^2$$\\end{document}</tex-math></inline-formula> holds
<fn><p>Mostly.</p></fn>.
</p><disp-formula><label>(1)</label><math><mfrac><mi>a</mi><msup><mi>b</mi><mn>2</mn></msup></mfrac></math>
</disp-formula>
<sec><title>Details</title><fig><label>Figure 1.</label><caption><title>A mouse.</title></caption><graphic/></fig>
<table-wrap><label>Table 1.</label><caption><p>Sizes.</p></caption><table><tr>
<th rowspan="2">who</th><th colspan="2">size</th>
</tr><tr><td>from</td><td>to</td></tr><tr><td>mouse</td><td>1</td><td>2</td></tr></table></table-wrap></sec></sec></body>
<back><ref-list><title>References</title>
<ref><label>[1]</label><element-citation><person-group><name><surname>Doe</surname>
<given-names>J</given-names></name></person-group><year>1999</year><source>Nature</source>
<pub-id pub-id-type="pmid">77</pub-id>
</element-citation></ref><ref><mixed-citation>Roe, <source>Cell</source> 3.</mixed-citation></ref>
</ref-list></back></article>
"""
DOCBOOK = """<!DOCTYPE book [<!ENTITY maker "Berg &amp; Co">]>
<book><bookinfo><title>A Manual</title><copyright><year>2020</year></copyright></bookinfo><chapter><title>First</title>
<para>By &maker;, in<emphasis>sepa</emphasis>rable&nbsp;and free:<itemizedlist><listitem><para>one</para></listitem>
<listitem><para>two</para><orderedlist><listitem><para>inner</para></listitem></orderedlist>
</listitem></itemizedlist></para>
<section><title>Deeper</title><programlisting language="c">int a;
  int b;</programlisting><variablelist><varlistentry><term>CPU</term>
<listitem><para>thinks</para></listitem></varlistentry>
</variablelist><blockquote><para>Said.</para></blockquote></section></chapter></book>"""
TEI = """<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>A Play</title></titleStmt>
<publicationStmt><p>Public domain</p></publicationStmt></fileDesc></teiHeader><text><body><div><head>Act 1</head>
<sp><speaker>Anna</speaker><l>Who is <hi>there</hi>?</l><l>Stand<note place="foot">stay</note>.</l></sp>
<p>A <choice><sic>teh</sic><corr>the</corr></choice> word is con<lb break="no"/>tinued.</p>
</div></body></text></TEI>"""
DITA = """<task id="t"><title>Installing</title><shortdesc>How to.</shortdesc>
<prolog><author>x</author></prolog><taskbody>
<steps><step><cmd>Open <uicontrol>File</uicontrol>.</cmd></step><step><cmd>Close.</cmd></step></steps><result>
<simpletable><sthead><stentry>a</stentry><stentry>b</stentry></sthead>
<strow><stentry>1</stentry><stentry>2</stentry></strow>
</simpletable></result></taskbody></task>"""
PATENT = """<us-patent-grant><us-bibliographic-data-grant><doc-number>0123</doc-number>
<invention-title>Lamp</invention-title>
</us-bibliographic-data-grant><abstract><p>A lamp.</p></abstract><description><heading level="1">FIELD</heading>
<p>See <figref>FIG. 1</figref>.</p><heading level="2">Detail</heading><table><tgroup cols="3"><colspec colname="a"/>
<colspec colname="b"/><colspec colname="c"/><tbody><row><entry>x</entry><entry namest="b" nameend="c">both</entry></row>
<row><entry>1</entry><entry>2</entry><entry>3</entry></row></tbody></tgroup></table></description><claims><claim><claim-text>
1. A lamp with <claim-text>a plug.</claim-text></claim-text></claim></claims></us-patent-grant>"""


def text(source: str) -> str:
    (document,) = parse("xml", "a.xml", source.encode())
    return document.text


def test_an_article() -> None:
    (document,) = parse("xml", "a.nxml", JATS.encode())
    assert document.licence == "CC-BY-4.0"
    assert document.text.split("\n\n") == [
        "# On Mice",
        "Anna Berg",
        "In short.",
        "Keywords: mouse, cat",
        "## 1 Results",
        "Water is H2O, where $x^2$ holds (Mostly.).",
        "$$\n\\frac{a}{{b}^{2}} \\tag{1}\n$$",
        "### Details",
        "Figure 1. A mouse.",
        "Table 1. Sizes.",
        "| who | size |  |\n| --- | --- | --- |\n|  | from | to |\n| mouse | 1 | 2 |",
        "## References",
        "[1] J Doe, 1999, Nature\nRoe, Cell 3.",
    ]


def test_a_manual() -> None:
    assert text(DOCBOOK).split("\n\n") == [
        "# A Manual",
        "## First",
        "By Berg & Co, inseparable and free:",
        "- one\n- two\n  1. inner",
        "### Deeper",
        "```c\nint a;\n  int b;\n```",
        "- CPU: thinks",
        "> Said.",
    ]


def test_an_edition() -> None:
    expected = ["# A Play", "## Act 1", "Anna: Who is there?\nStand (stay).", "A the word is continued."]
    assert text(TEI).split("\n\n") == expected


def test_a_topic() -> None:
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert text(DITA).split("\n\n") == ["# Installing", "How to.", "1. Open File.\n2. Close.", table]


def test_a_patent() -> None:
    assert text(PATENT).split("\n\n") == [
        *("# Lamp", "A lamp.", "## FIELD", "See FIG. 1.", "### Detail"),
        "| x | both |  |\n| --- | --- | --- |\n| 1 | 2 | 3 |",
        *("1. A lamp with", "a plug."),
    ]


def test_unknown_names_are_read_by_how_they_lie_in_one_another() -> None:
    source = "<story><title>T</title><scene><title>S</title><speech>He <tone>whis</tone>pers.</speech></scene></story>"
    assert text(source) == "# T\n\n## S\n\nHe whispers."


def test_pictures_alone_are_no_text() -> None:
    with pytest.raises(InputError, match="no text"):
        parse("xml", "a.xml", b"<article><body><p><graphic href='a.png'/></p></body></article>")


def test_spans_have_bounds() -> None:
    rows = "<tr><td colspan='99999' rowspan='99999'>x</td><td>y</td></tr>" * 50
    assert text(f"<table>{rows}</table>").count("x") == 50
