from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ingot.core.hardware import Machine
from ingot.evaluate.bits import Interval
from ingot.evaluate.report import Report, render
from ingot.evaluate.samples import Sample
from ingot.evaluate.story import Scores
from ingot.flow.artifact import Artifact
from tests.evaluate.small_build import HOSTILE, artifact

SCORES = Scores(Interval(1.5, 1.4, 1.6), 1.3, 1.8, "6-gram of bytes, Witten-Bell", 30, 9000, 10**7, 10**7)
MACHINE = Machine(2, 8 << 30, True, None, "some processor", "Linux x86_64")
SAMPLES = [Sample(f"{HOSTILE}.txt", HOSTILE, f"continued {HOSTILE}", 9)]


class Tags(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.names[-1:] != ["style"]:
            self.text += f" {data}"


@pytest.fixture
def report(made: Mapping[str, Artifact]) -> Report:
    return Report(made, SCORES, SAMPLES, MACHINE)


def test_text_of_documents_is_inert(report: Report) -> None:
    page = Tags(render(report))
    assert not {"script", "img", "iframe", "object", "link", "form"} & set(page.names)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    # It is shown, not removed.
    assert "<script>alert('from a document')</script>" in page.text


def test_nothing_is_loaded_from_anywhere(report: Report) -> None:
    html = render(report)
    page = Tags(html)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert not [pair for pair in page.attributes if pair[0] in ("src", "href", "action", "srcset")]
    assert not re.search(r"url\(|@import", html)


def test_a_manager_finds_what_went_in_what_came_out_and_what_to_do_next(report: Report) -> None:
    text = " ".join(Tags(render(report)).text.split())
    for piece in (
        "1.50",
        "1.40 to 1.60",
        "how surprised the model is by text it has not seen",
        "zstd -19 with the training text",
        "it has a password",
        "remove the password",
        "does not know what it says",
        "held out: never trained on",
        "ingot chat acme",
        "ingot serve acme",
        "acme-checkpoint@1",
        "3 Wh",
        "6 minutes",
        "estimated",
    ):
        assert piece in text


def test_a_single_document_has_no_interval_to_show(report: Report) -> None:
    alone = replace(report, scores=replace(SCORES, model=Interval(1.5, None, None), documents=1))
    text = Tags(render(alone)).text
    assert "With a single document there is no interval" in text
    assert "None" not in text


def test_kept_documents_that_stand_out_are_counted(report: Report, tmp_path: Path) -> None:
    facts = {**report.inputs["dataset"].facts, "flags": {"long_lines": 1, "much_repetition": 40}}
    flagged = {**report.inputs, "dataset": artifact("acme-dataset", tmp_path, facts)}
    text = " ".join(Tags(render(replace(report, inputs=flagged))).text.split())
    assert "much repetition 40 long lines 1" in text
    assert "Kept, but unlike the rest" not in Tags(render(replace(report, inputs=unflagged(report, tmp_path)))).text


def unflagged(report: Report, folder: Path) -> dict[str, Artifact]:
    facts = {**report.inputs["dataset"].facts, "flags": {}}
    return {**report.inputs, "dataset": artifact("acme-dataset", folder, facts)}


def test_a_training_without_held_out_looks_shows_the_loss_alone(report: Report, tmp_path: Path) -> None:
    rows = [{"step": step, "tokens": step * 100, "loss": 9 - step} for step in (1, 2, 3)]
    (tmp_path / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    checkpoint = Artifact(tmp_path, report.inputs["checkpoint"].record)
    html = render(replace(report, inputs={**report.inputs, "checkpoint": checkpoint}))
    assert html.count('class="chart"') == 2


def test_a_page_without_samples_says_so(report: Report) -> None:
    assert "long enough to continue" in Tags(render(replace(report, samples=[]))).text


def test_a_forecast_stands_beside_what_came(report: Report, tmp_path: Path) -> None:
    assert "pilots foretold" not in Tags(render(report)).text
    course = [
        {"step": step, "tokens": step * 256, "value": 4 - step / 5, "low": 3.8 - step / 5, "high": 4.2 - step / 5}
        for step in (2, 4, 6)
    ]
    facts = {"bits_per_byte": 2.8, "low": 2.6, "high": 3.0, "course": course, "sentences": ["It should end at 2.8."]}
    inputs = {**report.inputs, "forecast": artifact("acme-forecast", tmp_path, facts)}
    html = render(replace(report, inputs=inputs))
    text = " ".join(Tags(html).text.split())
    assert "What pilots foretold, and what came It should end at 2.8." in text
    assert "It came to 2.800: as foretold, inside the band." in text
    assert 'class="band"' in html


@pytest.mark.parametrize(
    ("verdict", "told"), [("pass", "recites nothing that it read once"), ("fail", "recites what it should not")]
)
def test_what_it_knows_by_heart_is_told_in_words_and_by_canaries(report: Report, verdict: str, told: str) -> None:
    assert "by heart" not in Tags(render(report)).text
    facts = {
        "verdict": verdict,
        "reasons": [f"it says {HOSTILE}"],
        "canaries": {"1": {"inserted": 20, "extracted": 1, "recognised": 2, "exposure": 1.234}},
        "controls": 1000,
        "planted": {"share": 0.0049},
    }
    audited = {**report.inputs, "audit": artifact("acme-audit", Path("audit"), facts)}
    page = Tags(render(replace(report, inputs=audited)))
    text = " ".join(page.text.split())
    for piece in ("What it knows by heart", told, "It says <script>", "once 20 1 2 1.2", "0.49%", "1,000"):
        assert piece in text, piece
    assert "script" not in page.names
