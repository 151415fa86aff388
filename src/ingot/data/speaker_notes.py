"""What a speaker noted under the slides of a PowerPoint file (.pptx), by the number of the slide.

The parts of the archive are looked at with patterns, not with an XML parser: there is nothing to expand or to fetch.
Which notes belong to which slide stands in the relations between the parts (ECMA-376 part 1, section 13.3).
"""

from __future__ import annotations

import html
import io
import posixpath
import re
import zipfile

from ingot.data.unpacking import DAMAGE

_MOST_BYTES = 4 << 20
_SLIDE = re.compile(r"<p:sldId\b[^>]*\br:id=\"([^\"]+)\"")
_RELATION = re.compile(r"<Relationship\b[^>]*>")
_ATTRIBUTE = re.compile(r"\b(Id|Target)=\"([^\"]*)\"")
_SHAPE = re.compile(r"<p:sp>(?:(?!</p:sp>).)*</p:sp>", re.DOTALL)
_PARAGRAPH_END = re.compile(r"</a:p>|<a:br\b[^>]*/>")
_RUN = re.compile(r"<a:t>([^<]*)</a:t>")


def speaker_notes(payload: bytes) -> dict[int, str]:
    """Return the notes of each slide that has some; nothing for a file whose parts cannot be found."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            return {number: text for number, text in _notes(archive) if text}
    except DAMAGE:
        return {}


def _notes(archive: zipfile.ZipFile) -> list[tuple[int, str]]:
    relations = _relations(archive, "ppt/presentation.xml")
    found: list[tuple[int, str]] = []
    for number, key in enumerate(_SLIDE.findall(_part(archive, "ppt/presentation.xml")), start=1):
        targets = _relations(archive, relations[key]).values()
        found += [(number, _words(_part(archive, target))) for target in targets if "notesSlides/" in target]
    return found


def _relations(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Return the parts that a part points to, by key."""
    folder, name = posixpath.split(part)
    named: dict[str, str] = {}
    for relation in _RELATION.findall(_part(archive, f"{folder}/_rels/{name}.rels")):
        fields = dict(_ATTRIBUTE.findall(relation))
        named[fields["Id"]] = posixpath.normpath(posixpath.join(folder, fields["Target"])).lstrip("/")
    return named


def _part(archive: zipfile.ZipFile, name: str) -> str:
    if name not in archive.NameToInfo:
        return ""
    with archive.open(name) as part:
        return part.read(_MOST_BYTES).decode("utf-8", errors="replace")


def _words(xml: str) -> str:
    """Return the text of the notes themselves, without the picture of the slide and its number."""
    bodies = (shape for shape in _SHAPE.findall(xml) if 'type="body"' in shape)
    lines = (" ".join("".join(_RUN.findall(line)).split()) for body in bodies for line in _PARAGRAPH_END.split(body))
    return "\n".join(html.unescape(line) for line in lines if line)
