"""The files attached to an Outlook message (.msg), from its compound file ([MS-OXMSG] section 2.2.2)."""

from __future__ import annotations

import re

from ingot.data.compound import Compound

_FOLDER = re.compile(r"\A(__attach_version1\.0_#[0-9A-Fa-f]+)/")
# Property tags, and the types they come in: Unicode, or the code page of the writer's system.
_CONTENT = "__substg1.0_37010102"
_INNER_MESSAGE = "__substg1.0_3701000D"
_LONG_NAME, _SHORT_NAME, _SUBJECT, _BODY = "3707", "3704", "0037", "1000"


def outlook_attachments(payload: bytes) -> list[tuple[str, bytes]]:
    """Return name and content of every attachment, in order. Raises InputError when the file is damaged.

    A message within the message lies there as properties, not as a file: its subject and text become Markdown.
    """
    file = Compound(payload)
    folders = sorted({found[1] for name in file.names() if (found := _FOLDER.match(name))})
    return [_attachment(file, folder) for folder in folders]


def _attachment(file: Compound, folder: str) -> tuple[str, bytes]:
    content = file.read(f"{folder}/{_CONTENT}")
    name = _text(file, folder, _LONG_NAME) or _text(file, folder, _SHORT_NAME)
    inner = f"{folder}/{_INNER_MESSAGE}"
    if not content and (body := _text(file, inner, _BODY)):
        subject = _text(file, inner, _SUBJECT)
        return f"{subject or 'message'}.md", f"# {subject}\n\n{body}".encode()
    return name or "attachment", content


def _text(file: Compound, folder: str, tag: str) -> str:
    wide = file.read(f"{folder}/__substg1.0_{tag}001F").decode("utf-16-le", errors="replace")
    return (wide or file.read(f"{folder}/__substg1.0_{tag}001E").decode("cp1252", errors="replace")).rstrip("\0")
