"""Models that turn pictures and sound into text: where they lie on this machine, and what is said when they do not.

Recognition is off until a recipe asks for it, because it is slow and needs models. The models are files of this
machine; nothing is ever fetched, and the sandbox could not. Text recognition is Tesseract's with its language data
(`eng.traineddata`), speech recognition is Whisper's in the layout of a Hugging Face cache; both run inside xberg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError

# Where the packages of operating systems put Tesseract's language data.
_SYSTEM = (
    *("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata"),
    *("/usr/share/tesseract/tessdata", "/usr/local/share/tessdata", "/opt/homebrew/share/tessdata"),
)


@dataclass(frozen=True)
class Pictures:
    """Tesseract's languages, as in the names of its files, and the folder they lie in."""

    languages: tuple[str, ...]
    folder: str


@dataclass(frozen=True)
class Sound:
    """The size of a Whisper model, the folder of models, and the language spoken ("" to find out)."""

    model: str
    folder: str
    language: str


def pictures(languages: tuple[str, ...], models: str) -> Pictures:
    """Return what reads pictures in these languages. Raises InputError when it is off, or a language is missing."""
    if not languages:
        raise InputError(
            "it is a picture, and text recognition is off",
            fix="to read pictures, see `languages` in the reference of parsers; otherwise leave it out",
        )
    for folder in [models] if models else _SYSTEM:
        if all((Path(folder) / f"{language}.traineddata").is_file() for language in languages):
            return Pictures(languages, folder)
    raise InputError(
        "the language data for text recognition is not there",
        why=f"{', '.join(f'{name}.traineddata' for name in languages)} lie together in none of "
        f"{', '.join([models] if models else _SYSTEM)}",
        fix="install Tesseract's language data (such as the package tesseract-ocr-deu), or name its folder as `models`",
    )


def sound(model: str, models: str, language: str) -> Sound:
    """Return what writes speech down. Raises InputError when it is off, or the model is missing."""
    if not model:
        raise InputError(
            "it is sound, and speech recognition is off",
            fix="to write speech down, see `model` in the reference of parsers; otherwise leave it out",
        )
    if not any(Path(models).glob(f"models--*whisper-{model}*/snapshots/*")) if models else True:
        raise InputError(
            "the model for speech recognition is not there",
            why=f"no Whisper model {model!r} lies in {models or 'the folder `models`, which is not set'}",
            fix="copy it there from a machine with network, see the reference of parsers",
        )
    return Sound(model, models, language)


def model_folders(parsers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the folders that parsers with these options may have to read models from."""
    for options in parsers.values():
        if options.get("models"):
            yield str(options["models"])
        elif options.get("languages"):
            yield from _SYSTEM
