"""Elements of an XML text (an article, a book, a patent) as Markdown.

One reading for many vocabularies: JATS, DocBook, TEI, DITA, the patents of the USPTO, and what is made like them. They
share what their elements are called and, above all, how they lie in one another: a title belongs to what it lies in, so
depth gives its level; text beside elements is a paragraph, and elements beside text are inline. What stands for a
machine (identifiers, dates, pictures, index terms) goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ingot.data.grids import grid_markdown

Parts = Sequence["str | Element"]


@dataclass(eq=False, slots=True)
class Element:
    """An element with its local name and what it holds in order; `kind` is the name in lower case.

    `was_titled` stays when its title has been written and what it holds goes on.
    """

    name: str
    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    content: list[str | Element] = field(default_factory=list)
    was_titled: bool = False

    def children(self) -> Iterator[Element]:
        """Yield the elements directly in it."""
        return (part for part in self.content if isinstance(part, Element))

    def below(self) -> Iterator[Element]:
        """Yield the elements in it at any depth, in the order of the text."""
        waiting = [self.children()]
        while waiting:
            element = next(waiting[-1], None)
            if element is None:
                waiting.pop()
            else:
                yield element
                waiting.append(element.children())

    @property
    def is_mixed(self) -> bool:
        """Say whether text stands directly in it."""
        return any(isinstance(part, str) and not part.isspace() for part in self.content)


def _kinds(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TITLES = _kinds("title head bridgehead article-title invention-title doctitle chapter-title section-title")
_SUBTITLES = _kinds("subtitle trans-title")
_LABELS = _kinds("label num speaker")
_HEADERS = _kinds(
    "front front-stub teiheader info articleinfo bookinfo chapterinfo sectioninfo sect1info appendixinfo partinfo "
    "prefaceinfo refentryinfo setinfo us-bibliographic-data-grant us-bibliographic-data-application "
    "subdoc-bibliographic-information description-info title-info"
)
# Their title is a line of its own, not a heading.
_CAPTIONED = _kinds(
    "figure fig fig-group informalfigure table-wrap table-wrap-group table-wrap-foot caption example informalexample "
    "note tip caution warning important danger boxed-text sidebar formalpara supplementary-material def-list fn legend"
)
_PARAGRAPHS = _kinds("p para simpara ab claim-text shortdesc abstracttext")
_NUMBERED = _kinds("ol orderedlist procedure steps substeps")
_LISTS = _NUMBERED | _kinds(
    "ul sl dl list itemizedlist simplelist variablelist glosslist choices steps-unordered def-list parml"
)
_ITEMS = _kinds("li sli item list-item listitem member step substep choice dd def ddesc glossdef stepsection pd")
_ENTRIES = _kinds("varlistentry def-item dlentry glossentry plentry")
_TERMS = _kinds("term dt glossterm label pt")
_NUMBERINGS = _kinds("order ordered number numbered arabic decimal 1 alpha-lower alpha-upper roman-lower roman-upper")
_TABLES = _kinds("table informaltable simpletable choicetable properties")
_ROWS = _kinds("tr row strow sthead prophead property chrow chhead table-row")
_CODE = _kinds("programlisting screen codeblock pre preformat literallayout msgblock listing synopsis eg")
_QUOTES = _kinds("disp-quote blockquote epigraph lq")
_VERSES = _kinds("l line verse-line v")
_REFERENCES = _kinds(
    "ref biblioentry bibliomixed bibl biblstruct biblfull mixed-citation element-citation citation nlm-citation"
)
_FORMULAS = _kinds("inline-formula inlineequation tex-math texmath math formula equation-inline")
_DISPLAYED = _kinds("disp-formula equation informalequation maths equation-block display-formula")
_NOTES = _kinds("footnote fn ftnote footnote-ref-text")
_BREAKS = _kinds("br break lb cb linebreak line-break tab s pb milestone")
_DROPPED = _kinds(
    "graphic inline-graphic media img image imagedata imageobject videoobject audioobject inlinemediaobject object-id "
    "alt-text long-desc indexterm index-term index toc lot prolog metadata topicmeta titlealts colspec spanspec "
    "revhistory legalnotice copyright style script facsimile sourcedoc standoff fw draft-comment required-cleanup "
    "include contrib-id institution-id journal-meta processing-meta notes-type drawings us-related-documents "
    "us-sequence-list-doc us-chemistry indexdiv teiheader binary stylesheet office-document-styles automatic-styles "
    "master-styles font-face-decls settings scripts meta binarydata id"
)
_INLINE = _kinds(
    "b bold i italic em emph emphasis strong u underline sub sup subscript superscript hi sc small tt monospace code "
    "literal span styled-content named-content xref link ulink ext-link a ref ph term q quote citetitle filename w c "
    "r t abbrev abbr foreign s-text overline strike roman sans-serif email uri figref crossref claim-ref o b-text g "
    "del ins add unclear supplied seg rs ptr cite command option varname function replaceable userinput uicontrol"
)
# They end a paragraph wherever they stand.
_BLOCKS = (
    (_PARAGRAPHS | _LISTS | _TABLES | _CODE | _QUOTES | _VERSES | _DISPLAYED | _ITEMS | _CAPTIONED)
    - _NOTES
    - _kinds("item choice def note line v caption")
) | _kinds("lg sec section div table-wrap fig title heading mediaobject h1 h2 h3 h4 h5 h6 speech sp")
# Of what an editor gives twice, the reading.
_READINGS = _kinds("corr reg expan")
_WITHIN = _INLINE | _FORMULAS | _BREAKS

# In them a text is written to be read, whatever else lies around.
_WRITTEN = _PARAGRAPHS | _TITLES - {"title", "head"} | _kinds("tgroup tr lg list-item listitem li sp math")

_LEAST_PROSE = 0.3
_DEEPEST_HEADING = 6
_MOST_CELLS = 2_000_000
_MOST_COLUMNS = 200
_STRUCTURED = ("|", "```", "$$", "- ", "1. ", "> ", "#")
_COMMONS = re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)")
_BODY = re.compile(r"\\begin\{document\}(.*)\\end\{document\}", re.DOTALL)
_DELIMITERS = re.compile(r"^(?:\$\$?|\\\(|\\\[)\s*(.*?)\s*(?:\$\$?|\\\)|\\\])$", re.DOTALL)


def xml_markdown(root: Element) -> str:
    """Return an element as Markdown; empty when it holds no text."""
    return "\n\n".join(_blocks(root, 1))


def is_prose(root: Element) -> bool:
    """Say whether the text is written to be read: most of it in paragraphs, lists and tables, or beside elements."""
    prose = total = 0
    waiting = [(root, False)]
    while waiting:
        element, is_inside = waiting.pop()
        is_inside = is_inside or element.kind in _WRITTEN
        own = sum(len(part.strip()) for part in element.content if isinstance(part, str))
        children = list(element.children())
        total += own
        prose += own if is_inside or (own and children) else 0
        waiting += [(child, is_inside) for child in children]
    if not total:
        return any(element.kind in _PARAGRAPHS for element in root.below())
    return prose > _LEAST_PROSE * total


def text_of(part: str | Element) -> str:
    """Return the text of an element on one line."""
    return " ".join(_inline(part).split())


def licence_of(root: Element) -> str | None:
    """Return the licence an article states, as its SPDX identifier, when it is one of Creative Commons."""
    for element in root.below():
        if element.kind in ("license", "license_ref", "licence"):
            said = " ".join([*element.attributes.values(), _inline(element)])
            if found := _COMMONS.search(said):
                return f"CC-{found[1].upper()}-{found[2]}"
            if "creativecommons.org/publicdomain/zero" in said:
                return "CC0-1.0"
    return None


def is_titled(element: Element) -> bool:
    """Say whether the element has a title, so that what else it holds lies a level deeper."""
    if element.was_titled:
        return True
    if element.kind in _CAPTIONED:
        return False
    return any(
        child.kind in _TITLES or (child.kind in _HEADERS and _title_in(child) is not None)
        for child in element.children()
    )


def _blocks(element: Element, level: int) -> Iterator[str]:
    """Yield what an element holds as paragraphs, lists, tables; `level` is that of a title in it."""
    if element.kind in _HEADERS:
        yield from _header(element, level)
    elif element.kind in _DROPPED:
        return
    elif (write := _WRITERS.get(element.kind)) is not None:
        yield from write(element, level)
    else:
        yield from _flow(element, level)


def _flow(element: Element, level: int) -> Iterator[str]:
    """Yield the parts of an element that has no form of its own: text becomes paragraphs, elements what they are."""
    label = ""
    for block in _labelled(element, level + is_titled(element), level):
        if isinstance(block, Element):
            label = text_of(block) + (":" if block.kind == "speaker" else "")
        elif label and block.startswith("#"):
            marks, _, title = block.partition(" ")
            yield f"{marks} {title if title.startswith(label) else f'{label} {title}'}"
            label = ""
        elif label and not block.startswith(_STRUCTURED):
            yield f"{label} {block}"
            label = ""
        else:
            yield from filter(None, (label, block))
            label = ""
    if label:
        yield label


def _labelled(element: Element, inner: int, level: int) -> Iterator[str | Element]:
    """Yield the blocks of an element, and as elements its labels, which belong to the block that follows."""
    is_mixed = element.is_mixed or element.kind in _PARAGRAPHS
    runs: list[str | Element] = []
    verses: list[str] = []
    for part in element.content:
        is_verse = isinstance(part, Element) and part.kind in _VERSES
        if verses and not is_verse and (isinstance(part, Element) or not part.isspace()):
            yield "\n".join(verses)
            verses = []
        if isinstance(part, str) or not _is_block(part, is_mixed):
            runs.append(part)
            continue
        if text := _joined(runs):
            yield text
        runs = []
        if is_verse:
            verses.append(text_of(part))
        elif part.kind in _LABELS:
            yield part
        elif part.kind in _TITLES | _SUBTITLES:
            yield from _title(part, 0 if element.kind in _CAPTIONED or part.kind in _SUBTITLES else level)
        else:
            yield from _blocks(part, level if part.kind in _HEADERS else inner)
    if verses:
        yield "\n".join(verses)
    if text := _joined(runs):
        yield text


def _is_block(element: Element, is_mixed: bool) -> bool:
    if element.kind == "note":  # of a passage, or of a word
        is_mixed = is_mixed and not any(child.kind in _PARAGRAPHS | _TITLES for child in element.children())
    return element.kind in _BLOCKS or not (is_mixed or element.kind in _WITHIN)


def _joined(runs: Parts) -> str:
    return " ".join("".join(map(_inline, runs)).split())


def _title(element: Element, level: int) -> Iterator[str]:
    if text := text_of(element):
        yield f"{'#' * min(level, _DEEPEST_HEADING)} {text}" if level else text


def _heading(element: Element, level: int) -> Iterator[str]:
    """Yield a heading that says itself how deep it is; `level` is that of the highest."""
    said = element.kind[1:] or element.attributes.get("level") or element.attributes.get("outline-level") or "1"
    said = element.attributes.get("level", "1") if element.kind == "heading" else said
    depth = int(said) if said.isascii() and said.isdigit() and len(said) < 3 else 1
    yield from _title(element, level + max(depth, 1) - 1)


def _inline(part: str | Element) -> str:
    """Return the text within a paragraph, with its white space as it is."""
    if isinstance(part, str):
        return part
    if part.kind in _BREAKS:
        return "" if part.attributes.get("break") == "no" else " "
    if part.kind in _DROPPED:
        return ""
    if part.kind in _NOTES or part.kind == "note":
        return f" ({_joined(part.content)})"
    if part.kind in _FORMULAS or part.kind in _DISPLAYED:
        formula = _formula(part)
        return f"${formula}$" if formula and _is_tex(part) else formula
    if part.kind == "choice" and (chosen := [child for child in part.children() if child.kind in _READINGS]):
        return "".join(map(_inline, chosen))
    if part.kind == "alternatives":
        return _inline(next(part.children(), ""))
    is_run = part.kind in _INLINE or part.is_mixed
    text = ("" if is_run else " ").join(map(_inline, part.content))
    return f" {text} " if part.kind in _BLOCKS - {"title"} else f" {text}" if part.kind == "pub-id" else text


def _header(element: Element, level: int) -> Iterator[str]:
    """Yield what a reader sees of the metadata: title, authors, abstract, keywords."""
    title = _title_in(element)
    if title is not None:
        yield from _title(title, level)
    found = list(_outside_abstracts(element))
    yield from (text_of(each) for each in found if each.kind in _SUBTITLES)
    authors = [name for each in found if _is_author(each) and (name := _person(each))]
    if authors:
        yield ", ".join(dict.fromkeys(authors))
    for abstract in (each for each in element.below() if each.kind in ("abstract", "trans-abstract", "annotation")):
        yield from _flow(abstract, level + 1)
    keywords = [text_of(each) for each in found if each.kind in ("kwd", "keyword")]
    if keywords:
        yield f"Keywords: {', '.join(keywords)}"


def _title_in(header: Element) -> Element | None:
    found = [each for each in _outside_abstracts(header) if each.kind in _TITLES and text_of(each)]
    found.sort(key=lambda each: each.kind == "title")  # the title of a part is only called title
    return found[0] if found else None


def _outside_abstracts(element: Element) -> Iterator[Element]:
    for child in element.children():
        if child.kind not in _kinds(
            "abstract trans-abstract related-article product sourcedesc seriesstmt us-citation"
        ):
            yield child
            yield from _outside_abstracts(child)


def _is_author(element: Element) -> bool:
    is_contributor = element.kind == "contrib" and element.attributes.get("contrib-type", "author") == "author"
    return is_contributor or element.kind == "author"


def _person(element: Element) -> str:
    inner = {each.kind: each for each in reversed(list(element.below()))}
    family = next((inner[kind] for kind in ("surname", "lastname", "last-name") if kind in inner), None)
    if family is None:
        named = next((inner[kind] for kind in ("collab", "string-name", "orgname") if kind in inner), element)
        return text_of(named)
    given = [inner[kind] for kind in ("given-names", "firstname", "forename", "first-name") if kind in inner]
    return " ".join(map(text_of, [*given[:1], family]))


def _list(element: Element, level: int) -> Iterator[str]:
    """Yield a list as one block, and before it what stands in it beside the items."""
    numbering = next(
        (element.attributes[name] for name in ("list-type", "type", "rend") if name in element.attributes), ""
    )
    is_numbered = element.kind in _NUMBERED or numbering.lower() in _NUMBERINGS
    items: list[str] = []
    terms: list[str] = []
    for child in chain.from_iterable(
        each.children() if each.kind in _ENTRIES else [each] for each in element.children()
    ):
        if child.kind in _TERMS:
            terms.append(text_of(child))
        elif child.kind in _ITEMS:
            mark = f"{len(items) + 1}. " if is_numbered else "- "
            if item := _item(child, level, ", ".join(filter(None, terms)), mark):
                items.append(item)
            terms = []
        else:
            yield from _title(child, 0) if child.kind in _TITLES else _blocks(child, level)
    items += [f"- {term}" for term in terms if term]
    if items:
        yield "\n".join(items)


def _item(element: Element, level: int, term: str, mark: str) -> str:
    body = Element(element.name, "", {}, [part for part in element.content if _kind(part) != "label"])
    text = "\n".join(_flow(body, level))
    text = f"{term}: {text}" if term and text else term or text
    return mark + text.replace("\n", "\n" + " " * len(mark)) if text else ""


def _kind(part: str | Element) -> str:
    return part.kind if isinstance(part, Element) else ""


def _table(element: Element, level: int) -> Iterator[str]:
    """Yield the title of a table, the table, and what stands below it."""
    bodies = [child for child in element.children() if child.kind == "tgroup"]
    notes: list[str] = []
    for child in element.children():
        if child.kind in _TITLES or child.kind == "caption":
            yield from _title(child, 0)
        elif child.kind in _NOTES:
            notes += _flow(child, level)
    for body in bodies or [element]:
        rows = list(_rows(body))
        width = max(map(len, rows), default=0)
        if width * len(rows) > _MOST_CELLS:
            yield "\n".join("  ".join(filter(None, row)) for row in rows)
        elif markdown := grid_markdown(rows):
            yield markdown
    yield from notes


def _rows(table: Element) -> Iterator[list[str]]:
    """Yield the cells of a table row by row; where a cell spans others, those are empty."""
    names = [each.attributes.get("colname", "") for each in table.below() if each.kind == "colspec"]
    columns = {name: number for number, name in enumerate(names) if name}
    below: dict[int, int] = {}  # for how many more rows a cell from above takes the column
    for row in _own_rows(table):
        cells: list[str] = []
        taken = {column for column, rows in below.items() if rows > 0}
        below = {column: rows - 1 for column, rows in below.items() if rows > 1}
        for cell in row.children():
            start = columns.get(cell.attributes.get("namest") or cell.attributes.get("colname", ""), 0)
            while len(cells) < _MOST_COLUMNS and (len(cells) < start or len(cells) in taken):
                cells.append("")
            wide, high = _spans(cell, columns)
            end = min(len(cells) + wide, max(_MOST_COLUMNS, len(cells) + 1))
            if high > 1:
                below.update(dict.fromkeys(range(len(cells), min(end, _MOST_COLUMNS)), high - 1))
            cells += [text_of(cell), *[""] * (end - len(cells) - 1)]
        yield cells


def _own_rows(table: Element) -> Iterator[Element]:
    for child in table.children():
        if child.kind in _ROWS:
            yield child
        elif child.kind not in _TABLES:
            yield from _own_rows(child)


def _spans(cell: Element, columns: Mapping[str, int]) -> tuple[int, int]:
    said = cell.attributes
    wide = _count(said.get("colspan") or said.get("cols") or "1")
    if said.get("namest") in columns and said.get("nameend") in columns:
        wide = columns[said["nameend"]] - columns[said["namest"]] + 1
    high = (
        _count(said["morerows"]) + 1 if "morerows" in said else _count(said.get("rowspan") or said.get("rows") or "1")
    )
    return max(wide, 1), max(high, 1)


def _count(said: str) -> int:
    return min(int(said), _MOST_COLUMNS) if said.isascii() and said.isdigit() and len(said) < 7 else 0


def _code(element: Element, _: int) -> Iterator[str]:
    text = "".join(part if isinstance(part, str) else _raw(part) for part in element.content).strip("\n").rstrip()
    if not text.strip():
        return
    fence = "````" if "```" in text else "```"
    yield f"{fence}{element.attributes.get('language', '')}\n{text}\n{fence}"


def _raw(element: Element) -> str:
    if element.kind in _BREAKS:
        return "\n"
    return "".join(part if isinstance(part, str) else _raw(part) for part in element.content)


def _quote(element: Element, level: int) -> Iterator[str]:
    text = "\n\n".join(_flow(element, level))
    if text:
        yield "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _references(element: Element, level: int) -> Iterator[str]:
    """Yield a list of references, a line each, and before it what else stands there."""
    lines: list[str] = []
    for child in element.children():
        if child.kind in _REFERENCES:
            lines += _reference(child, level)
        else:
            yield from _title(child, level) if child.kind in _TITLES else _blocks(child, level + is_titled(element))
    if lines:
        yield "\n".join(lines)


def _reference(element: Element, _: int) -> Iterator[str]:
    label = next((text_of(child) for child in element.children() if child.kind == "label"), "")
    text = ", ".join(filter(None, _pieces(element)))
    if text:
        yield f"{label} {text}".strip()


def _pieces(element: Element) -> Iterator[str]:
    """Yield what a reference is made of; one that is written out is one piece."""
    children = [child for child in element.children() if child.kind not in _DROPPED | _LABELS and not _is_number(child)]
    kinds = {child.kind for child in children}
    if element.is_mixed or not children or kinds <= _INLINE:
        yield text_of(element)
    elif kinds & {"surname", "given-names"}:
        yield _person(element)
    else:
        for child in children:
            yield from _pieces(child)


def _is_number(element: Element) -> bool:
    return element.kind == "pub-id" and element.attributes.get("pub-id-type") != "doi"


def _displayed(element: Element, _: int) -> Iterator[str]:
    formula = _formula(element)
    if not formula:
        return
    label = next((text_of(child).strip("()[]") for child in element.children() if child.kind == "label"), "")
    if _is_tex(element):
        number = f" \\tag{{{label}}}" if label else ""
        yield f"$$\n{formula}{number}\n$$"
    else:
        yield f"{formula} ({label})" if label else formula


def _is_tex(element: Element) -> bool:
    if element.attributes.get("notation", "").lower() in ("tex", "latex") or element.kind in _kinds("tex-math math"):
        return True
    return any(each.kind in ("tex-math", "texmath", "math") for each in element.below())


def _formula(element: Element) -> str:
    """Return a formula in TeX where it is written in it or in MathML, and else its text."""
    found = {each.kind: each for each in reversed([element, *element.below()])}
    for kind in ("tex-math", "texmath", "annotation"):
        if kind in found and (kind != "annotation" or "tex" in found[kind].attributes.get("encoding", "").lower()):
            return _bare(_raw(found[kind]))
    if "math" in found:
        return " ".join(_mathml(found["math"]).split())
    return _bare(
        " ".join(
            _raw(part) if isinstance(part, Element) else part for part in element.content if _kind(part) != "label"
        )
    )


def _bare(tex: str) -> str:
    """Return a formula without the document it may be wrapped in, and without delimiters."""
    body = _BODY.search(tex)
    text = (body[1] if body else tex).strip()
    bare = _DELIMITERS.match(text)
    return bare[1] if bare else text


def _mathml(element: Element) -> str:
    """Return MathML (version 3, presentation) as TeX."""
    parts = [_mathml(child) for child in element.children() if not child.kind.startswith("annotation")]
    template = _MATHML.get(element.kind)
    if template is not None and len(parts) == template.count("%s"):
        return template % tuple(parts)
    if element.kind == "msqrt":
        return f"\\sqrt{{{''.join(parts)}}}"
    if element.kind == "mfenced":
        return f"{element.attributes.get('open', '(')}{', '.join(parts)}{element.attributes.get('close', ')')}"
    if element.kind == "mtext":
        return f"\\text{{{_raw(element).strip()}}}" if _raw(element).strip() else " "
    if element.kind in ("mtr", "mtable"):
        return (" & " if element.kind == "mtr" else r" \\ ").join(parts)
    return "".join(parts) or _raw(element).strip()


_MATHML = {
    "mfrac": r"\frac{%s}{%s}",
    "msup": "{%s}^{%s}",
    "mover": "{%s}^{%s}",
    "msub": "{%s}_{%s}",
    "munder": "{%s}_{%s}",
    "msubsup": "{%s}_{%s}^{%s}",
    "munderover": "{%s}_{%s}^{%s}",
}

_WRITERS: Mapping[str, Callable[[Element, int], Iterator[str]]] = {
    **dict.fromkeys(_LISTS, _list),
    **dict.fromkeys(_TABLES, _table),
    **dict.fromkeys(_CODE, _code),
    **dict.fromkeys(_QUOTES, _quote),
    **dict.fromkeys(_REFERENCES, _reference),
    **dict.fromkeys(_DISPLAYED, _displayed),
    **dict.fromkeys(("ref-list", "bibliography", "listbibl", "biblist"), _references),
    **dict.fromkeys(("heading", "h", "h1", "h2", "h3", "h4", "h5", "h6"), _heading),
}
