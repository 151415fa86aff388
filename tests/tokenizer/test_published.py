"""Figures of others, with where they come from."""

from __future__ import annotations

import json

from ingot.tokenizer.published import PUBLISHED, as_facts


def test_every_figure_has_a_source_and_the_rate_its_source_prints() -> None:
    rates = {(one.tokenizer, one.text): one.bytes_per_token for one in PUBLISHED}
    assert rates["GPT-2", "English news"] == 4.50
    assert rates["GPT-4 (cl100k)", "Python"] == 4.07
    assert rates["GPT-2", "Korean news"] == 1.20
    assert all(one.source and one.vocabulary for one in PUBLISHED)


def test_they_fit_into_a_record() -> None:
    facts = json.loads(json.dumps(as_facts()))
    assert set(facts["bytes_per_token"]) == {"GPT-2", "GPT-4 (cl100k)"}
    assert "nanochat" in facts["source"]
