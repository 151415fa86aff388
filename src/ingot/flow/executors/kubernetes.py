"""Train inside a Kubernetes Job; the steps around it run where the command runs. Never run on a real cluster.

An Indexed Job (batch/v1) of one pod for each node, and a Service without an address by which the pods find the first,
are created with `kubectl`, whose context and namespace count. `executors/kubernetes.yaml` in the home folder names the
image with this version of Ingot and the volume claim that holds the home, in the fields of `Config`.

A pod that is to go gets a signal first: members then save and end, and the same command goes on from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import UsageError
from ingot.flow.crew import CrewCall, Ended
from ingot.flow.executors import local
from ingot.flow.scheduled import DONE, RUNNING, WAITING, JobMembers, command, nodes_for, prepared, settings, torchrun

_PORT = 29_500
_LONGEST_NAME = 50  # of 63, because each pod's adds its number


@dataclass(frozen=True)
class Config:
    """The image, the claim that holds the home folder, and what a pod asks for; further node labels it must have."""

    image: str = ""
    claim: str = ""
    processes_per_node: int = 1
    cores_per_process: int = 8
    memory: str = "32Gi"
    gpus_per_process: int = 0
    node_labels: Mapping[str, str] = field(default_factory=dict)
    seconds_to_save: int = 90


class Executor(local.Executor):
    """Runs steps as the local executor does; the members of a crew are a job's."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self._given = config

    def start(self, call: CrewCall, folder: Path) -> JobMembers:  # type: ignore[override]  # other members, by design
        """Create a job for the members of a crew."""
        config = self._given or settings(Config, call.request["scratch"], "kubernetes")
        objects = render(config, call, prepared(call, folder), folder)
        path = folder / "job.json"
        path.write_text(json.dumps(objects, indent=1), encoding="utf-8")
        command(["kubectl", "create", "-f", str(path)])
        return JobMembers(KubernetesJob(objects["items"][0]["metadata"]["name"]), call.size)


def render(config: Config, call: CrewCall, path: Path, folder: Path) -> dict[str, Any]:
    """Return the list of objects to create. Raises UsageError when the image or the claim is not named."""
    for name in ("image", "claim"):
        if not getattr(config, name):
            raise UsageError(f"no {name} is named", where="executors/kubernetes.yaml", fix=f"add a line {name}: ...")
    nodes = nodes_for(call.size, config.processes_per_node, "kubernetes")
    name = _name(call.request["step"], folder)
    where = ('--node-rank="$JOB_COMPLETION_INDEX"', f"--master-addr={name}-0.{name}", f"--master-port={_PORT}")
    shell = f"exec {torchrun(path, nodes, config.processes_per_node, *where)}"
    labels = {"app.kubernetes.io/name": "ingot", "ingot/crew": name}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        # Without an address of its own it gives each pod a name, also before the pod is ready.
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"ingot/crew": name}},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "completions": nodes,
            "parallelism": nodes,
            "completionMode": "Indexed",
            "backoffLimit": 0,  # one lost pod ends the crew; the step is then tried again, from its checkpoint
            "template": {"metadata": {"labels": labels}, "spec": _pod(config, name, shell, folder)},
        },
    }
    return {"apiVersion": "v1", "kind": "List", "items": [job, service]}


def _pod(config: Config, name: str, shell: str, folder: Path) -> dict[str, Any]:
    count = config.processes_per_node
    asked: dict[str, str] = {"cpu": str(config.cores_per_process * count), "memory": config.memory}
    if config.gpus_per_process:
        asked["nvidia.com/gpu"] = str(config.gpus_per_process * count)
    fixed = {"OMP_NUM_THREADS": str(config.cores_per_process), "PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"}
    home = str(folder.parent.parent.parent)
    container = {
        "name": "members",
        "image": config.image,
        "command": ["bash", "-c", shell],
        "env": [{"name": key, "value": value} for key, value in fixed.items()],
        "resources": {"requests": asked, "limits": asked},
        # Processes of one pod hand tensors to one another in shared memory, of which a pod has 64 MB otherwise.
        "volumeMounts": [{"name": "home", "mountPath": home}, {"name": "shared-memory", "mountPath": "/dev/shm"}],
    }
    return {
        "restartPolicy": "Never",
        "subdomain": name,
        "terminationGracePeriodSeconds": config.seconds_to_save,
        "nodeSelector": dict(config.node_labels),
        "containers": [container],
        "volumes": [
            {"name": "home", "persistentVolumeClaim": {"claimName": config.claim}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        ],
    }


def _name(step: str, folder: Path) -> str:
    """Return a name that a host may have, and that no other crew has."""
    unique = folder.name.removeprefix("crew-")
    plain = re.sub(r"[^a-z0-9]+", "-", f"ingot-{step}".lower()).strip("-")
    return f"{plain[: _LONGEST_NAME - len(unique) - 1].strip('-')}-{unique}"


@dataclass(frozen=True)
class KubernetesJob:
    """A created job, by its name."""

    name: str

    def state(self) -> str | Ended:
        """Ask for the job's status."""
        told = command(["kubectl", "get", "job", self.name, "--ignore-not-found", "-o", "json"])
        if not told.strip():
            return Ended("the job is gone", is_killed=True)
        status = json.loads(told).get("status", {})
        for condition in status.get("conditions", ()):
            if condition["status"] != "True":
                continue
            if condition["type"] == "Complete":
                return DONE
            if condition["type"] == "Failed":
                # A pod that is evicted and one whose process fails look alike here: members that fail say so.
                return Ended(f"Kubernetes says {condition.get('reason', 'Failed')}", is_killed=True)
        return RUNNING if status.get("ready") else WAITING

    def ask(self) -> None:
        """Take the pods back; each gets a signal first, and time to save."""
        self.cancel()

    def cancel(self) -> None:
        """Delete the job, its pods and its service."""
        command(["kubectl", "delete", f"job/{self.name}", f"service/{self.name}", "--ignore-not-found", "--wait=false"])
