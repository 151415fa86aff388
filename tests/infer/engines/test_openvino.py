from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core.errors import InputError, MissingExtraError
from ingot.infer.engine import greedy
from ingot.infer.engines.openvino import Config, Engine

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino_genai") is None, reason="the extra `openvino` is not installed"
)

# A guard like the one of the test suite, in a fresh interpreter that has imported nothing yet.
QUIET = """
import sys
attempts = []
sys.addaudithook(lambda event, args: attempts.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from ingot.infer.engines.openvino import Config, Engine
Engine(Path(sys.argv[1]), Config(threads=1))
assert sys.modules["openvino_telemetry"] is None
assert "openvino" in sys.modules
print(attempts)
"""


@needs_openvino
def test_it_opens_no_connection(model_folder: Path) -> None:
    command = [sys.executable, "-c", QUIET, str(model_folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_an_installation_without_it_says_what_to_install(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino_telemetry", None)
    monkeypatch.setitem(sys.modules, "openvino", None)  # makes the import fail, as when the package is absent
    with pytest.raises(MissingExtraError) as caught:
        Engine(model_folder, Config())
    assert caught.value.fix == "pip install 'ingot[openvino]'"


@needs_openvino
def test_a_folder_that_was_not_exported_is_refused(model_folder: Path, tmp_path: Path) -> None:
    for path in model_folder.iterdir():
        if path.suffix != ".gguf":
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(InputError, match=r"model-f16\.gguf"):
        Engine(tmp_path, Config())


@needs_openvino
def test_the_mistral_layout_is_read_too(mistral_folder: Path) -> None:
    from ingot.infer.engines import torch as reference  # the plug-in, beside the one under test

    engine = Engine(mistral_folder, Config(threads=1))
    prompt = [engine.codec.bos, *engine.codec.encode("import")]
    expected = greedy(reference.Engine(mistral_folder, reference.Config()), prompt, 32)
    assert greedy(engine, prompt, 32) == expected
    engine.close()
