"""Everything a build has made when evaluation begins, at the smallest size: real files, a model with drawn weights."""

from __future__ import annotations

import email
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import torch

from ingot.core.tables import SHARDS_FOLDER, parts, read_rows, shard_name
from ingot.data.config import CurateConfig
from ingot.data.document import SCHEMA, Document, as_documents
from ingot.data.document import Piece as TextPiece
from ingot.data.pipeline import curate_documents
from ingot.data.shards import tokenize
from ingot.flow.artifact import Artifact, Record
from ingot.flow.source import SourceItem
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.plan.config import PlanConfig
from ingot.plan.here import Here
from ingot.plan.paying import Power
from ingot.plan.run import plan_facts
from ingot.plan.throughput import Measurement, Throughput
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

CONTEXT = 64
HERE = Here(Throughput((Measurement(1e7, 1e4),), is_measured=True), 2, Power(65.0, "estimated"))
# A document that tries to run something in whoever reads the report.
HOSTILE = "<script>alert('from a document')</script><img src=x onerror=alert(1)> & \"quotes\" "


def silent(kind: str, /, **fields: Any) -> None:
    """Report to nobody."""


def build(folder: Path, texts: Mapping[str, str] | None = None) -> dict[str, Artifact]:
    """Make the inputs of the evaluate step below `folder`."""
    places = {name: folder / name for name in ("documents", "dataset", "plan", "tokenizer", "shards", "checkpoint")}
    for place in places.values():
        place.mkdir(parents=True)
    read = _documents(texts or some_texts(), places["documents"])
    dataset = curate_documents(places["documents"], CurateConfig(), StepContext(places["dataset"], folder, 1, silent))
    config = PlanConfig(dataset["train_bytes"], dataset["held_out_bytes"], steps=6, vocabulary=512, width=64, layers=2)
    plan = plan_facts(config, HERE)
    rows = [row["text"] for row in read_rows(parts(places["dataset"], "train"), ("text",))]
    write(learn(rows, 512), places["tokenizer"])
    shards = tokenize(places["dataset"], places["tokenizer"], places["shards"], 0, silent, 1)
    checkpoint = _checkpoint(places["tokenizer"], places["checkpoint"])
    tokenizer = {"vocabulary": Codec.load(places["tokenizer"]).vocabulary}
    facts = {
        "documents": read,
        "dataset": dataset,
        "plan": plan,
        "tokenizer": tokenizer,
        "shards": shards,
        "checkpoint": checkpoint,
    }
    return {name: artifact(f"acme-{name}", places[name], facts[name]) for name in places}


def some_texts() -> dict[str, str]:
    """Return real text that every machine has: modules of the standard library."""
    library = Path(email.__file__).parent.parent
    paths = sorted(
        path
        for room in ("email", "json", "logging", "html", "http", "urllib")
        for path in (library / room).glob("*.py")
    )
    return {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8")[:3000] for path in paths}


def artifact(name: str, path: Path, facts: Mapping[str, Any], **inputs: str) -> Artifact:
    """Return an artifact with a record such as a run leaves."""
    nothing: dict[str, Any] = {}
    record = Record(
        name=name,
        version=1,
        kind=name.removeprefix("acme-").capitalize(),
        fingerprint=f"{name}-fingerprint",
        step=name,
        run="",
        step_version=1,
        config=nothing,
        inputs=inputs,
        input_fingerprints=nothing,
        decided_by=nothing,
        sources=nothing,
        facts=facts,
        files=nothing,
        made_by=nothing,
        code=nothing,
        started="2026-01-01T00:00:00Z",
        finished="2026-01-01T00:01:00Z",
        seconds=60.0,
        joules=1800.0,
        energy_method="estimated",
    )
    return Artifact(path, record)


def _documents(texts: Mapping[str, str], folder: Path) -> dict[str, Any]:
    documents = [document for uri, text in texts.items() for document in _as_documents(uri, text)]
    rows = [document.as_row() for document in documents]
    shard = folder / SHARDS_FOLDER / shard_name(0)
    shard.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), shard / "documents.parquet")
    failure = {"uri": f"{HOSTILE}.pdf", "parser": "pdf", "reason": "it has a password", "fix": "remove the password"}
    (folder / "failures.jsonl").write_text(json.dumps(failure) + "\n", encoding="utf-8")
    size = sum(len(text.encode()) for text in texts.values())
    return {
        "files": len(texts) + 1,
        "documents": len(rows),
        "failed": 1,
        "bytes": size,
        "failures_by_reason": {"it has a password": 1},
    }


def _as_documents(uri: str, text: str) -> list[Document]:
    size = len(text.encode())
    item = SourceItem(uri, uri, size, uri, 0.0)
    return list(as_documents(iter([TextPiece(text, 0, size)]), item, media_type="text/plain", parser="text"))


def _checkpoint(tokenizer: Path, folder: Path) -> dict[str, Any]:
    codec = Codec.load(tokenizer)
    config = ModelConfig(codec.vocabulary, 32, 2, 2, 1, 16, 64, context=CONTEXT)
    torch.manual_seed(3)
    save(Decoder(config), folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    for path in tokenizer.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    curve = [
        {"step": step, "tokens": step * 256, "loss": 6.5 - step / 3}
        | ({"held_out_bits_per_byte": 4 - step / 5} if step % 2 == 0 else {})
        for step in range(1, 7)
    ]
    (folder / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in curve), encoding="utf-8")
    sizes = {"parameters": config.parameters, "model": asdict(config)}
    return {**sizes, "steps": 6, "tokens": 1536, "tokens_per_second": 9000.0, "final_loss": 4.5}
