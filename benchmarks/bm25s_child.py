"""bm25s in a process of its own: told documents once, it answers files of questions, and says what each took.

    python bm25s_child.py TEXTS.json

TEXTS.json is a list of texts. For every line of the standard input, the path of a list of questions, it prints the
numbers of the first ten texts of each, and processor seconds. Words are split by the library's own rules, English stop
words left out, as its documentation has it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import bm25s  # type: ignore[import-not-found]  # lives in an environment of its own

DEPTH = 10


def main() -> None:
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    began = time.process_time()
    known = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(known, show_progress=False)
    print(json.dumps({"seconds": time.process_time() - began}), flush=True)
    for line in sys.stdin:
        questions = json.loads(Path(line.strip()).read_text(encoding="utf-8"))
        began = time.process_time()
        asked = bm25s.tokenize(questions, stopwords="en", show_progress=False)
        found, _ = index.retrieve(asked, k=DEPTH, show_progress=False)
        print(json.dumps({"seconds": time.process_time() - began, "found": found.tolist()}), flush=True)


if __name__ == "__main__":
    main()
