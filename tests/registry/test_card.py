from __future__ import annotations

from ingot.registry.card import BASE_LIMITS, Card, write_card


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
