"""Small operations joined into one pass over memory, where a compiler is at hand and the training is long enough.

A norm or a gate is a dozen operations, each of which reads and writes a whole tensor. `torch.compile` makes one loop of
them. What is marked `fusible` runs as it is written until someone opens `fused`; then it is compiled when it is first
called with new shapes, forward and backward together. Products stay the library's.
Shapes are fixed in the compiled code: what a number is rounded to then depends on nothing but the code, the compiler
and the processor, and a training that was stopped goes on with the same bits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

_state = {"is_on": False}


@contextlib.contextmanager
def fused(is_on: bool) -> Iterator[None]:
    """Compile what is fusible inside the block, or do not, whatever it was outside."""
    before, _state["is_on"] = _state["is_on"], is_on
    try:
        yield
    finally:
        _state["is_on"] = before


def is_fused() -> bool:
    """Say whether a `fused` block is open."""
    return _state["is_on"]


def fusible(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of tensors (and modules) be compiled; it must have no branches on what tensors hold."""
    compiled: list[Callable[P, R]] = []

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _state["is_on"] or torch.compiler.is_compiling():
            return function(*args, **kwargs)
        if not compiled:  # made late: the compiler's import alone takes a second
            compiled.append(torch.compile(function, fullgraph=True, dynamic=False))
        return compiled[0](*args, **kwargs)

    return call
