from __future__ import annotations

import pytest

from ingot.plan.config import MeasuredVocabulary
from ingot.plan.forecast import bytes_per_token, forecast, fresh_bytes
from ingot.plan.scaling import VOCABULARIES, preset

SMALL, LARGE = preset("128x4").model(4096, 512), preset("512x8").model(4096, 512)


def test_more_text_and_more_size_forecast_a_better_model() -> None:
    assert forecast(SMALL, 2e6, 10**8).bits_per_byte < forecast(SMALL, 1e6, 10**8).bits_per_byte
    assert forecast(LARGE, 1e6, 10**8).bits_per_byte < forecast(SMALL, 1e6, 10**8).bits_per_byte


def test_the_forecast_lies_in_its_band_and_never_beyond_knowing_nothing() -> None:
    for tokens in (1, 1e4, 1e8):
        expected = forecast(SMALL, tokens, 10**9)
        assert 0 < expected.low < expected.bits_per_byte <= expected.high <= 8


# (width x layers, vocabulary, tokens) and the bits per byte that came out: three of the runs the constants come from.
@pytest.mark.parametrize(
    ("name", "vocabulary", "tokens", "measured"),
    [("128x2", 4096, 1_745_920, 1.566), ("192x2", 4096, 1_128_448, 1.621), ("256x4", 4096, 161_792, 2.116)],
)
def test_the_forecast_is_near_what_was_measured(name: str, vocabulary: int, tokens: int, measured: float) -> None:
    model = preset(name).model(vocabulary, 512) if name != "192x2" else SHALLOW
    assert forecast(model, tokens, 11_000_000).bits_per_byte == pytest.approx(measured, rel=0.05)


SHALLOW = type(preset("192x4"))(192, 2).model(4096, 512)


def test_text_read_again_counts_for_less() -> None:
    covers = bytes_per_token(4096)
    once = fresh_bytes(1000, 10**6, covers)
    assert fresh_bytes(2000, 10**6, covers) == pytest.approx(2 * once)
    tokens_of_the_text = 10**6 / covers
    assert 10**6 < fresh_bytes(2 * tokens_of_the_text, 10**6, covers) < 2 * 10**6
    # However often it is read, a text never counts for more than sixteen of its kind.
    assert fresh_bytes(10**12, 10**6, covers) <= 16 * 10**6


def test_a_larger_vocabulary_covers_more_bytes_per_token() -> None:
    covers = [bytes_per_token(size) for size in VOCABULARIES]
    assert covers == sorted(set(covers))
    assert bytes_per_token(3072) == pytest.approx((bytes_per_token(2048) + bytes_per_token(4096)) / 2, abs=0.1)
    assert bytes_per_token(10**9) == bytes_per_token(VOCABULARIES[-1])


def test_measured_bytes_per_token_take_the_place_of_the_usual_ones() -> None:
    measured = [MeasuredVocabulary(4096, 4.2), MeasuredVocabulary(1024, 2.6)]
    assert bytes_per_token(4096, measured) == pytest.approx(4.2)
    assert bytes_per_token(1024, measured) == pytest.approx(2.6)
    assert 2.6 < bytes_per_token(2048, measured) < 4.2
    # Beyond what was measured the usual figures go on from there.
    assert bytes_per_token(8192, measured) == pytest.approx(bytes_per_token(8192) * 4.2 / bytes_per_token(4096))
    assert bytes_per_token(512, measured) == pytest.approx(bytes_per_token(512) * 2.6 / bytes_per_token(1024))
