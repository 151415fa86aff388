from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core.errors import InputError, MissingExtraError
from ingot.infer.exporters.openvino import Config, export

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino_genai") is None, reason="the extra `openvino` is not installed"
)

# In a fresh interpreter: openvino is loaded there for the first time, and nothing may be asked of the network.
CHECK = """
import sys
attempts = []
sys.addaudithook(lambda event, args: attempts.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from ingot.infer.certificate import LIMITS, measure, questions
from ingot.infer.exporters.openvino import Config, export
from ingot.infer.readers.openvino import Config as ReaderConfig, Reader
from ingot.infer.reference import Reference
model, out = Path(sys.argv[1]), Path(sys.argv[2])
export(model, out, Config())
reference, reader = Reference(model), Reader(out, ReaderConfig(threads=1))
text = "def visit(self, node):\\n    return self.generic_visit(node)  # Größe"
found = measure(reader, questions(reference, [text], 1, 16, 100), LIMITS["f16"])
assert found["faults"] == [], found
assert reader.tokenize([text]) == reference.tokenize([text])
assert attempts == [], attempts
"""


@needs_openvino
def test_what_it_writes_answers_like_the_trained_model_and_asks_nobody(model_folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(model_folder), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    parts = {"openvino_model", "openvino_tokenizer", "openvino_detokenizer"}
    assert {path.stem for path in tmp_path.glob("*.xml")} == {path.stem for path in tmp_path.glob("*.bin")} == parts
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_mixture_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_folder, tmp_path / "mixture"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "qwen3_moe"}))
    with pytest.raises(InputError, match="mixture of experts") as caught:
        export(folder, tmp_path, Config())
    assert "onnx" in caught.value.fix


def test_an_installation_without_it_says_what_to_install(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino_telemetry", None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError) as caught:
        export(model_folder, tmp_path, Config())
    assert caught.value.fix == "pip install 'ingot[openvino]'"
    assert not list(tmp_path.iterdir())
