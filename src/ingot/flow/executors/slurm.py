"""Train inside a Slurm job; the steps around it run where the command runs. Never run on a real cluster.

The script is submitted with `sbatch` and followed with `squeue` and `sacct`. Partition, account and time limit are best
set as Slurm's own variables (SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT); what is asked of a node stands in
`executors/slurm.yaml` in the home folder, in the fields of `Config`.

Slurm warns a job before it is stopped (`--signal`): members then save and end, and the same command goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from ingot.core.errors import UsageError
from ingot.flow.crew import CrewCall, Ended
from ingot.flow.executors import local
from ingot.flow.scheduled import DONE, RUNNING, WAITING, JobMembers, command, nodes_for, prepared, settings, torchrun

_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "SUSPENDED"})
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "STOPPED"})
# What the cluster did to it, not the job to itself.
_FROM_OUTSIDE = frozenset({"NODE_FAIL", "PREEMPTED", "TIMEOUT", "CANCELLED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY"})


@dataclass(frozen=True)
class Config:
    """What a node gives: processes (one for each GPU, usually), cores and GPUs for each; more lines for `#SBATCH`."""

    processes_per_node: int = 1
    cores_per_process: int = 8
    gpus_per_process: int = 0
    options: tuple[str, ...] = ()
    seconds_to_save: int = 90

    def __post_init__(self) -> None:
        wrong = [option for option in self.options if not option.startswith("--") or "\n" in option]
        if wrong:
            fix = "write it like --qos=normal"
            raise UsageError(f"{wrong[0]!r} is no option of sbatch", where="executors/slurm.yaml, options", fix=fix)


class Executor(local.Executor):
    """Runs steps as the local executor does; the members of a crew are a job's."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self._given = config

    def start(self, call: CrewCall, folder: Path) -> JobMembers:  # type: ignore[override]  # other members, by design
        """Submit a job for the members of a crew."""
        config = self._given or settings(Config, call.request["scratch"], "slurm")
        path = folder / "job.sh"
        path.write_text(render(config, call, prepared(call, folder), folder), encoding="utf-8")
        number = command(["sbatch", "--parsable", str(path)]).strip().split(";")[0]
        return JobMembers(SlurmJob(number), call.size)


def render(config: Config, call: CrewCall, path: Path, folder: Path) -> str:
    """Return the script of the job."""
    nodes = nodes_for(call.size, config.processes_per_node, "slurm")
    asked = {
        "job-name": f"ingot-{call.request['step']}",
        "nodes": nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": config.cores_per_process * config.processes_per_node,
        "output": folder / "job.log",
        "signal": f"TERM@{config.seconds_to_save}",
    }
    if config.gpus_per_process:
        asked["gpus-per-node"] = config.gpus_per_process * config.processes_per_node
    lines = [f"#SBATCH --{name}={quote(str(value))}" for name, value in asked.items()]
    lines += ["#SBATCH --no-requeue", *(f"#SBATCH {option}" for option in config.options)]
    where = ("--rdzv-backend=c10d", '--rdzv-endpoint="$head:$port"', '--rdzv-id="$SLURM_JOB_ID"')
    return "\n".join(
        [
            "#!/bin/bash",
            "# Made by Ingot for one training. Never run on a real cluster.",
            *lines,
            "set -euo pipefail",
            'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            # Two jobs on one node must not take the same port.
            "port=$((20000 + SLURM_JOB_ID % 20000))",
            f"export OMP_NUM_THREADS={config.cores_per_process} PYTHONHASHSEED=0 HF_HUB_OFFLINE=1",
            f"srun --kill-on-bad-exit=1 {torchrun(path, nodes, config.processes_per_node, *where)}",
            "",
        ]
    )


@dataclass(frozen=True)
class SlurmJob:
    """A submitted job, by its number."""

    number: str

    def state(self) -> str | Ended:
        """Ask the queue, and the accounts about a job that has left it."""
        told = command(["squeue", "--noheader", "--format=%T", "--states=all", f"--jobs={self.number}"]).split()
        if not told:
            told = command(["sacct", "-n", "-X", "-P", "-o", "State", "-j", self.number]).split()
        state = told[0] if told else "RUNNING"  # between the two, for a moment, nobody knows it
        if state in _WAITING:
            return WAITING
        if state in _RUNNING:
            return RUNNING
        return DONE if state == "COMPLETED" else Ended(f"Slurm says {state}", state in _FROM_OUTSIDE)

    def ask(self) -> None:
        """Send the signal at which members save and end."""
        command(["scancel", "--signal=TERM", self.number])

    def cancel(self) -> None:
        """Take the job back."""
        command(["scancel", self.number])
