"""Compiled functions: numba enters the house here.

numba translates a function of numbers and arrays into machine code when it is first called; it brings its own LLVM, so
no compiler is needed. `compiled` functions are called by one another, without Python's lock. What Python calls is
`cached`: its machine code is kept in `__pycache__` beside its source, as Python keeps its own, or in the user's cache
folder where that is read-only, or in `NUMBA_CACHE_DIR`. Its name tells the version of all that it was made from, in
whatever file, so a change makes it anew. Where nothing can be written, every process compiles for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from enum import EnumMeta
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar, overload

import numpy as np
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def compiled(function: Function) -> Function: ...
@overload
def compiled(*, allocates: bool) -> Callable[[Function], Function]: ...
def compiled(function: Callable[..., Any] | None = None, *, allocates: bool = False) -> Callable[..., Any]:
    """Compile a function that other compiled ones call; it makes arrays and lists only if it `allocates`."""

    def translate(given: Callable[..., Any]) -> Callable[..., Any]:
        return _translated(given, _nrt=allocates, no_cpython_wrapper=True, no_cfunc_wrapper=True)

    return translate(function) if function else translate


@overload
def cached(function: Function) -> Function: ...
@overload
def cached(*, allocates: bool) -> Callable[[Function], Function]: ...
def cached(function: Callable[..., Any] | None = None, *, allocates: bool = False) -> Callable[..., Any]:
    """Compile a function that Python calls, and keep the result; what it calls must be defined above it."""

    def translate(given: Callable[..., Any]) -> Callable[..., Any]:
        given.__qualname__ = f"{given.__name__}-{version(given)}"  # numba names the file after it
        try:
            return _translated(given, _nrt=allocates, cache=True)
        except RuntimeError:  # there is no folder for the cache
            return _translated(given, _nrt=allocates)

    return translate(function) if function else translate


def _translated(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    """Translate a function. Without `_nrt` arrays come from Python and nothing is counted: half the code."""
    decorate: Any = njit  # numba's own types leave some of its options out
    translated: Callable[..., Any] = decorate(nogil=True, error_model="numpy", **options)(function)
    return translated


def version(function: Callable[..., Any]) -> str:
    """Return what changes with the code of a function, of those that it calls, and with the constants they use.

    numba itself looks only at the file of a cached function.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in _parts(function, set()):
        digest.update(f"{part!r}\n".encode())
    return digest.hexdigest()


def _parts(value: Any, met: set[CodeType]) -> Iterator[object]:
    """Yield what compiled code takes from a value that it names."""
    function = getattr(value, "py_func", value)
    if isinstance(function, FunctionType):
        yield from _parts_of_code(function.__code__, function.__globals__, met)
        for cell in function.__closure__ or ():
            yield from _parts(cell.cell_contents, met)
    elif isinstance(value, np.ndarray):
        yield value.dtype.str, value.shape, value.tobytes()
    elif isinstance(value, EnumMeta):
        yield list(value)
    elif isinstance(value, ModuleType | type):
        yield value.__name__, getattr(value, "_fields", ())
    else:
        assert " at 0x" not in repr(value), f"compiled code names {value!r}, which is another one in every process"
        yield value


def _parts_of_code(code: CodeType, names: dict[str, Any], met: set[CodeType]) -> Iterator[object]:
    if code in met:
        return
    met.add(code)
    yield code.co_code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts_of_code(constant, names, met)
        else:
            yield sorted(constant) if isinstance(constant, frozenset) else constant
    for name in code.co_names:
        yield name
        if name in names:
            yield from _parts(names[name], met)
