r"""LaTeX as Markdown that reads well: structure, lists, tables and code are translated, formulas stay LaTeX.

The text is read once from left to right. Braces and environments are matched beforehand in one pass, so a damaged or
hostile source costs no more than a good one. Unknown commands vanish and their arguments stay, which is what a reader
sees of most of them; definitions, labels and the preamble go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ingot.data.composing import composed
from ingot.data.grids import table_markdown
from ingot.data.latex_words import (
    ACCENTS,
    HEADINGS,
    LABELS,
    LAST,
    SIGNS,
    STATEMENTS,
    STYLES,
    UNREAD,
    WORDS,
)

_DEEPEST = 60
_KEPT = "\ue100{}\ue101"
_KEPT_AGAIN = re.compile("\ue100(\\d+)\ue101")
_CODE = ("verbatim", "verbatim*", "Verbatim", "lstlisting", "minted", "comment")
_BEGIN_CODE = re.compile(r"\\begin\{(" + "|".join(map(re.escape, _CODE)) + r")\}")
_INLINE_CODE = re.compile(r"\\(?:verb\*?|lstinline)([^A-Za-z\s{*\[])(.*?)\1")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*)?")
_MARK = re.compile(r"\\\\|\\[{}]|[{}]|\\(begin|end)\{([^{}]*)\}")
_NEXT = re.compile(r"\\(?:begin\{|[A-Za-z@]+\*?|.|\n|\Z)|\$\$?|[{}~]|``|''|---?", re.DOTALL)
_SPACE = re.compile(r"[ \t]*\n?[ \t]*")
_FORMULAS = (
    "equation",
    "align",
    "gather",
    "multline",
    "eqnarray",
    "displaymath",
    "math",
    "alignat",
    "flalign",
    "dmath",
)
_NOISE = re.compile(r"\\(?:label|tag|nonumber|notag)\*?(?:\{[^{}]*\})?[ \t]*")
_ROW_END = re.compile(r"\\\\\*?(?:\[[^\]\n]*\])?|\\tabularnewline\b")
_LENGTH = re.compile(r"[ \t]*=?[ \t]*-?\d*\.?\d+[ \t]*(?:pt|em|ex|cm|mm|in|bp|mu|sp)\b|=[ \t]*-?\d+\b")
_DEFINITION = re.compile(r"\\(?:(?:re|provide)?newcommand\*?[ \t]*\{?|def[ \t]*)\\([A-Za-z]+)\}?[ \t]*(?=\{)")
# A macro may stand for a name or a phrase; what is longer, or made of macros of macros, is programming.
_LONGEST_MACRO = 200
_MOST_MACROS = 20_000
_ITEM = re.compile(r"\\item\b[ \t]*(?:\[([^\[\]]*)\])?")
_BLANK_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n)+[ \t]*")


@dataclass(frozen=True)
class _Environment:
    name: str
    start: int
    end: int
    after: int


def latex_markdown(source: str) -> str:
    """Return the Markdown of a LaTeX source, a whole document or a part of one.

    >>> latex_markdown(r"\\section{Gr\\"o\\ss{}e} Let $x>0$ be \\emph{large}.")
    '## Größe\\n\\nLet $x>0$ be *large*.'
    """
    return _Converter(source).markdown()


class _Converter:
    """One source with its braces and environments matched; renders ranges of it."""

    def __init__(self, source: str) -> None:
        self._kept: list[str] = []
        self._text = _COMMENT.sub(r"\1", self._without_code(source))
        self._closing, self._environments = _matched(self._text)
        self._enclosing = _innermost(self._text, self._environments)
        self._macros = self._defined()
        self._expansions = 0

    def markdown(self) -> str:
        document = next((each for each in self._environments.values() if each.name == "document"), None)
        head = self._head(document.start) if document else ""
        start, end = (document.start, document.end) if document else (0, len(self._text))
        text = _BLANK_LINES.sub("\n\n", f"{head}\n\n{self._render(start, end, 0)}").strip()
        return self._with_kept(composed(text))

    def _without_code(self, source: str) -> str:
        """Put code out of the way, which means nothing of what it looks like."""
        parts: list[str] = []
        place = 0
        unclosed: set[str] = set()
        for begin in _BEGIN_CODE.finditer(source):
            name = begin[1]
            end = -1 if begin.start() < place or name in unclosed else source.find(f"\\end{{{name}}}", begin.end())
            if end < 0:
                if begin.start() >= place:
                    unclosed.add(name)
                continue
            code = "" if name == "comment" else _fenced(source[begin.end() : end], name)
            parts += [source[place : begin.start()], f"\n\n{self._keep(code)}\n\n" if code else ""]
            place = end + len(f"\\end{{{name}}}")
        text = "".join([*parts, source[place:]])
        return _INLINE_CODE.sub(lambda code: self._keep(f"`{code[2]}`"), text)

    def _defined(self) -> dict[str, tuple[int, int]]:
        """Return where the text of each macro without parameters stands, by its name."""
        found: dict[str, tuple[int, int]] = {}
        for definition in _DEFINITION.finditer(self._text):
            start = definition.end()
            end = self._closing.get(start, start)
            if start < end <= start + _LONGEST_MACRO:
                found[definition[1]] = (start + 1, end)
        return found

    def _keep(self, text: str) -> str:
        self._kept.append(text)
        return _KEPT.format(len(self._kept) - 1)

    def _with_kept(self, text: str) -> str:
        return _KEPT_AGAIN.sub(lambda mark: self._kept[int(mark[1])] if int(mark[1]) < len(self._kept) else "", text)

    def _head(self, end: int) -> str:
        """Return title, authors and date, which stand before the document."""
        found: list[str] = []
        for name in ("title", "author", "date"):
            place = self._text.rfind(f"\\{name}{{", 0, end)
            closing = self._closing.get(place + len(name) + 1) if place >= 0 else None
            if closing is not None:
                text = " ".join(self._render(place + len(name) + 2, closing, 1).split()).replace(" ,", ",")
                found += [f"# {text}" if name == "title" else text] if text else []
        return "\n\n".join(found)

    def _render(self, place: int, end: int, depth: int) -> str:
        parts: list[str] = []
        while place < end:
            token = _NEXT.search(self._text, place, end)
            if token is None:
                parts.append(self._text[place:end])
                break
            parts.append(self._text[place : token.start()])
            text, place = self._token(token, end, depth)
            parts.append(text)
        return "".join(parts)

    def _token(self, token: re.Match[str], end: int, depth: int) -> tuple[str, int]:
        """Return what a token becomes, and where to read on."""
        sign = token[0]
        if sign in SIGNS:
            return SIGNS[sign], token.end()
        if sign in ("{", "}"):
            return "", token.end()
        if sign.startswith("$"):
            return self._formula(token.start(), sign, sign, end)
        if sign in ("\\[", "\\("):
            return self._formula(token.start(), sign, "\\]" if sign == "\\[" else "\\)", end)
        if sign == "\\begin{":
            return self._environment(token, depth)
        return self._command(sign[1:], token.end(), end, depth)

    def _formula(self, start: int, opening: str, closing: str, end: int) -> tuple[str, int]:
        stop = self._text.find(closing, start + len(opening), end)
        inside = self._text[start + len(opening) : stop] if stop >= 0 else ""
        if stop < 0 or "\n\n" in inside:  # a lone dollar sign
            return opening.replace("\\", ""), start + len(opening)
        mark = "$$" if opening in ("$$", "\\[") else "$"
        formula = self._keep(f"{mark}{_NOISE.sub('', inside).strip()}{mark}")
        return (f"\n\n{formula}\n\n" if mark == "$$" else formula), stop + len(closing)

    def _environment(self, token: re.Match[str], depth: int) -> tuple[str, int]:
        found = self._environments.get(token.start())
        if found is None or depth > _DEEPEST:
            closing = self._closing.get(token.end() - 1)
            return "", token.end() if closing is None else closing + 1
        name = found.name.rstrip("*")
        body = self._text[found.start : found.end]
        if name in _FORMULAS:
            inner = _NOISE.sub("", body).strip()
            formula = (
                inner if name in ("equation", "displaymath", "math") else f"\\begin{{{name}}}\n{inner}\n\\end{{{name}}}"
            )
            return f"\n\n{self._keep(f'$${chr(10)}{formula}{chr(10)}$$')}\n\n", found.after
        render: dict[str, Callable[[_Environment, int], str]] = {
            **dict.fromkeys(("itemize", "enumerate", "description", "compactitem", "thebibliography"), self._list),
            **dict.fromkeys(("tabular", "tabularx", "tabulary", "longtable", "array"), self._table),
        }
        text = render.get(name, self._block)(found, depth + 1)
        return f"\n\n{text.strip()}\n\n", found.after

    def _block(self, found: _Environment, depth: int) -> str:
        """Render an environment that only frames its text."""
        name = found.name.rstrip("*")
        place = self._after_option(found.start, found.end)
        while place < found.end and self._text[place] == "{" and name not in LABELS and place in self._closing:
            place = self._closing[place] + 1  # widths and the like
        text = self._render(place, found.end, depth).strip()
        if name in LABELS:
            return f"**{LABELS[name]}.** {text}" if name == "proof" else f"## {LABELS[name]}\n\n{text}"
        if name in STATEMENTS:
            return f"**{STATEMENTS[name]}.** {text}"
        if name in ("quote", "quotation", "verse"):
            return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
        return text

    def _list(self, found: _Environment, depth: int) -> str:
        starts = [
            item for item in _ITEM.finditer(self._text, found.start, found.end) if self._is_own(item.start(), found)
        ]
        if found.name == "thebibliography":
            pattern = re.compile(r"\\bibitem\b(?:\[[^\[\]]*\])?\{([^{}]*)\}")
            starts = list(pattern.finditer(self._text, found.start, found.end))
        lines: list[str] = []
        for number, item in enumerate(starts, start=1):
            stop = starts[number].start() if number < len(starts) else found.end
            text = self._render(item.end(), stop, depth).strip()
            label = item[1] and (f"[{item[1]}] " if found.name == "thebibliography" else f"**{item[1]}** ")
            mark = f"{number}. " if found.name.startswith("enumerate") else "- "
            lines.append(mark + (label or "") + _BLANK_LINES.sub("\n", text).replace("\n", "\n" + " " * len(mark)))
        return "\n".join(lines)

    def _table(self, found: _Environment, depth: int) -> str:
        place = self._after_option(found.start, found.end)
        arguments = 2 if found.name.startswith(("tabularx", "tabulary")) else 1
        for _ in range(arguments):
            place = self._closing.get(place, place - 1) + 1
        rows: list[list[str]] = []
        for start, end in self._split(place, found.end, _ROW_END):
            cells = [self._render(a, b, depth) for a, b in self._split(start, end, re.compile(r"(?<!\\)&"))]
            row = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
            if any(row):
                rows.append(row)
        return table_markdown(rows) if rows else ""

    def _split(self, start: int, end: int, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
        """Return the ranges between separators that lie in no braces and no environment within."""
        ranges: list[tuple[int, int]] = []
        place = begin = start
        token = re.compile(pattern.pattern + r"|\{|\\begin\{")
        while (found := token.search(self._text, place, end)) is not None:
            if found[0] == "{":
                place = self._closing.get(found.start(), found.start()) + 1
            elif found[0] == "\\begin{":
                inner = self._environments.get(found.start())
                place = inner.after if inner else found.end()
            else:
                ranges.append((begin, found.start()))
                place = begin = found.end()
        return [*ranges, (begin, end)]

    def _is_own(self, place: int, found: _Environment) -> bool:
        """Say whether a place lies in the environment itself, not in one within it."""
        inner = self._enclosing.get(place)
        return inner is None or inner == found.start

    def _command(self, name: str, place: int, end: int, depth: int) -> tuple[str, int]:
        base = name.rstrip("*")
        if name in ACCENTS and (accented := self._accented(name, place, end)):
            return accented
        if name in WORDS or (base in WORDS and base.isalpha()):
            return WORDS[base], self._after_word(base, place, end)
        if len(name) == 1 and not name.isalpha():
            return name, place
        if base == "cmidrule":
            place = self._text.find("{", place, min(end, place + 12))
            return "", self._closing.get(place, place) + 1
        if base in UNREAD:
            return "", self._after_arguments(place, end, UNREAD[base])
        if base in ("def", "let"):
            brace = self._text.find("{", place, min(end, place + 80))
            return "", self._closing.get(brace, place - 1) + 1
        if base in HEADINGS:
            text, place = self._argument(self._after_option(place, end), end, depth)
            return f"\n\n{HEADINGS[base]} {' '.join(text.split())}\n\n", place
        return self._inline(base, place, end, depth)

    def _inline(self, base: str, place: int, end: int, depth: int) -> tuple[str, int]:
        if base in STYLES:
            text, place = self._argument(place, end, depth)
            mark = STYLES[base]
            return (f"{mark}{text.strip()}{mark}" if text.strip() else ""), place
        if base == "footnote":
            text, place = self._argument(self._after_option(place, end), end, depth)
            return f" ({text.strip()})", place
        if base == "caption":
            text, place = self._argument(self._after_option(place, end), end, depth)
            return f"\n\n{text.strip()}\n\n", place
        if base in LAST:
            place = self._after_arguments(place, end, LAST[base])
            return self._argument(place, end, depth)
        if base.lower().startswith("cite") or base.lower().endswith("ref"):
            place = self._after_option(self._after_option(place, end), end)
            text, place = self._argument(place, end, depth)
            return f"[{text.strip()}]", place
        if base in self._macros and depth < _DEEPEST and self._expansions < _MOST_MACROS:
            self._expansions += 1
            # A third of the depth at once: a macro of a macro of a macro is the last.
            return self._render(*self._macros[base], depth + _DEEPEST // 3), self._after_word(base, place, end)
        if length := _LENGTH.match(self._text, place, end):
            return "", length.end()
        return "", self._after_option(self._after_word(base, place, end), end) if base else place

    def _accented(self, name: str, place: int, end: int) -> tuple[str, int] | None:
        """Return a letter with its accent; None where a letter command only begins like one (`\\c` and `\\cite`)."""
        space = _SPACE.match(self._text, place, end) if name.isalpha() else None
        place = space.end() if space else place
        if place >= end:
            return None
        if self._text[place] == "{":
            closing = self._closing.get(place)
            letter = self._text[place + 1 : closing] if closing is not None else ""
            after = place + 1 if closing is None else closing + 1
        else:
            letter, after = self._text[place], place + 1
            if letter == "\\":
                letter, after = self._text[place : place + 2], place + 2
        letter = {"\\i": "i", "\\j": "j", "ı": "i"}.get(letter.strip(), letter.strip())
        if not letter or not letter[0].isalpha():
            return None
        return letter[0] + ACCENTS[name] + letter[1:], after

    def _argument(self, place: int, end: int, depth: int) -> tuple[str, int]:
        """Return the rendered argument at a place, and where to read on; an empty one when there is none."""
        space = _SPACE.match(self._text, place, end)
        at = space.end() if space else place
        closing = self._closing.get(at)
        if closing is None or closing > end:
            return "", place
        if depth > _DEEPEST:
            return self._text[at + 1 : closing].replace("\\", "").replace("{", "").replace("}", ""), closing + 1
        return self._render(at + 1, closing, depth + 1), closing + 1

    def _after_arguments(self, place: int, end: int, count: int) -> int:
        for _ in range(count):
            place = self._after_option(self._after_option(place, end), end)
            space = _SPACE.match(self._text, place, end)
            at = space.end() if space else place
            if at in self._closing:
                place = self._closing[at] + 1
            elif self._text[at : at + 1] == "\\" and (word := re.compile(r"\\[A-Za-z@]+").match(self._text, at, end)):
                place = word.end()
        return place

    def _after_option(self, place: int, end: int) -> int:
        """Return the place after an option in brackets, if one is there; options are short."""
        if self._text[place : place + 1] not in ("[", "<"):
            return place
        stop = self._text.find("]" if self._text[place] == "[" else ">", place, min(end, place + 400))
        return place if stop < 0 else stop + 1

    def _after_word(self, name: str, place: int, end: int) -> int:
        """Return the place after the space and the empty braces that end a command of letters."""
        if not name.isalpha():
            return place
        if self._text.startswith("{}", place):
            return place + 2
        space = re.compile(r"[ \t]*").match(self._text, place, end)
        return space.end() if space and name in WORDS else place


def _matched(text: str) -> tuple[dict[int, int], dict[int, _Environment]]:
    """Return where each brace closes, and each environment by the place of its beginning."""
    closing: dict[int, int] = {}
    environments: dict[int, _Environment] = {}
    braces: list[int] = []
    open_names: list[tuple[str, int, int]] = []
    for mark in _MARK.finditer(text):
        sign = mark[0]
        if sign == "{":
            braces.append(mark.start())
        elif sign == "}" and braces:
            closing[braces.pop()] = mark.start()
        elif mark[1]:
            closing[mark.start() + len(mark[1]) + 1] = mark.end() - 1
            if mark[1] == "begin":
                open_names.append((mark[2], mark.start(), mark.end()))
            elif open_names and open_names[-1][0] == mark[2]:
                name, begin, start = open_names.pop()
                environments[begin] = _Environment(name, start, mark.start(), mark.end())
    return closing, environments


def _innermost(text: str, environments: dict[int, _Environment]) -> dict[int, int]:
    """Return for every item of a list the beginning of the innermost environment it lies in."""
    found: dict[int, int] = {}
    edges = sorted(
        [(each.start, 1, each.start) for each in environments.values()]
        + [(each.end, 0, each.start) for each in environments.values()]
    )
    stack: list[int] = []
    place = 0
    for item in _ITEM.finditer(text):
        while place < len(edges) and edges[place][0] <= item.start():
            _, is_start, start = edges[place]
            if is_start:
                stack.append(start)
            elif stack:
                stack.pop()
            place += 1
        if stack:
            found[item.start()] = stack[-1]
    return found


def _fenced(code: str, name: str) -> str:
    language = re.match(r"\s*(?:\[[^\]\n]*\])?\{([A-Za-z+#-]*)\}", code) if name == "minted" else None
    option = re.match(r"\s*\[[^\]\n]*\]", code) if name in ("lstlisting", "Verbatim") else None
    start = language.end() if language else option.end() if option else 0
    return f"```{language[1] if language else ''}\n{code[start:].strip(chr(10))}\n```"
