"""Pictures are read only when a recipe says how; without that, and without models, they have a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def test_it_is_off() -> None:
    with pytest.raises(InputError, match="text recognition is off") as caught:
        parse("image", "photo.png", PNG)
    assert "languages" in caught.value.fix


def test_language_data_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="not there") as caught:
        parse("image", "photo.png", PNG, languages=("xyz",))
    assert "xyz.traineddata" in caught.value.why


def test_what_is_no_picture_is_not_handed_to_the_recognition(tmp_path: Path) -> None:
    (tmp_path / "eng.traineddata").write_bytes(b"x")
    with pytest.raises(InputError, match="not a picture"):
        parse("image", "photo.png", b"MZ" + bytes(100), languages=("eng",), models=str(tmp_path))


def test_a_picture_that_is_damaged_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "eng.traineddata").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        parse("image", "photo.png", PNG, languages=("eng",), models=str(tmp_path))
    assert caught.value.fix
