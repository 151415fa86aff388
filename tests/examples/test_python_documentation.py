"""The demo's documents: the pages behind `help()` become text files that can be read back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_topic_becomes_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    command = [sys.executable, str(EXAMPLES / "python_documentation.py"), str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    pages = sorted(folder.glob("*.txt"))
    assert len(pages) > 50
    assert said.startswith(f"{len(pages)} pages of the language reference")
    assert "context manager" in (folder / "with.txt").read_text(encoding="utf-8")


def test_the_demo_script_is_valid_shell() -> None:
    subprocess.run(["bash", "-n", str(EXAMPLES / "demo.sh")], check=True)
