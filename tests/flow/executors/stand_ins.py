"""Stand-ins for the commands of schedulers: they run a job on this machine. No scheduler was ever near these tests."""

from __future__ import annotations

import sys
from pathlib import Path

_SBATCH = """
import subprocess, sys, os
here = {here!r}
with open(here + "/job.out", "wb") as out:
    job = subprocess.Popen(["bash", sys.argv[-1]], start_new_session=True, stdin=subprocess.DEVNULL, stdout=out,
        stderr=out, env={{**os.environ, "SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "localhost"}})
open(here + "/pid", "w").write(str(job.pid))
print("4711;stand-in")
"""
_KUBECTL = """
import json, re, subprocess, sys, os, signal
here = {here!r}
if sys.argv[1] == "create":
    job = json.load(open(sys.argv[3]))["items"][0]["spec"]["template"]["spec"]["containers"][0]
    command = [re.sub(r"--master-addr=\\S+", "--master-addr=localhost", part) for part in job["command"]]
    own = {{entry["name"]: entry["value"] for entry in job["env"]}}
    with open(here + "/job.out", "wb") as out:
        run = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env={{**os.environ, **own, "JOB_COMPLETION_INDEX": "0"}})
    open(here + "/pid", "w").write(str(run.pid))
elif sys.argv[1] == "get":
    state = os.popen("ps -o stat= -p " + open(here + "/pid").read()).read().strip()
    is_over = not state or state.startswith("Z")
    done = {{"conditions": [{{"type": "Complete", "status": "True"}}]}}
    print(json.dumps({{"status": done if is_over else {{"ready": 1}}}}))
elif sys.argv[1] == "delete":
    try: os.killpg(int(open(here + "/pid").read()), signal.SIGTERM)
    except ProcessLookupError: pass
"""
_SQUEUE = """
import os
state = os.popen("ps -o stat= -p " + open({here!r} + "/pid").read()).read().strip()
print("COMPLETED" if not state or state.startswith("Z") else "RUNNING")
"""
_SCANCEL = """
import os, signal
try: os.killpg(int(open({here!r} + "/pid").read()), signal.SIGTERM)
except ProcessLookupError: pass
"""
_SCONTROL = """
print("localhost")
"""
_SRUN = """
import os, sys
words = [word for word in sys.argv[1:] if not word.startswith("--kill")]
os.execvp(words[0], words)
"""


def install(folder: Path, *names: str) -> None:
    """Write stand-ins into a folder that then goes before others on PATH."""
    sources = {
        "sbatch": _SBATCH,
        "squeue": _SQUEUE,
        "scancel": _SCANCEL,
        "scontrol": _SCONTROL,
        "srun": _SRUN,
        "kubectl": _KUBECTL,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"#!{sys.executable}\n" + sources[name].format(here=str(folder)))
        (folder / name).chmod(0o755)
