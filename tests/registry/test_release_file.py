from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.flow.home import Home
from ingot.registry.release import Release, noted
from ingot.registry.release_file import ReleaseFile

_WRITER = """
import sys
from pathlib import Path
from ingot.flow.home import Home
from ingot.registry.release import Release, noted
from ingot.registry.release_file import ReleaseFile

file = ReleaseFile(Home(Path(sys.argv[1])))
for number in range(10**6):
    file.change("acme", lambda old: noted(old or Release("acme", "acme@1"), "writer", f"{number} " + "x" * 20_000))
    print(number, flush=True)
"""


def test_nothing_is_there_before_the_first_change(tmp_path: Path) -> None:
    file = ReleaseFile(Home(tmp_path / "home"))
    assert (file.read(), file.state()) == ({}, None)
    assert file.change("acme", lambda old: None) is None
    assert not file.path.exists()


def test_changes_of_several_writers_all_count(tmp_path: Path) -> None:
    file = ReleaseFile(Home(tmp_path / "home"))

    def write(number: int) -> None:
        file.change("acme", lambda old: noted(old or Release("acme", "acme@1"), "ada", f"step {number}"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(16)))
    assert {event.what for event in file.read()["acme"].history} == {f"step {number}" for number in range(16)}


def test_a_writer_that_is_killed_leaves_what_can_be_read(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = ReleaseFile(home)
    for pause in (0.0, 0.013, 0.031):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(home.path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        written = int(writer.stdout.readline())
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
        writer.wait()
        writer.stdout.close()
        written = max([written, *map(int, rest)])
        last = int(file.read()["acme"].history[-1].what.split()[0])
        assert last >= written  # what a writer was told is kept is kept
    # The lock of a writer that was killed holds nobody up, and what it left half-written goes with the next change.
    file.change("acme", lambda old: noted(old or Release("acme", "acme@1"), "ada", "after"))
    assert file.read()["acme"].history[-1].what == "after"
    assert not list(home.path.glob(".releases.json.*"))


@pytest.mark.parametrize("content", ["", "[]", '{"names": {"acme": {"stable": 1}}}', '{"names": []}', "{"])
def test_a_damaged_file_is_said(tmp_path: Path, content: str) -> None:
    file = ReleaseFile(Home(tmp_path))
    file.path.write_text(content)
    with pytest.raises(InputError) as caught:
        file.read()
    assert str(file.path) in caught.value.where
    assert caught.value.fix
