from __future__ import annotations

import numpy as np

from ingot.evaluate.evidence.choosing import OWN, Chosen
from ingot.evaluate.evidence.config import EvidenceConfig
from ingot.evaluate.evidence.losses import parts, share_lost, worst
from ingot.evaluate.evidence.pairing import Bits

SIZES = np.full(12, 100, dtype=np.int64)
OURS = Bits(np.array([[100.0] * 6 + [200.0] * 6]), SIZES)
THEIRS = Bits(np.array([[150.0] * 12]), SIZES)


def test_kinds_of_text_are_held_together_worst_first() -> None:
    found = parts(OURS, THEIRS, ["a"] * 6 + ["b"] * 6, EvidenceConfig(resamples=50))
    assert [(part.name, part.documents, part.shows) for part in found] == [("b", 6, "worse"), ("a", 6, "better")]
    assert found[0].own == 2.0
    assert share_lost(OURS, THEIRS) == 0.5


def test_the_worst_documents_are_quoted() -> None:
    texts = [Chosen(OWN, str(number), f"{number}.txt", "word  \n" * 100) for number in range(12)]
    found = worst(OURS, THEIRS, texts)
    assert [each.uri for each in found] == ["6.txt", "7.txt", "8.txt"]
    assert found[0].text.startswith("word word")
    assert len(found[0].text) < 170
