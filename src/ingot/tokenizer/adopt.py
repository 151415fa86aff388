"""The step that takes in what others made: a tokenizer, or a whole model folder in Hugging Face's layout.

Recipes name artifacts only. What lies in a folder of this machine, downloaded or received, becomes one here: an input
`base` to extend, an input `general` to compare with, a checkpoint to go on from. Its files are copied as they are,
weights in safetensors included; anything that could hold code, such as a pickle, is not.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from ingot.core.errors import InputError
from ingot.core.plugins import load as load_plugin
from ingot.flow.artifact import Artifact
from ingot.flow.source import SourceItem
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.codec import read_tokenizer
from ingot.tokenizer.config import AdoptConfig
from ingot.tokenizer.splitting import recognise, recognise_published
from ingot.tokenizer.train import TOKENIZER_FILES
from ingot.tokenizer.transfer import check_bytes

_TOKENIZER = TOKENIZER_FILES[0]
_TAKEN = (
    *TOKENIZER_FILES,
    *("config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json"),
    *("LICENSE*", "NOTICE*"),
)


def adopt(config: AdoptConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Copy the files of a tokenizer or a model from the sources. Raises InputError when no tokenizer can be read."""
    taken, left_out = take(context)
    if _TOKENIZER not in taken:
        fix = f"name a folder with {_TOKENIZER}, as Hugging Face's tokenizers and Ingot write it"
        raise InputError("the source holds no tokenizer", where=", ".join(context.sources), fix=fix)
    tokenizer = read_tokenizer(context.folder)
    check_bytes(tokenizer)
    content = json.loads(tokenizer.to_str())
    rule = recognise(content) or recognise_published(content)
    return {
        "vocabulary": tokenizer.get_vocab_size(),
        "splitting": rule.name if rule else None,
        "has_weights": any(name.endswith(".safetensors") for name in taken),
        "files": sorted(taken),
        "files_left_out": len(left_out),
        "bytes": sum(item.bytes for item in taken.values()),
    }


def take(context: StepContext) -> tuple[dict[str, SourceItem], list[str]]:
    """Copy what cannot hold code; return what was taken, by name, and the names of what was not.

    Raises InputError when two files have one name.
    """
    taken: dict[str, SourceItem] = {}
    left_out = []
    for connector, item in _items(context):
        name = item.uri.rpartition("/")[2]
        if not any(fnmatchcase(name, pattern) for pattern in _TAKEN):
            left_out.append(name)
            continue
        if name in taken:
            why, fix = f"{taken[name].uri} and {item.uri}", "let the source name one folder, without those below it"
            raise InputError(f"there are two files {name}", where="sources", why=why, fix=fix)
        taken[name] = item
        # A plug-in is loaded by its name, so its class is known at run time only.
        opened = load_plugin("connector", connector).entry.open(item)  # type: ignore[attr-defined]
        with opened as source, (context.folder / name).open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        context.emit("progress", done=len(taken), unit="files")
    return taken, left_out


def _items(context: StepContext) -> Iterator[tuple[str, SourceItem]]:
    for _, snapshot in sorted(context.sources.items()):
        for item in snapshot.items:
            yield snapshot.connector, item
