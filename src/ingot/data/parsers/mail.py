"""E-mails (.eml, .msg): the letter with its head as one document, and every attachment for the parser it needs.

The plain text of a letter is taken where there is some, else its HTML made plain. Of the head stay subject, sender,
recipients and date: what a person sees. Pictures that only decorate a letter and signatures are left out.
"""

from __future__ import annotations

import codecs
import contextlib
import email.errors
import email.header
import email.message
import email.policy
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.compound import MAGIC
from ingot.data.cutting import cut_text
from ingot.data.decoding import decode, uniform_lines
from ingot.data.document import Document, Member, Parsed, as_documents
from ingot.data.extraction import extract
from ingot.data.lines import without_broken
from ingot.data.office_types import MSG
from ingot.data.outlook import outlook_attachments
from ingot.data.unpacking import safe_name
from ingot.flow.source import SourceItem

_HEAD = ("From", "To", "Cc", "Date")
_MAIL_FIELDS = ("from", "to", "subject", "date", "received", "message-id", "mime-version", "content-type")
# Without a name of its own an attachment is called after what it is.
_ENDINGS = {
    "application/pdf": "pdf",
    "application/json": "json",
    "application/zip": "zip",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
}
_SIGNATURES = frozenset({"pkcs7-signature", "x-pkcs7-signature", "pgp-signature", "pgp-keys", "pgp-encrypted"})
_FIELD = re.compile(r"\A\*\*(Subject|From|To|CC|BCC|Date|Message-ID)\*\*: (.*)\Z", re.DOTALL)
_DEEPEST = 100
_LONGEST_FIELD = 20_000
_MOST_PARTS = 5000


@dataclass(frozen=True)
class Config:
    """Settings of the mail parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("eml", "msg")
    piece_bytes: int = 1 << 20


class _ShortFields(email.policy.Compat32):
    """How the standard library reads a head: by its older policy, which is thirty times faster and takes what people
    send, and with fields of bounded length, because the time for one grows with the square of it."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return name and value of a field."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_FIELD]


@dataclass(frozen=True)
class _Letter:
    media_type: str
    subject: str
    head: tuple[tuple[str, str], ...]
    body: str
    attachments: tuple[Member, ...]

    def text(self) -> str:
        """Return the letter as Markdown: the subject as heading, the head as lines, the body."""
        lines = [f"{name}: {value}" for name, value in self.head if value]
        if self.attachments:
            lines.append("Attachments: " + ", ".join(each.name for each in self.attachments))
        parts = [f"# {self.subject}" if self.subject else "", "\n".join(lines), self.body.strip()]
        return "\n\n".join(part for part in parts if part)


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Parsed]:
    """Yield the letter as a Document (pieces of one when it is long), then its attachments as Members."""
    payload = stream.read()
    if not payload:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    letter = _outlook(payload, item) if payload.startswith(MAGIC) else _internet(payload, item)
    yield from _documents(letter, item, config)
    yield from letter.attachments


def _documents(letter: _Letter, item: SourceItem, config: Config) -> Iterator[Document]:
    pieces = cut_text(letter.text(), config.piece_bytes)
    return as_documents(pieces, item, media_type=letter.media_type, parser="mail")


def _internet(payload: bytes, item: SourceItem) -> _Letter:
    """Read a message as it travels (RFC 5322 and MIME)."""
    if payload[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in payload[:100]:
        payload = decode(payload).encode("utf-8")
    try:
        message = email.message_from_bytes(payload.removeprefix(codecs.BOM_UTF8), policy=_ShortFields())
        if not any(name.lower() in _MAIL_FIELDS for name in message.keys()):  # noqa: SIM118 - a message is no mapping
            raise InputError("it is not an e-mail", why="it has no head", fix="give it the ending of what it is")
        parts = list(islice(_leaves(message, 0), _MOST_PARTS + 1))
    except RecursionError as error:
        raise InputError("its parts lie too deep in one another", fix="leave it out") from error
    if len(parts) > _MOST_PARTS:
        raise InputError(f"it has more than {_MOST_PARTS} parts", fix="leave it out")
    body = "\n\n".join(text for part in parts if _is_text(part) and (text := _text(part, item).strip()))
    head = tuple((name, _field(message, name)) for name in _HEAD)
    attached = tuple(_named([_attachment(part) for part in parts if not _is_text(part) and not _is_ornament(part)]))
    return _Letter("message/rfc822", _field(message, "Subject"), head, body, attached)


def _leaves(message: email.message.Message, depth: int) -> Iterator[email.message.Message]:
    """Yield the parts that hold something, of alternatives only the best one."""
    if depth > _DEEPEST or message.get_content_type() == "message/rfc822" or not message.is_multipart():
        yield message
        return
    parts = [part for part in message.get_payload() if isinstance(part, email.message.Message)]
    if message.get_content_type() != "multipart/alternative":
        for part in parts:
            yield from _leaves(part, depth + 1)
        return
    choices = [list(_leaves(part, depth + 1)) for part in parts]
    plain = [each for each in choices if any(_has_words(part, "text/plain") for part in each)]
    html = [each for each in choices if any(_has_words(part, "text/html") for part in each)]
    # The last alternative is the richest; what is attached to it (a related picture, an invitation) comes along.
    yield from (plain or html or choices or [[]])[-1]


def _has_words(part: email.message.Message, content_type: str) -> bool:
    return part.get_content_type() == content_type and _is_text(part) and bool(_raw(part).strip())


def _is_text(part: email.message.Message) -> bool:
    is_attached = part.get_content_disposition() == "attachment" or bool(_file_name(part))
    return part.get_content_type() in ("text/plain", "text/html") and not is_attached


def _is_ornament(part: email.message.Message) -> bool:
    is_frame = part.is_multipart() and part.get_content_maintype() != "message"
    if is_frame or part.get_content_subtype() in _SIGNATURES:
        return True
    is_picture = part.get_content_maintype() == "image"
    return is_picture and part.get_content_disposition() != "attachment" and "content-id" in part


def _raw(part: email.message.Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def _text(part: email.message.Message, item: SourceItem) -> str:
    payload = _raw(part)
    try:
        text = payload.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeError):
        text = decode(payload) if payload.strip() else ""
    if part.get_content_type() == "text/html" and text.strip():
        try:
            return extract(io.BytesIO(), item, media_type="text/html", html=text).text
        except InputError:  # a frame without words
            return ""
    return uniform_lines(text)


def _field(message: email.message.Message, name: str) -> str:
    """Return a field of the head as a person reads it, on one line."""
    return _words(next((str(raw) for key, raw in message.raw_items() if key.lower() == name.lower()), ""))


def _words(raw: str) -> str:
    """Return the text of a field: encoded words (RFC 2047) decoded, bare bytes as UTF-8 or else Western Windows."""
    given = raw.encode("utf-8", errors="surrogateescape")
    try:
        text = given.decode("utf-8")
    except UnicodeDecodeError:
        text = given.decode("cp1252", errors="replace")
    with contextlib.suppress(ValueError, LookupError, email.errors.HeaderParseError):  # it may only look encoded
        text = str(email.header.make_header(email.header.decode_header(text)))
    return " ".join(without_broken(text).split())


def _file_name(part: email.message.Message) -> str:
    try:
        return _words(part.get_filename() or "")
    except (ValueError, LookupError):
        return "unnamed"


def _attachment(part: email.message.Message) -> Member:
    content_type = part.get_content_type()
    content = _raw(part)
    name = _file_name(part)
    if content_type == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        assert isinstance(inner, email.message.Message)
        content = inner.as_bytes()
        name = name or _field(inner, "Subject")
        name = name if name.lower().endswith(".eml") else f"{name or 'message'}.eml"
    ending = _ENDINGS.get(content_type, "")
    return _member(name or f"attachment{'.' if ending else ''}{ending}", content)


def _named(attachments: list[Member]) -> Iterator[Member]:
    """Yield the attachments that hold something, names that occur again numbered."""
    seen: set[str] = set()
    for number, member in enumerate((each for each in attachments if each.bytes), start=1):
        name = member.name.replace("/", "_")
        name = f"{number}-{name}" if name in seen else name
        seen.add(name)
        yield Member(name, member.stream, member.bytes, member.modified)


def _outlook(payload: bytes, item: SourceItem) -> _Letter:
    """Read a message as Outlook keeps it: its text through the library, its attachments out of the compound file."""
    attached = tuple(_named([_member(name, content) for name, content in outlook_attachments(payload)]))
    text = extract(io.BytesIO(payload), item, media_type=MSG).text
    if attached:
        text = text.rpartition("\n\nAttachments:")[0] or text
    fields: dict[str, str] = {}
    paragraphs = text.split("\n\n")
    while paragraphs and (field := _FIELD.match(paragraphs[0])):
        fields[field[1].lower()] = " ".join(field[2].split())
        del paragraphs[0]
    head = tuple((name, fields.get(name.lower(), "")) for name in _HEAD)
    return _Letter(MSG, fields.get("subject", ""), head, "\n\n".join(paragraphs), attached)


def _member(name: str, content: bytes) -> Member:
    return Member(safe_name(name), io.BytesIO(content), len(content))
