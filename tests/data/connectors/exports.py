"""Archives as services export them, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

_DATE = (2026, 11, 2, 10, 0, 0)


def zip_bytes(files: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> bytes:
    """Return a zip archive of files by name; `modes` gives a member another kind (0o120777 for a link)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(name, 0o100644) << 16
            archive.writestr(info, content)
    return target.getvalue()


def write_zip(path: Path, files: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> Path:
    """Write a zip archive and return where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zip_bytes(files, modes))
    return path


def value(name: str, text: str) -> str:
    return f'<property name="{name}"><![CDATA[{text}]]></property>'


def reference(name: str, identity: str, kind: str = "Page") -> str:
    return f'<property name="{name}" class="{kind}"><id name="id">{identity}</id></property>'


def entity(kind: str, identity: str, *parts: str) -> str:
    return f'<object class="{kind}" package="com.atlassian"><id name="id">{identity}</id>{"".join(parts)}</object>'


def page(identity: str, title: str, body: str, *parts: str, version: str = "1") -> str:
    """Return a page of a Confluence space and its body, which refers to it."""
    dated = value("lastModificationDate", "2026-11-02 10:00:00.000")
    usual = (value("title", title), f'<property name="version">{version}</property>', dated)
    space = reference("space", "100", "Space")
    kept = body.replace("]]>", "]] >")
    content = (value("body", kept), reference("content", identity), '<property name="bodyType">2</property>')
    return entity("Page", identity, *usual, space, *parts) + entity("BodyContent", f"9{identity}", *content)


def confluence(*objects: str) -> str:
    """Return the entities.xml of a space HR."""
    space = entity("Space", "100", value("key", "HR"), value("name", "People"))
    ada = '<object class="ConfluenceUserImpl"><id name="key">k1</id>' + value("name", "ada") + "</object>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><hibernate-generic>{space}{ada}{"".join(objects)}</hibernate-generic>'
    )
