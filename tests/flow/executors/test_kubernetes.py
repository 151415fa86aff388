from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import UsageError
from ingot.flow.crew import Crew, CrewCall
from ingot.flow.executors.kubernetes import Config, Executor, render
from ingot.flow.request import Request
from tests.flow.executors.stand_ins import install

CONFIG = Config("registry.example/ingot:1", "home", 2, 4, gpus_per_process=1, node_labels={"kind": "gpu"})

# The shapes of batch/v1 Job and v1 Service as the API server publishes them (Kubernetes 1.31), for the fields used
# here: a field that is not named is refused, as `--validate=strict` does; `!` marks those that must be there.
TEXT, NUMBER, FLAG, TEXTS = str, int, bool, {"*": str}
META = {"!name": TEXT, "labels": TEXTS}
CONTAINER = {
    "!name": TEXT,
    "!image": TEXT,
    "command": [TEXT],
    "env": [{"!name": TEXT, "value": TEXT}],
    "resources": {"requests": TEXTS, "limits": TEXTS},
    "volumeMounts": [{"!name": TEXT, "!mountPath": TEXT}],
}
POD = {
    "!containers": [CONTAINER],
    "!restartPolicy": TEXT,
    "subdomain": TEXT,
    "terminationGracePeriodSeconds": NUMBER,
    "nodeSelector": TEXTS,
    "volumes": [{"!name": TEXT, "persistentVolumeClaim": {"!claimName": TEXT}, "emptyDir": {"medium": TEXT}}],
}
JOB = {
    "!apiVersion": TEXT,
    "!kind": TEXT,
    "!metadata": META,
    "!spec": {
        "completions": NUMBER,
        "parallelism": NUMBER,
        "completionMode": TEXT,
        "backoffLimit": NUMBER,
        "!template": {"metadata": {"labels": TEXTS}, "!spec": POD},
    },
}
SERVICE = {
    "!apiVersion": TEXT,
    "!kind": TEXT,
    "!metadata": META,
    "!spec": {"clusterIP": TEXT, "publishNotReadyAddresses": FLAG, "selector": TEXTS},
}


def wrong(value: Any, shape: Any, where: str = "") -> list[str]:
    """Return what does not fit a shape."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for number, one in enumerate(value) for fault in wrong(one, shape[0], f"{where}[{number}]")]
    if not isinstance(shape, dict):
        return [] if type(value) is shape else [f"{where} is {value!r}, not {shape.__name__}"]
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    if "*" in shape:
        return [fault for name, one in value.items() for fault in wrong(one, shape["*"], f"{where}.{name}")]
    known = {name.removeprefix("!"): one for name, one in shape.items()}
    missing = [f"{where}.{name[1:]} is missing" for name in shape if name[0] == "!" and name[1:] not in value]
    unknown = [f"{where}.{name} is unknown" for name in value if name not in known]
    inside = [fault for name in value if name in known for fault in wrong(value[name], known[name], f"{where}.{name}")]
    return missing + unknown + inside


def call(folder: Path, size: int = 4) -> CrewCall:
    return CrewCall({"step": "Train_A", "scratch": str(folder)}, size, "env://", str(folder))


def rendered(tmp_path: Path, config: Config = CONFIG) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = tmp_path / "home" / "work" / "step.scratch" / "crew-0123abcd"
    job, service = render(config, call(folder), folder / "call.json", folder)["items"]
    return job, service


def test_the_objects_have_the_published_shapes(tmp_path: Path) -> None:
    job, service = rendered(tmp_path)
    assert (wrong(job, JOB), wrong(service, SERVICE)) == ([], [])
    assert (job["apiVersion"], job["kind"], service["apiVersion"], service["kind"]) == (
        "batch/v1",
        "Job",
        "v1",
        "Service",
    )
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"  # the only other one a Job may have is OnFailure


def test_the_shapes_refuse_what_the_server_would() -> None:
    assert wrong({"apiVersion": 1, "kind": "Job", "metadata": {"name": "a"}, "spec": {"parallel": 2}}, JOB) == [
        ".apiVersion is 1, not str",
        ".spec.template is missing",
        ".spec.parallel is unknown",
    ]


def test_pods_find_the_first_and_see_the_home(tmp_path: Path) -> None:
    job, service = rendered(tmp_path)
    name, pod = job["metadata"]["name"], job["spec"]["template"]["spec"]
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", f"{name}-1023")
    assert service["metadata"]["name"] == pod["subdomain"] == name
    assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (2, 2)
    (container,) = pod["containers"]
    assert f"--master-addr={name}-0.{name}" in container["command"][2]
    assert container["volumeMounts"][0]["mountPath"] == str(tmp_path / "home")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_without_an_image_it_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image is named"):
        rendered(tmp_path, Config())


@pytest.mark.slow
def test_members_are_started_followed_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for kubectl, on this machine; `torchrun` is the real one."""
    scratch = tmp_path / "home" / "work" / "step.scratch"
    scratch.mkdir(parents=True)
    install(tmp_path / "bin", "kubectl")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    request = Request("train", "", {}, {}, {}, str(tmp_path), str(scratch), 2, "kubernetes", processes=2)
    crew = Crew(2, {}, None, Executor(Config("image", "claim", 2, 1)).start, request)
    assert crew.run("tests.flow.executors.test_slurm:ranked") == {"size": 2}
