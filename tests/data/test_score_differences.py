from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.score_differences import FILE, pair_key, read_differences, write_differences


def test_differences_are_found_again_by_the_ids_of_their_pair(tmp_path: Path) -> None:
    keys = [pair_key([0, 5, 1], [0, 6, 1]), pair_key([0, 6, 1], [0, 5, 1]), pair_key([0, 5, 6, 1], [0, 1])]
    assert len(set(keys)) == 3
    differences = {key: number + 0.5 for number, key in enumerate(keys)}
    write_differences(differences, tmp_path)
    assert read_differences(tmp_path) == differences


def test_without_scores_nothing_is_written_and_what_is_damaged_is_said(tmp_path: Path) -> None:
    write_differences({}, tmp_path)
    assert not list(tmp_path.iterdir())
    for content in ("{", '{"zz": 1}', "[1]"):
        (tmp_path / FILE).write_text(content)
        with pytest.raises(InputError, match="cannot be read"):
            read_differences(tmp_path)
