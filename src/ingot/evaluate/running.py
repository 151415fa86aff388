"""Run a program that a model wrote, with the tests it has to pass, in a confined child of its own.

What the child may do is what a parser of foreign documents may do (core/confinement): compute, for a while, in bounded
memory; no network, no other program, no file but code. Each program has a fresh child, so that none prepares the next
one's tests; a program written to deceive its tests could still do so, which no test harness of this kind rules out.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

from ingot.core.confinement import Limits
from ingot.core.sandbox import Finished, Sandbox

SECONDS, MEMORY_BYTES = 10.0, 1 << 30
_SHOWN = 200


def failure_of(program: str, seconds: float = SECONDS) -> str | None:
    """Run a Python program to its end; return why it failed, or None when it did not."""
    limits = Limits(memory_bytes=MEMORY_BYTES, timeout_seconds=seconds, result_bytes=1 << 16)
    with Sandbox(f"{__name__}:{_run.__name__}", workers=1, limits=limits) as sandbox:
        said = None
        for word in sandbox.map([program]):
            if isinstance(word, Finished):
                return (word.failure.what or word.failure.kind) if word.failure else said
            said = None if word.value is None else str(word.value)
    return "it ended without a word"


def _run(program: str) -> Iterator[str | None]:
    """Yield why the program failed, or None; runs in a child of the sandbox."""
    failed: str | None = None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            # To run what a model wrote is the purpose, and this process is confined to it.
            exec(compile(program, "<answer>", "exec"), {"__name__": "__main__"})
        except MemoryError:
            raise
        except BaseException as error:  # sys.exit() as well: a program that leaves early has not passed
            failed = f"{type(error).__name__}: {error}"[:_SHOWN]
    yield failed
