"""Bad input gets what, where, why and what to do now; an exit code; no traceback; and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from pypdf import PdfWriter

from ingot.flow.home import Home
from tests.journeys.conftest import INGOT, SHAPE, Ingot, build_arguments, copy_corpus


def assert_speaks(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert "do now:" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr


def test_no_such_folder(ingot: Ingot, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    assert_speaks(ingot(*build_arguments(tmp_path / "document")), 3, "documents")


def test_a_folder_with_nothing_in_it(ingot: Ingot, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert_speaks(ingot(*build_arguments(tmp_path / "empty")), 3)


def test_a_folder_with_nothing_readable(ingot: Ingot, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.bin").write_bytes(os.urandom(5000))
    (tmp_path / "docs" / "b.txt").write_bytes(os.urandom(5000))
    assert_speaks(ingot(*build_arguments(tmp_path / "docs")), 3)


def test_a_text_of_200_bytes(ingot: Ingot, tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text("Two hundred bytes are not enough to learn a language from. " * 3)
    assert_speaks(ingot(*build_arguments(tmp_path / "small.txt")), 3, "12,000 bytes")


@pytest.mark.parametrize("budget", [("--time", "5s"), ("--steps", "0"), ("--tokens", "10")])
def test_a_budget_too_small(ingot: Ingot, corpus: Path, budget: tuple[str, str]) -> None:
    done = ingot("build", str(corpus), "--name", "acme", *budget)
    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert "do now:" in done.stderr


def test_bad_files_among_good_ones_are_listed_and_left_out(ingot: Ingot, tmp_path: Path) -> None:
    docs = copy_corpus(tmp_path / "docs")
    (docs / "rubbish.txt").write_bytes(bytes(range(256)) * 40)
    (docs / "latin.txt").write_bytes("Größe, Maß und Übermut – naïve façade. ".encode("cp1252") * 30)
    (docs / "torn.docx").write_bytes(b"PK\x03\x04 torn")
    writer = PdfWriter()
    writer.add_blank_page(width=100, height=100)
    writer.encrypt("secret")
    writer.write(docs / "locked.pdf")
    done = ingot(*build_arguments(docs))
    assert done.returncode == 0, done.stdout + done.stderr
    failures = (Home(ingot.home).get("acme-documents").path / "failures.jsonl").read_text()
    for name in ("rubbish.txt", "torn.docx", "locked.pdf"):
        assert name in failures
        assert f"could not read {name}" in done.stdout
    assert "latin.txt" not in failures


def test_a_corrupted_newest_checkpoint_is_set_aside(built: Ingot, ingot: Ingot, corpus: Path) -> None:
    """Stop a build while it trains, flip a byte of its newest checkpoint, and run it again."""
    stop_at = "tests/journeys/stop_in_training.py"
    subprocess.run([sys.executable, stop_at, str(ingot.home), *build_arguments(corpus)], check=True, timeout=120)
    newest = sorted(ingot.home.glob("work/*/checkpoints/step-*"))[-1]
    weights = max(newest.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    done = ingot(*build_arguments(corpus))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "set aside" in done.stdout
    expected, found = (Home(home.home).get("acme-checkpoint").facts["final_loss"] for home in (built, ingot))
    assert found == expected


def is_mountable() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-m", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not is_mountable(), reason="needs the right to mount a small disk (root, unshare -m)")
@pytest.mark.parametrize("megabytes", [1, 3])
def test_a_full_disk(corpus: Path, tmp_path: Path, megabytes: int) -> None:
    """The home lies on a disk of a few megabytes: the build says so, and keeps what was finished."""
    small = tmp_path / "small"
    small.mkdir()
    build = " ".join([INGOT, *build_arguments(corpus), "--home", f"{small}/home"])
    script = f"mount -t tmpfs -o size={megabytes}m tmpfs {small} && {build}"
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, timeout=180)
    assert_speaks(done, 5, "free")


def test_unknown_plugin_kind_in_a_recipe(ingot: Ingot, corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    ingot("build", str(corpus), "--name", "acme", *SHAPE, "--dry-run", "--write-recipe", str(recipe))
    recipe.write_text(recipe.read_text().replace("connector: folder", "connector: foldr"))
    assert_speaks(ingot("run", str(recipe)), 2, "did you mean 'folder'?")


def test_odd_names_links_to_themselves_and_a_single_held_out_document(ingot: Ingot, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number, package in enumerate(("argparse", "ast")):
        shutil.copy(Path(sysconfig.get_path("stdlib")) / f"{package}.py", docs / f"doc{number}.txt")
    os.rename(docs / "doc1.txt", os.fsencode(docs) + b"/bad\xff.txt")
    (docs / "loop").symlink_to(docs / "loop")
    done = ingot(*build_arguments(docs))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept" in done.stdout
    assert "too few held-out documents" in done.stdout


def test_a_damaged_model_is_found_by_its_exit_code(built: Ingot, tmp_path: Path) -> None:
    home = shutil.copytree(built.home, tmp_path / "home")
    weights = home / "artifacts" / "acme" / "1" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 1
    weights.write_bytes(content)
    done = Ingot(home)("doctor", "--deep")
    assert done.returncode == 1
    assert "damaged" in done.stdout
