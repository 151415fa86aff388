from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.evaluate.config import AuditConfig
from ingot.flow.home import Home
from ingot.recipes.audit import audit
from ingot.recipes.quickstart import Choices, quickstart
from tests.registry.made import add


def test_a_model_is_audited_by_its_checkpoint_and_the_shards_behind_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shards, old = add(home, "acme-shards", "Shards"), add(home, "acme-old-shards", "Shards")
    tokenizer = add(home, "acme-tokenizer", "Tokenizer")
    reads = {"shards": shards.reference, "old": old.reference, "tokenizer": tokenizer.reference}
    checkpoint = add(home, "acme-checkpoint", "Checkpoint", **reads)
    model = add(home, "acme", checkpoint=checkpoint.reference)
    for asked in (model, checkpoint):
        step, given = audit(asked, home, AuditConfig())
        assert given == {"checkpoint": checkpoint, "shards": shards, "old": old}
        assert (step.artifact, step.kind, set(step.inputs)) == ("acme-audit", "Audit", set(given))


def test_adapters_are_audited_beside_the_model_they_started_from(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shards, start = add(home, "sales-shards", "Shards"), add(home, "acme-checkpoint", "Checkpoint")
    checkpoint = add(home, "sales-checkpoint", "Checkpoint", shards=shards.reference, start=start.reference)
    model = add(home, "sales", "Adapter", adapters=checkpoint.reference)
    _, given = audit(model, home, AuditConfig())
    assert given == {"checkpoint": checkpoint, "shards": shards, "start": start}


def test_it_is_the_step_that_ends_a_build(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shards = add(home, "acme-shards", "Shards")
    checkpoint = add(home, "acme-checkpoint", "Checkpoint", shards=shards.reference)
    step, given = audit(checkpoint, home, AuditConfig())
    built = {one.name: one for one in quickstart("acme", ["docs"], Choices(seconds=60.0))}["audit"]
    assert (step.run, step.version, step.config) == (built.run, built.version, built.config)
    assert set(given) == set(built.inputs)


def test_a_model_whose_checkpoint_is_gone_is_audited_without_its_text(tmp_path: Path) -> None:
    home = Home(tmp_path)
    model = add(home, "acme", checkpoint="acme-checkpoint@1")
    _, given = audit(model, home, AuditConfig())
    assert given == {"checkpoint": model}


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(InputError, match="is a Dataset, which knows nothing by heart"):
        audit(add(home, "acme-dataset", "Dataset"), home, AuditConfig())
