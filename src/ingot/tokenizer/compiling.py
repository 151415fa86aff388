"""Compiled functions of this room: numba translates functions of numbers and arrays when they are first called.

The machine code of what Python calls is kept beside the source file, or in the user's cache folder where that is
read-only; where nothing can be written, every process compiles for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function that other compiled ones of the same file call."""
    return cast(Function, njit(nogil=True, error_model="numpy")(function))


def cached(function: Function) -> Function:
    """Compile a function that Python calls, and keep the result."""
    try:
        return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # there is no folder for the cache
        return compiled(function)
