"""Pictures: the text in them, by text recognition, when a recipe names the languages; otherwise the reason.

It takes seconds for a page. The recognition itself has not been run by this project's tests, which come without
language data; what surrounds it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text
from ingot.data.document import Document, as_documents
from ingot.data.extraction import assembled, picture_settings, sections
from ingot.data.recognition import pictures
from ingot.flow.source import SourceItem

MEDIA_TYPES = {
    "png": "image/png",
    **dict.fromkeys(("jpg", "jpeg"), "image/jpeg"),
    **dict.fromkeys(("tif", "tiff"), "image/tiff"),
    "webp": "image/webp",
    "bmp": "image/bmp",
    "gif": "image/gif",
}
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF", b"BM", b"GIF8")


@dataclass(frozen=True)
class Config:
    """Settings of the image parser: which name endings are its own, and the longest document in bytes.

    `languages` are Tesseract's names ("eng", "deu"); empty switches recognition off. `models` is the folder of the
    language data, "" for where the operating system keeps it.
    """

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20
    languages: tuple[str, ...] = ()
    models: str = ""


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text in the picture. Raises InputError when recognition is off, and for what is no picture."""
    payload = stream.read()
    if not payload:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    reader = pictures(tuple(config.languages), config.models)
    if not payload.startswith(_BEGINNINGS):
        raise InputError("it is not a picture of a known kind", fix="give it the ending of what it is, or leave it out")
    media_type = MEDIA_TYPES.get(item.uri.rpartition(".")[2].lower(), "image/png")
    found = assembled(sections(payload, item.uri.rpartition("/")[2], media_type, picture_settings(reader)))
    if not found.text:
        raise InputError("no text was recognised in it", fix="nothing, if it shows none")
    return as_documents(cut_text(found.text, config.piece_bytes), item, media_type=media_type, parser="image")
