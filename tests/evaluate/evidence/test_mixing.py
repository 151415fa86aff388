from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import UsageError
from ingot.core.tables import parts, read_rows
from ingot.data.config import CurateConfig
from ingot.data.pipeline import curate_documents
from ingot.evaluate.evidence.config import MixConfig
from ingot.evaluate.evidence.mixing import mix
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from tests.evaluate.small_build import artifact, build, silent, some_texts


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Artifact]:
    """An own dataset of a few modules, and a general one of the others."""
    place = tmp_path_factory.mktemp("both")
    texts = {uri: text for uri, text in some_texts().items() if text.strip()}
    rooms = {"own": ("http", "html"), "general": ("email", "json", "logging", "urllib")}
    found = {}
    for name, of in rooms.items():
        documents = build(place / name, {uri: text for uri, text in texts.items() if uri.startswith(of)})["documents"]
        out = place / f"{name}-dataset"
        out.mkdir()
        facts = curate_documents(documents.path, CurateConfig(filters=()), StepContext(out, place, 1, silent))
        found[name] = artifact(f"acme-{name}", out, facts)
    return found


def mixed(folder: Path, both: Mapping[str, Artifact], share: float) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    folder.mkdir()
    facts = mix(MixConfig(share), both, StepContext(folder, folder, 1, silent))
    return facts, list(read_rows(parts(folder, "train"), ("doc_id", "uri", "text")))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.8])
def test_the_share_is_by_bytes(tmp_path: Path, both: Mapping[str, Artifact], share: float) -> None:
    facts, rows = mixed(tmp_path / "mix", both, share)
    own = sum(len(row["text"].encode()) for row in rows if row["uri"].startswith(("http", "html")))
    total = sum(len(row["text"].encode()) for row in rows)
    assert facts["train_bytes"] == total
    assert facts["own_bytes"] == own
    assert own / total == pytest.approx(share, abs=0.1)  # whole documents, of which there are few
    assert facts["own_share"] == pytest.approx(own / total, abs=1e-4)
    assert len({row["doc_id"] for row in rows}) == len(rows)


def test_nothing_held_out_is_trained_on(tmp_path: Path, both: Mapping[str, Artifact]) -> None:
    _, rows = mixed(tmp_path / "mix", both, 0.2)
    held_out = {row["doc_id"] for row in read_rows(parts(tmp_path / "mix", "held_out"), ("doc_id",))}
    assert held_out
    assert not held_out & {row["doc_id"] for row in rows}


def test_a_share_of_all_or_nothing_is_no_mix() -> None:
    with pytest.raises(UsageError, match="is no mix"):
        MixConfig(1.0)
