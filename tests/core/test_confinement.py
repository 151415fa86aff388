"""Which code a confined process may read, and how long it may compute; tests/core/test_sandbox.py does the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ingot
from ingot.core.confinement import code_folders


def test_the_code_is_readable_and_the_current_folder_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    folders = code_folders()
    assert str(Path(ingot.__file__).parents[1]) in folders
    assert os.path.dirname(os.__file__) in folders
    assert str(tmp_path) not in folders
    assert all(os.path.isabs(folder) for folder in folders)


def test_the_folder_of_a_script_is_not(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import os, sys\nfrom ingot.core.confinement import code_folders\n"
        "assert os.path.dirname(os.path.abspath(__file__)) in sys.path\n"
        "assert os.path.dirname(os.path.abspath(__file__)) not in code_folders()\n",
        encoding="utf-8",
    )
    subprocess.run([sys.executable, str(tmp_path / "script.py")], check=True)


def test_too_much_processor_time_ends_the_process() -> None:
    script = (
        "from ingot.core.confinement import Limits, renew_processor_time\n"
        "assert renew_processor_time(Limits(timeout_seconds=0.1))\n"
        "while True: pass\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert ended.returncode != 0
