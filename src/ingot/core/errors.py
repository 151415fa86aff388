"""What Ingot says when it cannot go on.

Every error answers four questions in this order: what happened, where, why it matters, what to do now.
The tree is flat on purpose; a subclass exists only where the exit code differs, so a script can tell them apart::

    IngotError            1  anything that speaks but has no code of its own
      UsageError          2  the command or recipe is wrong
      InputError          3  the documents or the budget cannot be used
      StepError           4  a step of a run failed
      SpaceError          5  the disk is full
      BusyError           6  somebody else holds what this needs, such as a port
      MissingExtraError   7  an optional part of Ingot is not installed
      EngineLostError     8  the process that answered is gone
      GateError           9  a gate does not let a model pass
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

_SHOWN_NAMES = 8


class IngotError(Exception):
    """An error a person can act on."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        labelled = (("where", self.where), ("why", self.why), ("do now", self.fix))
        return "\n".join([self.what, *(f"  {label}: {text}" for label, text in labelled if text)])

    def as_fields(self) -> dict[str, str]:
        """Return the error as plain strings, to cross a process boundary or to print as JSON."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "fix": self.fix,
        }


class UsageError(IngotError):
    """The command line or the recipe asks for something that does not exist."""

    exit_code = 2


class InputError(IngotError):
    """The documents, or the budget given for them, cannot make a model."""

    exit_code = 3


class StepError(IngotError):
    """A step of a run ended without its artifact."""

    exit_code = 4


class KilledError(StepError):
    """A step's process was ended from outside (a signal) before it could say anything; trying again may help."""


class SpaceError(IngotError):
    """The disk has no room left; what was complete before is still complete."""

    exit_code = 5


class BusyError(IngotError):
    """Another process holds what this one needs."""

    exit_code = 6


class MissingExtraError(IngotError):
    """A feature needs packages that were left out of this installation."""

    exit_code = 7

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} is not installed",
            why="it is an optional part, left out to keep the installation small",
            fix=f"pip install 'ingot[{extra}]'",
        )


class EngineLostError(IngotError):
    """The process an engine ran in is gone, and an answer with it; the same request may be sent again."""

    exit_code = 8


class GateError(IngotError):
    """A model may not answer: the gate that is demanded of it was failed, is unsure, or was never asked."""

    exit_code = 9


def from_fields(fields: Mapping[str, str]) -> IngotError:
    """Rebuild an error from :meth:`IngotError.as_fields`; an unknown kind becomes a :class:`StepError`."""
    kinds: dict[str, type[IngotError]] = {
        kind.__name__: kind
        for kind in (
            IngotError,
            UsageError,
            InputError,
            StepError,
            KilledError,
            SpaceError,
            BusyError,
            EngineLostError,
            GateError,
        )
    }
    details = {key: fields.get(key, "") for key in ("where", "why", "fix")}
    if fields.get("error") == MissingExtraError.__name__:
        error: IngotError = MissingExtraError.__new__(MissingExtraError)
        IngotError.__init__(error, fields["what"], **details)
        return error
    return kinds.get(fields.get("error", ""), StepError)(fields["what"], **details)


def suggest(name: str, valid: Iterable[str]) -> str:
    """Say which valid name was probably meant, or list them all when they are few.

    >>> suggest("tokeniser", ["tokenizer", "plan"])
    "did you mean 'tokenizer'?"
    """
    names = sorted(set(valid))
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    if not names:
        return "there are none yet"
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"choose one of: {shown}" + (", ..." if len(names) > _SHOWN_NAMES else "")
