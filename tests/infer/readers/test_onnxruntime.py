"""ONNX Runtime reports to its makers unless it is told not to before it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core.plugins import installed_version

_OPEN = """
import sys
from pathlib import Path
from ingot.core.errors import InputError
from ingot.infer.readers.onnxruntime import Config, Reader
try:
    Reader(Path(sys.argv[1]), Config())
except InputError as error:
    assert "no model.onnx" in error.what
else:
    sys.exit("there was something to open")
assert "onnxruntime" in sys.modules
"""


@pytest.mark.skipif(not installed_version("onnxruntime"), reason="ONNX Runtime is not installed")
def test_it_leaves_no_identifier_of_the_machine(tmp_path: Path) -> None:
    home, nothing = tmp_path / "home", tmp_path / "nothing"
    home.mkdir()
    nothing.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environment = {**kept, "HOME": str(home)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", _OPEN, str(nothing)], env=environment, check=True, timeout=60)
    assert [path for path in home.rglob("*") if "onnxruntime" in path.name or path.name == "deviceid"] == []
