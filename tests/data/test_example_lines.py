from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.data.example_lines import check_share, is_held_out


def test_an_example_is_kept_aside_by_its_content() -> None:
    kept = [is_held_out(str(number).encode(), 0.2) for number in range(2000)]
    assert 300 < sum(kept) < 500
    assert kept == [is_held_out(str(number).encode(), 0.2) for number in range(2000)]
    assert not any(is_held_out(str(number).encode(), 0.0) for number in range(50))
    with pytest.raises(UsageError):
        check_share(1.0, "labels")
