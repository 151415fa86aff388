r"""What the commands of LaTeX mean to a reader: headings, styles, letters, and what nobody reads.

Names without the backslash. A command that stands nowhere here vanishes, and its arguments stay.
"""

from __future__ import annotations

HEADINGS = {
    **{"part": "#", "chapter": "#", "section": "##", "subsection": "###", "subsubsection": "####"},
    **{"paragraph": "#####", "subparagraph": "######", "title": "#", "frametitle": "##"},
}
STYLES = {
    **dict.fromkeys(("emph", "textit", "textsl"), "*"),
    "textbf": "**",
    **dict.fromkeys(("texttt", "code", "path", "url", "nolinkurl"), "`"),
}
LABELS = {"abstract": "Abstract", "proof": "Proof", "keywords": "Keywords", "acknowledgments": "Acknowledgments"}
STATEMENTS = {
    **{"theorem": "Theorem", "lemma": "Lemma", "corollary": "Corollary", "proposition": "Proposition"},
    **{"definition": "Definition", "example": "Example", "remark": "Remark", "exercise": "Exercise"},
}
# Commands whose arguments nobody reads: how many there are.
UNREAD = {
    **dict.fromkeys(("label", "vspace", "hspace", "input", "include", "bibliographystyle"), 1),
    **dict.fromkeys(("bibliography", "usepackage", "thanks", "authornote", "orcidID", "orcid", "cline"), 1),
    **dict.fromkeys(
        ("includegraphics", "pagestyle", "thispagestyle", "documentclass", "graphicspath", "theoremstyle"), 1
    ),
    **dict.fromkeys(("color", "pagecolor", "hypersetup", "geometry", "captionsetup", "lstset", "selectlanguage"), 1),
    **dict.fromkeys(("newcommand", "renewcommand", "providecommand", "setlength", "addtolength", "setcounter"), 2),
    **dict.fromkeys(("DeclareMathOperator", "definecolor", "newtheorem", "addcontentsline", "markboth", "rule"), 2),
    **dict.fromkeys(("newenvironment", "renewenvironment"), 3),
}
# Commands that show their last argument: how many come before it.
LAST = {
    "textcolor": 1,
    "colorbox": 1,
    "href": 1,
    "parbox": 1,
    "resizebox": 2,
    "multirow": 2,
    "multicolumn": 2,
    "raisebox": 1,
}
WORDS = {
    **{
        "ss": "ß",
        "ae": "æ",
        "AE": "Æ",
        "oe": "œ",
        "OE": "Œ",
        "o": "ø",
        "O": "Ø",
        "aa": "å",
        "AA": "Å",
        "l": "ł",
        "L": "Ł",
    },
    **{"i": "ı", "j": "ȷ", "S": "§", "P": "¶", "dag": "†", "ddag": "‡", "copyright": "©", "pounds": "£", "euro": "€"},
    **{"ldots": "...", "dots": "...", "textellipsis": "...", "textendash": "–", "textemdash": "—", "textbar": "|"},
    **{
        "LaTeX": "LaTeX",
        "TeX": "TeX",
        "BibTeX": "BibTeX",
        "textbackslash": "\\",
        "textasciitilde": "~",
        "texttrademark": "™",
    },
    **{
        "newline": "\n",
        "linebreak": "\n",
        "par": "\n\n",
        "quad": " ",
        "qquad": " ",
        "textquotesingle": "'",
        "degree": "°",
    },
    **{" ": " ", "\n": " ", ",": " ", ";": " ", ":": " ", "!": "", "/": "", "-": "", "\\": "\n", "@": "", "and": ", "},
}
ACCENTS = {
    **{"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "=": "\u0304", ".": "\u0307"},
    **{
        "u": "\u0306",
        "v": "\u030c",
        "H": "\u030b",
        "c": "\u0327",
        "k": "\u0328",
        "r": "\u030a",
        "d": "\u0323",
        "b": "\u0331",
    },
}
SIGNS = {"~": " ", "``": "“", "''": "”", "--": "–", "---": "—"}
