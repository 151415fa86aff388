from __future__ import annotations

from pathlib import Path

from ingot.flow.home import Home
from ingot.registry.card import BASE_LIMITS, Card, write_card
from tests.registry.made import add


def test_a_card_with_every_fact() -> None:
    facts = {"parameters": 1_234_567, "vocabulary": 4096, "context": 512, "engine": "torch", "layout": "qwen3"}
    report = {"bits_per_byte": 1.5, "interval": [1.25, 1.75], "ngram_bits_per_byte": 2.0, "zstd_bits_per_byte": 2.5}
    card = write_card(Card("acme", facts, report))
    assert card.startswith("---\n")
    assert "of 1,234,567 parameters" in card
    assert "| this model | 1.500 (95% interval 1.250 to 1.750) |" in card
    assert card.index("1.500") < card.index("2.000") < card.index("2.500")
    assert "ingot chat acme" in card
    assert all(limit in card for limit in BASE_LIMITS)


def test_what_was_not_recorded_is_left_out() -> None:
    card = write_card(Card("acme", {}, {}))
    assert "None" not in card
    assert "How good it is" not in card
    assert "What went in" not in card
    assert "## Limits" in card


def test_what_an_audit_found_is_told(tmp_path: Path) -> None:
    reasons = ["it says 2 of 20 canaries that stand in its text only once"]
    audit = add(Home(tmp_path), "acme-audit", "Audit", {}, {"verdict": "fail", "reasons": reasons})
    card = write_card(Card("acme", {}, {}, [audit]))
    assert f"The audit FAILED:\n\n- {reasons[0]}" in card


def test_a_model_taught_by_rewards_tells_what_it_earns() -> None:
    figures = {"reward": 0.75, "reward_before": 0.25, "reward_interval": [0.6, 0.9], "prompts": 40}
    card = write_card(Card("acme", {"kind": "chat"}, figures))
    assert "0.750 (95% interval 0.600 to 0.900)" in card
    assert "Measured on 40 prompts" in card
    pairs = {
        "preference_accuracy": 0.5,
        "preference_accuracy_interval": [0.2, 0.8],
        "preference_margin": 0.1,
        "pairs": 9,
    }
    both = write_card(Card("acme", {"kind": "chat"}, {**figures, **pairs}))
    assert both.index("Measured on 40 prompts") < both.index("Measured on 9 pairs")
