"""Recipes in the documentation run, from their files to their artifacts, and do what the page says of them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ingot.cli.main import run
from ingot.data.explore import rows
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.reference_sets import LEASE, VISIT, sentences

_RECIPE = re.compile(r"^```yaml\n(# (\S+\.yaml)\nsteps:\n.*?)^```", re.MULTILINE | re.DOTALL)
EXAM = (
    "Question seven: a lodger who keeps bees on the balcony of a flat asks whether the owner may forbid it, "
    "and who answers for stings suffered by the neighbours below during the summer months."
)
LEASES, VISITS = sentences(LEASE, 200), sentences(VISIT, 200)


def recipes(page: Path) -> Iterator[tuple[str, str]]:
    for match in _RECIPE.finditer(page.read_text(encoding="utf-8")):
        yield match[2], match[1]


@pytest.fixture
def place(tmp_path: Path, repository: Path) -> Path:
    """A folder with documents and the recipes of all pages, as their readers would save them."""
    docs = tmp_path / "my-docs"
    docs.mkdir()
    for number in range(20):
        for kind, texts in (("lease", LEASES), ("visit", VISITS)):
            (docs / f"{kind}{number:02}.txt").write_text("\n".join(texts[number * 8 : number * 8 + 8]) + "\n")
    (docs / "leaked.txt").write_text(f"{EXAM}\nFiled by the office.\n")
    for page in sorted((repository / "docs").rglob("*.md")):
        for name, text in recipes(page):
            (tmp_path / name).write_text(text)
    return tmp_path


def ingot(home: Path, *words: str) -> None:
    assert run([*words, "--home", str(home), *(("--cores", "1") if words[0] == "run" else ())]) == 0


def labelled(home: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Label every document by one key each, as a person who prefers leases would."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("s" * 100))
        ingot(home, "data", "label", "acme-dataset", "--out", str(out.with_suffix(".order")), "--json")
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        keys = ("g" if "lease" in event["uri"] else "b" for event in printed if event["kind"] == "document")
        patch.setattr("sys.stdin", io.StringIO("".join(keys)))
        ingot(home, "data", "label", "acme-dataset", "--out", str(out), "--count", "30")


@pytest.mark.slow
def test_curation_by_example(place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content: dict[str, Any] = yaml.safe_load((place / "curated.yaml").read_text())
    plain = {name: dict(content["steps"][name]) for name in ("documents", "dataset")}
    plain["dataset"] |= {"inputs": {"documents": "documents"}, "config": {}}
    (place / "plain.yaml").write_text(yaml.safe_dump({"steps": plain}))
    ingot(ingot_home, "run", str(place / "plain.yaml"))
    labelled(ingot_home, place / "labels.jsonl", capsys)
    for folder, text in (("exams", EXAM), ("wording", "\n".join(LEASES))):
        (place / folder).mkdir()
        (place / folder / "text.txt").write_text(text)

    ingot(ingot_home, "run", str(place / "curated.yaml"))

    home = Home(ingot_home)
    assert home.get("acme-exam-index").facts["texts"] == 1
    assert home.get("acme-quality").facts["auc"] > 0.9
    found = {row["uri"].rpartition("/")[2]: row for row in rows(home.get("acme-dataset@2").path)}
    assert found["leaked.txt"]["table"] == "dropped"
    assert found["leaked.txt"]["reason"] == "stands in an exam"
    assert found["leaked.txt"]["contaminated_by"] == "exams"
    assert found["lease00.txt"]["contaminated_share"] == 0
    assert found["lease00.txt"]["quality"] > 0.5 > found["visit00.txt"]["quality"]
    assert found["lease00.txt"]["perplexity"] < found["visit00.txt"]["perplexity"]


def test_a_build_with_the_steps_of_the_page(place: Path, ingot_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    ingot(ingot_home, *("build", "./my-docs", "--name", "acme", "--dry-run", "--write-recipe", "acme.yaml"))
    built = yaml.safe_load((place / "acme.yaml").read_text())["steps"]
    added = yaml.safe_load((place / "curated.yaml").read_text())["steps"]
    dataset = added["dataset"]
    built["dataset"] |= {"inputs": dataset["inputs"], "config": built["dataset"]["config"] | dataset["config"]}
    whole = {**{name: step for name, step in added.items() if name not in built}, **built}
    (place / "acme.yaml").write_text(yaml.safe_dump({"steps": whole}))
    ingot(ingot_home, "run", "acme.yaml", "--dry-run")


def general_model(folder: Path) -> Codec:
    """Write a small model as others publish theirs."""
    torch.manual_seed(0)
    tokenizer = learn(VISITS, 512)
    sizes = {"width": 64, "layers": 1, "heads": 2, "kv_heads": 1, "head_width": 32, "ffn_width": 128}
    save(Decoder(ModelConfig(vocabulary=512, context=64, **sizes)), folder, SpecialTokens(0, (1,), 2))
    write(tokenizer, folder)
    return Codec(tokenizer)


@pytest.mark.slow
def test_a_vocabulary_is_extended_and_a_model_moved_to_it(
    place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = general_model(place / "general-model")
    ingot(ingot_home, "run", str(place / "extend.yaml"))
    home = Home(ingot_home)
    tokenizer, start = home.get("acme-tokenizer"), home.get("acme-start")
    new = Codec.load(tokenizer.path)
    assert new.terms == ("XK-4711", "acetylsalicylic acid")
    assert old.vocabulary < new.vocabulary <= 768
    assert tokenizer.facts["beside"]["saved"] > 0
    moved = load(start.path)
    assert moved.config.vocabulary == new.vocabulary == start.facts["vocabulary"]
    before = load(home.get("general").path).state_dict()["embed_tokens.weight"]
    assert torch.equal(moved.state_dict()["embed_tokens.weight"][:512], before)

    capsys.readouterr()
    ingot(ingot_home, "data", "tokens", "acme-tokenizer")
    shown = capsys.readouterr().out
    assert "tokens per word" in shown
    assert "GPT-2" in shown


@pytest.mark.slow
def test_a_model_goes_on_learning_beside_what_it_knew(place: Path, ingot_home: Path) -> None:
    general_model(place / "general-model")
    (place / "old-docs").mkdir()
    for number in range(20):
        (place / f"old-docs/visit{number:02}.txt").write_text("\n".join(VISITS[number * 8 : number * 8 + 8]) + "\n")
    ingot(ingot_home, "run", str(place / "continue.yaml"))
    home = Home(ingot_home)
    start, checkpoint = home.get("acme-start"), home.get("acme-checkpoint")
    assert checkpoint.facts["model"] == start.facts["model"]
    assert checkpoint.facts["epochs"].keys() == {"shards", "old"}
    figures = [checkpoint.facts[f"held_out_bits_per_byte{name}"] for name in ("", ".shards", ".old")]
    assert min(figures[1:]) <= figures[0] <= max(figures[1:])
    before, after = load(start.path), load(checkpoint.path)
    assert after.config == before.config
    assert not torch.equal(after.embed_tokens.weight, before.embed_tokens.weight)


@pytest.mark.slow
def test_texts_are_told_apart_and_found(place: Path, ingot_home: Path) -> None:
    general_model(place / "general-model")
    labels = [{"text": text, "label": name} for name, texts in (("lease", LEASES), ("visit", VISITS)) for text in texts]
    pairs = [{"query": text[: len(text) // 2], "positive": text[len(text) // 2 :]} for text in LEASES]
    for name, records in (("labels", labels), ("pairs", pairs)):
        (place / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    ingot(ingot_home, "run", str(place / "classify.yaml"))
    ingot(ingot_home, "run", str(place / "embed.yaml"))
    home = Home(ingot_home)
    assert home.get("acme-classifier").facts["macro_f1"] > 0.9
    assert home.get("acme-embedder").facts["recall_at_10"] >= home.get("acme-embedder").facts["recall_at_1"]
    assert (home.get("acme-embedder").path / "modules.json").is_file()


@pytest.mark.slow
def test_a_plan_takes_what_was_measured(place: Path, ingot_home: Path) -> None:
    ingot(ingot_home, "run", str(place / "measured.yaml"))
    home = Home(ingot_home)
    plan, largest, tokenizer = (home.get(f"acme-{name}") for name in ("plan", "largest-tokenizer", "tokenizer"))
    assert plan.facts["bytes_per_token"] == "measured"
    assert tokenizer.facts["vocabulary"] == min(plan.facts["vocabulary"], largest.facts["vocabulary"])


def test_every_recipe_of_the_pages_is_run(repository: Path) -> None:
    found = {name for page in (repository / "docs").rglob("*.md") for name, _ in recipes(page)}
    here = {"classify.yaml", "continue.yaml", "curated.yaml", "embed.yaml", "extend.yaml", "measured.yaml"}
    # Of test_preferences, test_rewards, test_evaluation and test_audit.
    beside = {"prefer.yaml", "rate.yaml", "reward.yaml", "without-exam.yaml", "with-canaries.yaml"}
    assert found == here | beside
