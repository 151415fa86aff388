"""Write the language reference that every Python interpreter carries as text files, one per topic.

`help("with")` in an interpreter prints a page of the language reference. Those pages are real documentation, lie on
every machine that can run Ingot, and need no download.

    python examples/python_documentation.py .demo/language-reference
"""

from __future__ import annotations

import sys
from pathlib import Path
from pydoc_data.topics import topics


def write_topics(folder: Path) -> int:
    """Write each topic to `folder/<topic>.txt`; return how many bytes of text that is."""
    folder.mkdir(parents=True, exist_ok=True)
    return sum((folder / f"{name}.txt").write_bytes(text.encode()) for name, text in sorted(topics.items()))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    size = write_topics(target)
    print(f"{len(topics)} pages of the language reference, {size / 1e6:.1f} MB, in {target}")
