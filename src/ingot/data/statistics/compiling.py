"""Compiled functions: numba enters the house here.

numba translates a function of numbers and arrays into machine code when it is first called; it brings its own LLVM, so
no compiler is needed. `compiled` functions are called by one another, without Python's lock. What Python calls is
`cached`: its machine code is kept beside the source file, or in the user's cache folder where that is read-only, and
made anew when any source of the folder has changed. Where nothing can be written, every process compiles for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

# Arrays come from Python and views are never kept, so nothing has to be counted (no reference counting: half the code).
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function that other compiled ones call."""
    return _translated(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def cached(function: Function) -> Function:
    """Compile a function that Python calls, and keep the result."""
    try:
        return _translated(function, cache=True)
    except RuntimeError:  # there is no folder for the cache
        return _translated(function)


def _translated(function: Function, **options: bool) -> Function:
    decorate: Any = njit  # numba's own types leave some of its options out
    translated: Function = decorate(**_OPTIONS, **options)(function)
    return translated


def sources(paths: Iterable[Path]) -> int:
    """Return a number that changes with any of the sources.

    numba looks only at the file of a cached function, not at those it calls. A number that the function closes over is
    part of the cache's key.
    """
    digest = hashlib.blake2b(digest_size=7)
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest(), "big")
