"""Sound is written down only when a recipe says how; without that, and without a model, it has a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse


def test_it_is_off() -> None:
    with pytest.raises(InputError, match="speech recognition is off") as caught:
        parse("audio", "talk.mp3", b"ID3" + bytes(100))
    assert "model" in caught.value.fix


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there") as caught:
        parse("audio", "talk.mp3", b"ID3" + bytes(100), model="tiny", models=str(tmp_path))
    assert "'tiny'" in caught.value.why


def test_what_is_no_sound_is_not_handed_to_the_recognition(tmp_path: Path) -> None:
    (tmp_path / "models--onnx-community--whisper-tiny/snapshots/ab").mkdir(parents=True)
    with pytest.raises(InputError, match="not sound"):
        parse("audio", "talk.mp3", b"MZ" + bytes(100), model="tiny", models=str(tmp_path))
