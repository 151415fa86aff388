r"""LaTeX reads well as Markdown, whole or torn."""

from __future__ import annotations

import pytest

from ingot.data.latex_markdown import latex_markdown


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"\section{One} \subsection*{Two}", "## One\n\n### Two"),
        (r"\emph{a} \textbf{b} \texttt{c} {\bf d}", "*a* **b** `c` d"),
        (r"50\% \& \$5 \_ \# a~b --- c--d ``e''", "50% & $5 _ # a b — c–d “e”"),
        (
            r"Gr\"o\ss e, \'{e}l\`eve, \c{c}a, \v{S}koda, na\"{\i}ve, \AA ngstr\"om",
            "Größe, élève, ça, Škoda, naïve, Ångström",
        ),
        ("text % a comment\nmore", "text more"),
        (r"100\% % gone", "100%"),
        (r"See~\cite[p.~5]{knuth}, Section~\ref{sec:a}.", "See [knuth], Section [sec:a]."),
        (r"a\footnote{A note.} b", "a (A note.) b"),
        (r"\href{https://x.y}{words} \url{https://x.y/a_b}", "words `https://x.y/a_b`"),
        (r"Let $x_1 < \alpha$ be \(y\).", r"Let $x_1 < \alpha$ be $y$."),
        (r"\[ E = mc^2 \]", "$$E = mc^2$$"),
        (r"\begin{equation}\label{a} x \end{equation}", "$$\nx\n$$"),
        (r"\begin{align} a &= b \\ c &= d \end{align}", "$$\n\\begin{align}\na &= b \\\\ c &= d\n\\end{align}\n$$"),
        ("It costs $5.\n\nOr $6.", "It costs $5.\n\nOr $6."),
        (r"\begin{quote}Words.\end{quote}", "> Words."),
        (r"\begin{theorem} It holds. \end{theorem}", "**Theorem.** It holds."),
        (r"\begin{abstract}Short.\end{abstract}", "## Abstract\n\nShort."),
        (r"\includegraphics[width=2cm]{a.png}\caption{A \emph{duck}.}", "A *duck*."),
        (r"\verb|a_b%c| and \verb+{+", "`a_b%c` and `{`"),
        (r"\unknowncommand{its words} stay", "its words stay"),
        (r"\newcommand{\name}{Ingot} \name{} melts.", "Ingot melts."),
        (r"\vspace{2cm}\noindent\hskip 1pt Text.", "Text."),
    ],
)
def test_commands(source: str, expected: str) -> None:
    assert " ".join(latex_markdown(source).split(" ")).replace("  ", " ") == expected


def test_a_document_begins_with_its_title() -> None:
    source = (
        r"\documentclass{a}\title{On $x$}\author{Jane \and John}\begin{document}\maketitle Text.\end{document} after"
    )
    assert latex_markdown(source) == "# On $x$\n\nJane, John\n\nText."


def test_lists_within_lists() -> None:
    source = (
        r"""\begin{itemize} \item one \begin{enumerate} \item a \item b \end{enumerate} \item[X] two \end{itemize}"""
    )
    assert latex_markdown(source) == "- one\n  1. a\n  2. b\n- **X** two"


def test_a_table() -> None:
    source = r"""\begin{tabular}{l|r} \toprule Name & Value \\ \midrule \multicolumn{1}{c}{A \& B} & $1 & 2$ \\[2pt]
    \cmidrule(lr){1-2} C|D & {x & y} \\ \bottomrule \end{tabular}"""
    assert latex_markdown(source).split("\n") == [
        "| Name | Value |  |",
        "| --- | --- | --- |",
        "| A & B | $1 | 2$ |",
        "| C\\|D | x & y |  |",
    ]


def test_code_stays_as_it_is() -> None:
    first = "\\begin{lstlisting}[language=C]\nint a = 5 % 3; \\x {\n\\end{lstlisting}"
    second = "\\begin{minted}{python}\nx = 1\n\\end{minted}"
    assert latex_markdown(f"{first}\n{second}") == "```\nint a = 5 % 3; \\x {\n```\n\n```python\nx = 1\n```"


@pytest.mark.parametrize(
    "source",
    [
        "{" * 50_000,
        "}" * 50_000,
        "\\emph{" * 50_000 + "x" + "}" * 50_000,
        "\\begin{itemize}" * 20_000,
        "\\begin{itemize}\\item a " * 2000 + "\\end{itemize}" * 2000,
        "\\begin{verbatim}" * 20_000,
        "\\begin{tabular}{l}" * 1000 + "x" + "\\end{tabular}" * 1000,
        "$" * 50_001,
        "\\def\\a{\\b\\b}\\def\\b{\\a\\a}" + "\\a " * 5000,
        "\\" * 50_001,
        "\\cite[" * 20_000,
    ],
    ids=lambda source: source[:12],
)
def test_hostile_sources_end(source: str) -> None:
    assert len(latex_markdown(source)) < 10 * len(source) + 1_000_000
