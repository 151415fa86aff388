"""The steps, called as the runner calls them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from ingot.core.config import literals, load
from ingot.core.plugins import resolve
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors.folder import Config, Connector
from ingot.flow.artifact import Artifact, Record
from ingot.flow.step import StepContext


def ignore(kind: str, /, **fields: Any) -> None:
    """Take no notice of events."""


def artifact(folder: Path, facts: Any) -> Artifact:
    fields: dict[str, Any] = dict.fromkeys(Record.__dataclass_fields__, "")
    return Artifact(folder, Record(**{**fields, "facts": facts, "files": {}}))


def test_read_then_curate(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    generator = random.Random(1)
    for number in range(30):
        words = (f"word{generator.randrange(900)}" for _ in range(100))
        (docs / f"{number}.txt").write_text(" ".join(words), encoding="utf-8")
    sources = {"documents": Connector(Config((str(docs),))).snapshot()}
    for name in ("documents", "dataset"):
        (tmp_path / name).mkdir()
    read = resolve("ingot.data.run:read")
    facts = read(ReadConfig(), {}, StepContext(tmp_path / "documents", tmp_path, 2, ignore, sources))
    assert facts["documents"] == 30
    curate = resolve("ingot.data.run:curate")
    inputs = {"documents": artifact(tmp_path / "documents", facts)}
    facts = curate(CurateConfig(), inputs, StepContext(tmp_path / "dataset", tmp_path, 2, ignore))
    assert facts["documents_kept"] == 30
    tables = {path.name for path in (tmp_path / "dataset").rglob("*.parquet")}
    assert tables == {"train.parquet", "held_out.parquet", "dropped.parquet"}


def test_configs_are_literals() -> None:
    for config in (ReadConfig(access=("a",)), CurateConfig(), TokenizeConfig()):
        assert load(type(config), literals(config), "test") == config
