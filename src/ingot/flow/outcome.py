"""Any exception as an error that speaks: the one place that turns a bug of ours, or a library's, into words."""

from __future__ import annotations

import traceback

from ingot.core.errors import IngotError, StepError


def in_words(error: Exception, doing: str, reference: str) -> IngotError:
    """Return the error to tell about `doing` ("step 'plan'"); an unexpected one leaves its traceback in the log."""
    if isinstance(error, IngotError):
        return error
    if isinstance(error, MemoryError):
        return StepError(
            f"{doing} ran out of memory",
            where=reference,
            why="this machine has too little free memory for it",
            fix="close other programs, or use fewer cores or a smaller budget, then run the same command again",
        )
    traceback.print_exception(error)
    return StepError(
        f"{doing} failed unexpectedly: {type(error).__name__}: {error}",
        where=reference,
        why="this is a bug in Ingot or in a library it uses; what was finished is kept",
        fix="run the same command again; if it fails again, add --debug and report what it prints",
    )
