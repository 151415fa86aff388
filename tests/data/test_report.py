"""The report on a dataset: what both of its readers look for is on it, and nothing that should not be."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from ingot.cli.main import run
from ingot.core.config import load
from ingot.core.errors import InputError
from ingot.data.config import Choice, CurateConfig
from ingot.data.erasure import erase
from ingot.data.report.page import render
from ingot.data.rules import Rule
from ingot.data.shards import tokenize
from ingot.flow.home import Home
from ingot.tokenizer.train import learn, write
from tests.data.datasets import corpus, ignore, words
from tests.data.homes import commit, home_of

TODAY = date(2026, 4, 1)
HOSTILE = "<script>alert('from a document')</script><img src=x onerror=alert(1)> & \"quotes\" "
EMAIL, CARD, NAME = "grace.hopper@example.com", "4111 1111 1111 1111", "Grace Hopper"
FILTERS = ("compressibility", "symbols", "gopher_quality", "personal_data")
CONFIG = CurateConfig(
    transforms=(Choice("unicode_repair"), Choice("personal_data", {"actions": {"email": "keep"}})),
    filters=tuple(map(Choice, FILTERS)),
    drop=(Rule("mostly symbols", "symbol_share", above=0.5),),
)
TEXTS = corpus() | {
    "again.txt": words(3),
    "again too.txt": words(3),
    "near.txt": words(4) + " one more",
    "odd.txt": "#" * 3000,
    "repaired.txt": words(70) + "a\u200bb soft\u00adhyphen\n",
    "staff/letter.txt": f"Write to {EMAIL}, or pay with the card {CARD}.\n" + words(71),
}
TERMS = {
    "000.txt": {"licence": "CC-BY-4.0", "owner": "Library", "retention": "2026-03-31", "access": ["group:staff"]},
    "001.txt": {"licence": "CC-BY-4.0", "retention": "2026-05-01"},
    "002.txt": {"retention": "when it is over"},
}
FAILURES = [
    {"uri": "locked.pdf", "reason": "it has a password", "fix": "remove the password"},
    {"uri": "torn.zip", "reason": "the file is broken: it ends too early", "fix": "mend it"},
    {"uri": "old/locked.pdf", "reason": "it has a password", "fix": "remove the password"},
]

# What looks at languages and for personal data is among the usual filters.
WITHOUT_DETECTION = CurateConfig(filters=(Choice("symbols"), Choice("compressibility")))


class Tags(HTMLParser):
    """Collects what a browser would act on, and what a person would read."""

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


def page_of(home: Home) -> str:
    return render(home, home.get("acme-dataset"), TODAY)


def said(page: str) -> str:
    text = " ".join(Tags(page.replace("<wbr>", "")).text.split())
    return re.sub(r" ([.,:;)])", r"\1", text)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    source = {"skipped": 2, "vanished": 3, "items": 61, "bytes": 90_000}
    path = tmp_path_factory.mktemp("report") / "home"
    return home_of(path, TEXTS, CONFIG, terms=TERMS, failures=FAILURES, source=source, shards=3)


@pytest.fixture(scope="module")
def page(home: Home) -> str:
    return page_of(home)


def test_it_says_what_the_dataset_is_and_where_it_comes_from(page: str) -> None:
    text = said(page)
    for piece in (
        "acme-dataset@1",
        "Made on 1 March 2026 at 12:00 UTC by ada on engine, from 61 items of one source (folder)",
        "papers through the connector folder; 2 skipped, 3 vanished 61 90 kB",
        "CC-BY-4.0 2",
        "group:staff 1",
        "Library 1",
        "2026-03-31 passed 1",
        "2026-05-01 within 90 days 1",
        "when it is over no date 1",
        "Stated for no document: region.",
    ):
        assert piece in text


def test_what_needs_a_decision_comes_first(page: str) -> None:
    text = said(page)
    first = text[text.index("Look at this first") : text.index("Where it comes from")]
    for piece in (
        "1 document (1.28 kB) is stored although the date until which it may be kept has passed",
        "is to be gone within 90 days",
        "marked with a retention that is no date",
        "Personal data was found in 1 document and is still there: 1 place.",
        "64 documents (",
        "have no licence on record",
        "1 document is for certain people only",
        "3 files could not be read",
        "3 items of earlier readings are no longer at their source",
        "1 document (1.26 kB) was kept although nearly the same as another",
        "held out: what is measured on so few is rough",
    ):
        assert piece in first


def test_every_loss_has_a_reason_and_examples(page: str) -> None:
    text = said(page)
    for piece in (
        "not read: it has a password 1",
        "dropped: exact duplicate 2",
        "dropped: mostly symbols 1, 3 kB",
        "exact duplicate: 2 documents",
        "word for word the same as an earlier document",
        "mostly symbols: 1 document, 3 kB (symbol share above 0.5)",
        "it has a password: 2 files. Do: remove the password locked.pdf old/locked.pdf",
        "the file is broken: 1 file. Do: mend it torn.zip it ends too early",
    ):
        assert piece in text
    assert re.search(r"again\.txt \w{12} repeats 003\.txt", text)
    assert re.search(r"odd\.txt \w{12}: 100%", text)


def test_personal_data_is_counted_and_never_shown(page: str) -> None:
    text = said(page)
    personal = text[text.index("Personal data 1 place") : text.index("What it is made of")]
    assert "email kept by the recipe 1 in 1 document 0" in personal
    assert "payment card masked 0 1 in 1 document" in personal
    assert re.search(r"•••\.•••@•••\.••• in \w{12} of staff, byte 9, \d+% sure", personal)
    for secret in (EMAIL, CARD, CARD.replace(" ", ""), NAME, "4111", "grace"):
        assert secret not in page


def test_a_dataset_in_which_nobody_looked_says_so(tmp_path: Path) -> None:
    text = said(page_of(home_of(tmp_path / "home", corpus(), WITHOUT_DETECTION)))
    assert "Personal data unknown nobody looked for it" in text
    assert "Nobody looked for personal data in the finished texts." in text
    assert "Nothing was taken out" in text


def test_statistics_come_with_quantiles_thresholds_and_pictures(page: str) -> None:
    text = said(page)
    assert re.search(r"compressed share .* Middle [\d.]+%, nine in ten from [\d.]+% to [\d.]+%\. Far out: under", text)
    assert re.search(r"mostly symbols: 1 document, 3 kB\. Symbol share over [\d.]+% in text \(1\)\.", text)
    assert re.search(r"gopher quality \d+ ", text)
    assert "The same in every document: ellipses per word (0)" in text
    assert page.count('class="chart"') >= 4


def test_repeats_come_in_clusters(page: str) -> None:
    text = said(page)
    assert "Word for word the same, dropped 2 2.54 kB" in text
    assert re.search(r"3 documents, 2\.54 kB repeated\. First: 003\.txt", text)
    assert re.search(r"near\.txt \w{12} nearly the same, kept to train on", text)


def test_changes_are_counted_by_transform_and_reason(page: str) -> None:
    text = said(page)
    assert "unicode repair: invisible character 1 2 5 bytes to 0 bytes" in text
    assert "Personal data that was taken out is counted above" in text
    assert "Erased documents None was asked for" in text


def test_it_says_how_to_repeat_it(page: str) -> None:
    text = said(page)
    for piece in ("dataset-fingerprint", "acme-documents@1, fingerprint documents-fingerprint", "sha256 abab", "0.1.0"):
        assert piece in text
    (settings,) = re.findall(r'<pre class="listing">(.*?)</pre>', page, re.DOTALL)
    assert load(CurateConfig, yaml.safe_load(unescape(settings)), "page") == CONFIG


def test_what_documents_say_is_inert(tmp_path: Path) -> None:
    uri = f"folder/{HOSTILE}.txt"
    texts = corpus() | {uri: HOSTILE * 60, f"2{HOSTILE}.txt": HOSTILE * 60, "odd.txt": HOSTILE + "#" * 3000}
    terms = {uri: {"licence": HOSTILE, "owner": HOSTILE, "retention": HOSTILE, "access": [HOSTILE]}}
    config = CurateConfig(drop=(Rule(HOSTILE, "symbol_share", above=0.5),))
    failures = [{"uri": HOSTILE, "reason": HOSTILE, "fix": HOSTILE}]
    home = home_of(tmp_path / "home", texts, config, terms=terms, failures=failures, source={"connector": HOSTILE})
    page = Tags(page_of(home))
    assert not {"script", "img", "iframe", "object", "link", "form", "a"} & set(page.names)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("<script>alert('from a document')</script>") >= 10


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    attributes = Tags(page).attributes
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in attributes
    assert not [pair for pair in attributes if pair[0] in ("src", "href", "action", "srcset", "style")]
    assert not re.search(r"url\(|@import", page)


def test_its_size_is_bounded(tmp_path: Path) -> None:
    """Long names, long words and many of each."""
    texts = {f"{'long name ' * 300}{number}.txt": words(number // 2, 200) for number in range(120)}
    terms = {
        uri: {name: f"{name} {number} " * 2000 for name in ("licence", "owner")} for number, uri in enumerate(texts)
    }
    config = CurateConfig(
        filters=tuple(map(Choice, (*FILTERS, "gopher_repetition", "c4", "fineweb"))),
        drop=tuple(Rule(f"{'rule ' * 200}{number}", "bytes", above=1e9) for number in range(200)),
    )
    failures = [{"uri": f"{number}" * 5000, "reason": "reason " * 5000, "fix": "fix " * 5000} for number in range(50)]
    page = page_of(home_of(tmp_path / "home", texts, config, terms=terms, failures=failures))
    assert len(page.encode()) < 500_000


def test_one_document(tmp_path: Path) -> None:
    text = said(page_of(home_of(tmp_path / "home", {"only.txt": words(1, 3000)}, WITHOUT_DETECTION)))
    for piece in (
        "No document was dropped.",
        "Every file could be read.",
        "No document repeats another",
        "No document is far out.",
        "None: the recipe has no transforms.",
        "Nothing in this home was trained on it.",
        "No document has a retention date.",
        "Languages are not known",
    ):
        assert piece in text
    assert "None:" in text
    assert "erased later" not in text


def test_tokens_and_erased_documents(tmp_path: Path) -> None:
    home = home_of(tmp_path / "home", corpus(), shards=2)
    dataset = home.get("acme-dataset")
    tokenizer, shards = home.work_path / "tokenizer", home.work_path / "shards"
    for folder in (tokenizer, shards):
        folder.mkdir()
    write(learn(list(corpus().values()), 400), tokenizer)
    facts = tokenize(dataset.path, tokenizer, shards, 0, ignore, 1)
    made = commit(home, "tokenizer", tokenizer, {}, inputs={"dataset": dataset})
    commit(home, "shards", shards, facts, inputs={"dataset": dataset, "tokenizer": made})
    text = said(page_of(home))
    assert f"Tokens {facts['train_tokens']:,} from {facts['train_documents']} documents" in text
    assert "acme-tokenizer@1 Tokenizer 1 March 2026 at 12:00 UTC" in text
    erase(home, "005.txt", "2026-03-20", "asked for by <its> author")
    text = said(page_of(home))
    assert "1 document was erased after the dataset was made." in text
    assert "2026-03-20 asked for by <its> author" in text
    assert "erased later 1" in text
    assert "they keep what they learned" in text


def test_documents_that_are_gone_are_not_made_up(tmp_path: Path) -> None:
    home = home_of(tmp_path / "home", corpus())
    documents = home.get("acme-documents")
    documents.path.rename(tmp_path / "elsewhere")
    text = said(page_of(home))
    assert "no longer in this home, so its sources are not known here" in text
    assert "Not known: the documents are no longer in this home." in text


def test_what_is_no_dataset_has_no_report(tmp_path: Path) -> None:
    home = home_of(tmp_path / "home", corpus())
    with pytest.raises(InputError, match="not a dataset"):
        render(home, home.get("acme-documents"), TODAY)


def test_the_command_writes_one_file(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "report", "acme-dataset", "--home", str(home.path)]) == 0
    (written,) = tmp_path.iterdir()
    assert written.name == "acme-dataset-data.html"
    assert run(["data", "report", "acme-dataset", "--home", str(home.path)]) == 0  # over the older one
    notes = tmp_path / "notes.html"
    notes.write_text("mine")
    assert run(["data", "report", "acme-dataset", "--home", str(home.path), "--out", str(notes)]) == 2
    assert notes.read_text() == "mine"
