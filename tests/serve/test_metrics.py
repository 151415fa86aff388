from __future__ import annotations

import re

from ingot.serve.metrics import Metrics
from ingot.serve.ports import Usage


def test_versions_may_come_for_ever() -> None:
    metrics = Metrics()
    for number in range(1, 201):
        used = Usage("ada", f"acme@{number}", 1, 2, 0.1, joules=1.0, energy="estimated", cost=0.1, currency="EUR")
        metrics.shadowed(f"acme@{number}", "same", used)
        metrics.shadowed("steady@1", "dropped")
    text = metrics.text().decode()
    known = set(re.findall(r'gen_ai_request_model="([^"]+)"', text))
    assert len(known) == 64
    assert {"steady@1", "acme@200"} <= known
    assert "acme@1" not in known
    assert 'ingot_shadow_answers_total{gen_ai_request_model="steady@1",outcome="dropped"} 200.0' in text
