"""Passwords, keys and tokens: named in a config, looked up where they are used, and never written down.

A config holds a reference, `env:NAME` or `file:PATH`, so that a recipe, a fingerprint, a record or a log can show it.
Only the composition root reads the environment: it offers the variables here once, as the program starts, and a library
user who wants `env:` does the same. The processes of a step on this machine inherit the environment and offer it too;
workers of a cluster have environments of their own, in which the same name may mean something else, and offer none.
Files need no offer; a container mounts its secrets as files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.core.errors import InputError, UsageError, suggest

_MOST_BYTES = 1 << 20
_offered: dict[str, str] | None = None


def offer_environment(variables: Mapping[str, str]) -> None:
    """Let `env:NAME` be looked up in these variables from now on; called once, as a process of this machine starts."""
    global _offered
    _offered = dict(variables)


@dataclass(frozen=True, repr=False, eq=False)
class Secret:
    """A value that shows itself only when asked to."""

    _value: str

    def reveal(self) -> str:
        """Return the value, for the library that needs it."""
        return self._value

    def hide(self, text: str) -> str:
        """Return a text, such as a library's error message, with the value taken out."""
        return text.replace(self._value, "***") if self._value else text

    def __repr__(self) -> str:
        return "Secret(***)"


def read_secret(reference: str, where: str) -> Secret:
    """Look up what a reference names; `where` is the option that holds it, for the error.

    Raises UsageError when it is no reference, so that nobody keeps a password in a recipe, and InputError when there
    is nothing under the name. Neither repeats the value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        return Secret(_variable(name, where))
    if kind == "file" and name:
        return Secret(_content(Path(name).expanduser(), where))
    raise UsageError(
        "a credential is given by name, never itself",
        where=where,
        why="recipes and records are kept and shown",
        fix="write env:NAME for an environment variable or file:PATH for a file that holds it",
    )


def _variable(name: str, where: str) -> str:
    if _offered is None:
        raise InputError(
            f"the environment variable {name} cannot be used here",
            where=where,
            why="only a command and its processes on the same machine have it, not the workers of a cluster",
            fix="put the secret in a file that every machine has at the same path, and name it: file:PATH",
        )
    if name not in _offered:
        similar = _similar(name)
        fix = (
            suggest(name, similar)
            if similar
            else "export it before this command, or name a file that holds it: file:PATH"
        )
        raise InputError(f"the environment variable {name} is not set", where=where, fix=fix)
    return _offered[name]


def _content(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else "it is not text"
        raise InputError(f"the file {path} cannot be read", where=where, why=why, fix="check its name") from None


def _similar(name: str) -> list[str]:
    # Only names that share a word: a list of every variable of the machine is nobody's business.
    words = {word for word in name.split("_") if len(word) > 2}
    return [offered for offered in _offered or () if words & set(offered.split("_"))]
