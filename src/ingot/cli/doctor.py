"""`ingot doctor`: is this machine ready, is the home folder whole? Every problem comes with its mend."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import home_at
from ingot.core.errors import IngotError
from ingot.core.hardware import machine
from ingot.core.plugins import installed_version
from ingot.core.sandbox import missing_layers
from ingot.core.storage import as_size, free_bytes
from ingot.flow.home import Home, damaged_files
from ingot.flow.runs import list_runs

_LEAST_FREE_BYTES = 2_000_000_000
_LEAST_MEMORY_BYTES = 4_000_000_000
_NEEDED = ("torch", "tokenizers", "safetensors", "pyarrow", "xberg", "fastapi")
_OPTIONAL = {"openvino-genai": "openvino"}


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, whether it is fine, and what to do if it is not."""

    name: str
    found: str
    is_fine: bool = True
    fix: str = ""


@click.command()
@click.option("--deep", is_flag=True, help="Also compare every file of every artifact with its recorded hash.")
@shared
def doctor(deep: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Check this machine and the home folder; exit code 1 when something needs mending."""
    home = home_at(home_path)
    checks = [*_machine_checks(), *_package_checks(), *_home_checks(home, deep)]
    if as_json:
        print_json_lines(asdict(check) for check in checks)
    else:
        for check in checks:
            mark = click.style("ok  ", fg="green") if check.is_fine else click.style("mend", fg="red")
            click.echo(f"{mark}  {check.name}: {check.found}" + (f"\n      do now: {check.fix}" if check.fix else ""))
    if not all(check.is_fine for check in checks):
        raise click.exceptions.Exit(1)


def _machine_checks() -> Iterator[Check]:
    here = machine()
    yield Check("python", sys.version.split()[0])
    yield Check("processor", f"{here.processor}, {here.cores} cores, {here.platform}")
    yield Check("bf16", "in hardware: training is about twice as fast" if here.has_bf16 else "no: training uses fp32")
    yield Check("accelerator", here.accelerator or "none: training and serving use the processor")
    enough = here.memory_bytes >= _LEAST_MEMORY_BYTES
    fix = "" if enough else f"builds may need up to {as_size(_LEAST_MEMORY_BYTES)}: take a smaller budget"
    yield Check("memory", as_size(here.memory_bytes), enough, fix)
    lacking = missing_layers()
    yield Check("sandbox", f"parsing goes without: {', '.join(lacking)}" if lacking else "all layers for parsing")


def _package_checks() -> Iterator[Check]:
    for package in _NEEDED:
        version = installed_version(package)
        fix = "" if version else f"pip install {package}"
        yield Check(package, version or "not installed", bool(version), fix)
    for package, extra in _OPTIONAL.items():
        missing = f"not installed (optional: pip install 'ingot[{extra}]' answers faster)"
        yield Check(package, installed_version(package) or missing)


def _home_checks(home: Home, is_deep: bool) -> Iterator[Check]:
    free = free_bytes(home.path)
    enough = free >= _LEAST_FREE_BYTES
    yield Check("disk", f"{as_size(free)} free at {home.path}", enough, "" if enough else "ingot gc --delete")
    interrupted = [run.id for run in list_runs(home) if run.status == "interrupted"]
    if interrupted:
        yield Check("runs", f"{len(interrupted)} interrupted; run the same command again to go on: {interrupted[0]}")
    for name in home.names():
        yield _artifact_check(home, name, is_deep)


def _artifact_check(home: Home, name: str, is_deep: bool) -> Check:
    try:
        versions = home.versions(name)
    except IngotError as error:
        return Check(name, error.what, False, error.fix)
    damaged = [f"{one.path / file}" for one in versions if is_deep for file in damaged_files(one)]
    if damaged:
        fix = "remove that version's folder and run its build again: it is made anew"
        return Check(name, f"damaged: {', '.join(damaged)}", False, fix)
    return Check(name, f"{len(versions)} version{'s' * (len(versions) != 1)}" + (", files as recorded" * is_deep))
