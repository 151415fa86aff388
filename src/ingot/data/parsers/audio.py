"""Sound: what is said in it, by speech recognition, when a recipe names a model; otherwise the reason.

A Whisper model needs about a gigabyte and, without an accelerator, minutes for an hour of speech: raise the recipe's
`memory_bytes` and `timeout_seconds`. The recognition itself has not been run by this project's tests, which come
without a model; what surrounds it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text
from ingot.data.document import Document, as_documents
from ingot.data.extraction import assembled, sections, sound_settings
from ingot.data.recognition import sound
from ingot.flow.source import SourceItem

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    **dict.fromkeys(("ogg", "oga", "opus"), "audio/ogg"),
    **dict.fromkeys(("m4a", "aac"), "audio/mp4"),
    "webm": "audio/webm",
}
_BEGINNINGS = (b"ID3", b"RIFF", b"fLaC", b"OggS", b"\x1aE\xdf\xa3")
_MP4_KIND = slice(4, 8)


@dataclass(frozen=True)
class Config:
    """Settings of the audio parser: which name endings are its own, and the longest document in bytes.

    `model` is the size of a Whisper model ("tiny", "base", "small", "medium", "large-v3"); empty switches recognition
    off. `models` is the folder the model lies in, `language` a hint such as "de".
    """

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20
    model: str = ""
    models: str = ""
    language: str = ""


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield what is said. Raises InputError when recognition is off, and for what is no sound."""
    payload = stream.read()
    if not payload:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    writer = sound(config.model, config.models, config.language)
    is_mpeg = payload[0] == 0xFF and payload[1:2] >= b"\xe0"
    if not (payload.startswith(_BEGINNINGS) or payload[_MP4_KIND] == b"ftyp" or is_mpeg):
        raise InputError("it is not sound of a known kind", fix="give it the ending of what it is, or leave it out")
    media_type = MEDIA_TYPES.get(item.uri.rpartition(".")[2].lower(), "audio/mpeg")
    found = assembled(sections(payload, item.uri.rpartition("/")[2], media_type, sound_settings(writer)))
    if not found.text:
        raise InputError("no speech was recognised in it", fix="nothing, if there is none")
    return as_documents(cut_text(found.text, config.piece_bytes), item, media_type=media_type, parser="audio")
