"""What Landlock leaves of the file system; in a process of its own, as it is for good."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ingot.core.landlock import interface_version

SCRIPT = """
import ctypes, json, os, sys
from ingot.core.landlock import restrict_files
allowed, other, single = sys.argv[1:]
held = os.open(os.path.join(other, "file"), os.O_RDONLY)
assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0

def attempt(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

is_restricted = restrict_files([allowed, single, "/no/such/folder"])
acts = {
    "read": lambda: open(os.path.join(allowed, "file")).close(),
    "list": lambda: os.listdir(allowed),
    "read single": lambda: open(single).close(),
    "read other": lambda: open(os.path.join(other, "file")).close(),
    "list other": lambda: os.listdir(other),
    "through a link": lambda: open(os.path.join(allowed, "link")).close(),
    "write": lambda: open(os.path.join(allowed, "file"), "w").close(),
    "make": lambda: os.mkdir(os.path.join(allowed, "new")),
    "remove": lambda: os.remove(os.path.join(allowed, "file")),
    "opened before": lambda: os.read(held, 10),
    "opened before, again": lambda: os.open(f"/proc/self/fd/{held}", os.O_RDONLY),
}
print(json.dumps([is_restricted, {name: attempt(act) for name, act in acts.items()}]))
"""


def test_only_what_is_named_can_be_read(tmp_path: Path) -> None:
    for name in ("allowed", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("text", encoding="utf-8")
    (tmp_path / "allowed/link").symlink_to(tmp_path / "other/file")
    (tmp_path / "single").write_text("text", encoding="utf-8")
    paths = [str(tmp_path / name) for name in ("allowed", "other", "single")]
    ended = subprocess.run([sys.executable, "-c", SCRIPT, *paths], capture_output=True, text=True, check=True)
    is_restricted, found = json.loads(ended.stdout)
    assert is_restricted == (interface_version() > 0)
    open_to_all = {"read", "list", "read single", "opened before"}
    expected = {name: "done" if name in open_to_all else "PermissionError" for name in found}
    assert not is_restricted or found == expected
    assert (tmp_path / "other/file").exists()
