"""Recognition is off until asked for, and says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.recognition import Pictures, Sound, model_folders, pictures, sound


def test_it_is_off_without_being_asked_for() -> None:
    with pytest.raises(InputError, match="text recognition is off"):
        pictures((), "")
    with pytest.raises(InputError, match="speech recognition is off"):
        sound("", "", "")


def test_all_languages_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "eng.traineddata").write_bytes(b"x")
    assert pictures(("eng",), str(tmp_path)) == Pictures(("eng",), str(tmp_path))
    with pytest.raises(InputError, match="not there") as caught:
        pictures(("eng", "deu"), str(tmp_path))
    assert "deu.traineddata" in caught.value.why
    assert "tesseract-ocr" in caught.value.fix


def test_a_model_lies_in_the_layout_of_its_cache(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        sound("tiny", str(tmp_path), "")
    (tmp_path / "models--onnx-community--whisper-tiny/snapshots/ab12").mkdir(parents=True)
    assert sound("tiny", str(tmp_path), "de") == Sound("tiny", str(tmp_path), "de")
    with pytest.raises(InputError, match="not set"):
        sound("tiny", "", "")


def test_only_folders_of_models_that_are_asked_for_are_opened_to_parsers() -> None:
    assert list(model_folders({})) == []
    assert list(model_folders({"text": {"piece_bytes": 5}, "image": {"models": "/data/tessdata"}})) == [
        "/data/tessdata"
    ]
    assert any("tessdata" in folder for folder in model_folders({"pdf": {"languages": ["eng"]}}))
