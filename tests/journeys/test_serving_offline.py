"""Nothing a server does, in any of its processes, reaches for another machine: counted, not only refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core.config import literals
from ingot.flow.home import Home
from ingot.infer.exporters.gguf import Config, export
from ingot.infer.run import MODEL_FILE
from ingot.model.convert import read_config
from tests.infer.tiny_model import make_model
from tests.registry.made import add

ROOT = Path(__file__).parents[2]
_UNSHARE = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def has_namespaces() -> bool:
    """Say whether a network of one's own can be made here, as .ci/run needs it too."""
    if not all(map(shutil.which, ("unshare", "ip"))):
        return False
    return subprocess.run([*_UNSHARE, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_namespaces(), reason="needs network namespaces")
def test_chat_embeddings_metrics_and_trainings_send_nothing_out(tmp_path: Path) -> None:
    pytest.importorskip("openvino_genai")
    pytest.importorskip("xllamacpp")
    model = make_model(tmp_path / "tiny")
    export(model, model / MODEL_FILE, Config())
    (tmp_path / "pooling.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    home = Home(tmp_path / "home")
    facts = {"kind": "chat", "engine": "torch", "model": literals(read_config(model))}
    files = {path.name: path for path in model.iterdir()}
    add(home, "acme", files={**files, "1_Pooling/config.json": tmp_path / "pooling.json"}, facts=facts)
    command = [*_UNSHARE, sys.executable, "-m", "tests.journeys.offline_child", str(home.path)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    said = json.loads(child.stdout.splitlines()[-1])
    assert said["is_proved"]  # a packet to the world is seen
    assert said["destinations"] == []
    assert len(said["answers"]) == 8
    assert set(said["answers"]) <= {"length", "stop", "200", "1"}
