"""The chat template of a model that answers: written into its folder, recorded, and looked at when it is opened.

Training and serving frame conversations with one function (tokenizer/chat). Other programs render the `TEMPLATE` beside
it, from a file in the model's folder; where the tokenizer came from elsewhere that file was another one. The record
keeps the template's hash, so that a later version of Ingot, which may frame otherwise, knows what a model has learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingot.core.storage import write_atomically
from ingot.tokenizer.chat import TEMPLATE

FILE, FACT = "chat_template.jinja", "chat_template"


def write_template(folder: Path) -> dict[str, Any]:
    """Put the template that training used into a model's folder, in place of any other; return the fact about it."""
    # A new file in its place: the old one may be a second name of a file of the checkpoint.
    write_atomically(folder / FILE, TEMPLATE)
    return {FACT: f"sha256:{sha256(TEMPLATE.encode()).hexdigest()}"}


def learned_another(facts: Mapping[str, Any]) -> bool:
    """Say whether a model's record names another template than the one conversations are framed with here."""
    return FACT in facts and facts[FACT] != f"sha256:{sha256(TEMPLATE.encode()).hexdigest()}"
