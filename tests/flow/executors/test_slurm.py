from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import StepError, UsageError
from ingot.flow.crew import Crew, CrewCall
from ingot.flow.executors.slurm import Config, Executor, render
from ingot.flow.request import Request
from tests.flow.executors.stand_ins import install

# Options of sbatch that the script may use (`man sbatch`, Slurm 24.11).
KNOWN = {
    *("job-name", "nodes", "ntasks-per-node", "cpus-per-task", "gpus-per-node", "output", "signal", "no-requeue"),
    *("qos", "partition", "account", "time", "mem", "constraint", "exclusive"),
}


@dataclass(frozen=True)
class Nothing:
    """The step below has nothing to set."""


def ranked(config: Nothing, inputs: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """A step for these tests: every member says who it is."""
    place = context.crew.place
    (context.scratch / f"was-{place.rank}-of-{place.size}-at-{place.meeting.replace('/', '')}").touch()
    context.emit("note", text=f"rank {place.rank}")
    return {"size": place.size}


def call(folder: Path, size: int) -> CrewCall:
    return CrewCall({"step": "it's training", "scratch": str(folder)}, size, "env://", str(folder))


def test_the_script_is_one_that_sbatch_and_bash_read(tmp_path: Path) -> None:
    config = Config(4, gpus_per_process=1, options=("--qos=long", "--exclusive"))
    text = render(config, call(tmp_path, 8), tmp_path / "call.json", tmp_path)
    (tmp_path / "job.sh").write_text(text)
    assert subprocess.run(["bash", "-n", str(tmp_path / "job.sh")], check=False).returncode == 0
    options = re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", text, re.MULTILINE)
    assert {name for name, _ in options} <= KNOWN
    assert len(options) == len(re.findall(r"^#SBATCH", text, re.MULTILINE))
    asked = dict(options)
    assert (asked["nodes"], asked["ntasks-per-node"], asked["gpus-per-node"], asked["cpus-per-task"]) == (
        *("2", "1", "4"),
        "32",
    )
    assert "--nnodes=2 --nproc-per-node=4" in text
    # Slurm reads its options up to the first command.
    assert text.rindex("#SBATCH") < text.index("set -euo")


def test_what_does_not_fill_nodes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="6 processes do not fill nodes of 4") as raised:
        render(Config(4), call(tmp_path, 6), tmp_path / "call.json", tmp_path)
    assert "--processes 4" in raised.value.fix
    with pytest.raises(UsageError, match="no option of sbatch"):
        Config(options=("rm -rf\n",))


def test_without_slurm_it_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match="the command sbatch is not on this machine"):
        Executor().start(call(tmp_path, 1), tmp_path)


@pytest.mark.slow
def test_members_are_started_followed_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins for Slurm's commands, on this machine; `torchrun` is the real one."""
    scratch = tmp_path / "home" / "work" / "step.scratch"
    (tmp_path / "home/executors").mkdir(parents=True)
    (tmp_path / "home/executors/slurm.yaml").write_text("processes_per_node: 2\ncores_per_process: 1\n")
    scratch.mkdir(parents=True)
    install(tmp_path / "bin", "sbatch", "squeue", "scancel", "scontrol", "srun")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    request = Request("train", "", {}, {}, {}, str(tmp_path), str(scratch), 2, "slurm", processes=2)
    told: list[tuple[str, dict[str, Any]]] = []
    crew = Crew(2, {}, None, Executor().start, request, lambda kind, **fields: told.append((kind, fields)))
    facts = crew.run(f"{__name__}:ranked")
    assert facts == {"size": 2}
    assert {path.name for path in scratch.glob("was-*")} == {"was-0-of-2-at-env:", "was-1-of-2-at-env:"}
    assert ("note", {"text": "rank 0"}) in told
