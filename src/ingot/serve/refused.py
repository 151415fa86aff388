"""A refusal as a response, in the API that was spoken, and how every other error becomes one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ingot.core.errors import EngineLostError, IngotError, InputError, MissingExtraError, SpaceError
from ingot.serve.dialect import Dialect
from ingot.serve.misread import misread
from ingot.serve.refusal import Refusal, in_a_sentence
from ingot.serve.speaking import spoken

_log = logging.getLogger(__name__)


def refused(refusal: Refusal, dialect: Dialect) -> Response:
    """Return the response that tells a refusal."""
    return JSONResponse(dialect.error(refusal), dialect.status(refusal), refusal.headers)


def as_spoken(refusal: Refusal, request: Request) -> Response:
    """Return the response that tells a refusal in the API of a request, and count it."""
    request.app.state.server.metrics.refused(refusal.status)
    return refused(refusal, spoken(request))


async def tell(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Tell an error in the API of a request. Raises it again where nobody expected it, so that the server logs it."""
    kind = next(kind for kind in type(error).__mro__ if kind in _TELLING)
    await _TELLING[kind](Request(scope), error)(scope, receive, send)
    if kind is Exception:
        raise error


def add_handlers(app: FastAPI) -> None:
    """Let every error of an application be told as a refusal."""
    for kind, telling in _TELLING.items():
        app.add_exception_handler(kind, telling)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return as_spoken(error, request)


def _misread(request: Request, error: Exception) -> Response:
    # What FastAPI reads itself: paths and queries, whose places begin with "path" or "query".
    assert isinstance(error, RequestValidationError)
    return as_spoken(misread([{**one, "loc": one["loc"][1:]} for one in error.errors()]), request)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = f"{request.method} {request.url.path}: {error.detail}"
    if error.status_code in (404, 405):
        said += "; /openapi.json lists what there is (OpenAI's clients want an address with /v1, Mistral's without)"
    response = as_spoken(Refusal(error.status_code, said), request)
    response.headers.update(error.headers or {})
    return response


def _unanswerable(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError | MissingExtraError)
    message = in_a_sentence(error)
    # A place in the server's own files is nothing a caller can look at.
    param = error.where if error.where and not Path(error.where).is_absolute() else None
    return as_spoken(Refusal(400, message, param=param), request)


def _lost(request: Request, error: Exception) -> Response:
    # The engine died while it answered, and is being started again.
    assert isinstance(error, EngineLostError)
    return as_spoken(Refusal(503, error.what, code="engine_lost", retry_after=1), request)


def _full(request: Request, error: Exception) -> Response:
    # Where, and how much is missing, is for whoever runs the server; and more room may be made.
    _log.error("%s %s kept nothing: %s", request.method, request.url.path, error)
    return as_spoken(Refusal(503, "the server's disk is full, so nothing was kept", retry_after=60), request)


def _broken(request: Request, error: Exception) -> Response:
    # Told here, the connection stays; what nobody expects also ends it.
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _failed(request, error)


def _failed(request: Request, error: Exception) -> Response:
    # The cause goes to the server's log, not to the caller: it may name files and people.
    return as_spoken(Refusal(500, "the server failed to answer; its log says why"), request)


_TELLING: Mapping[type[Exception], Callable[[Request, Exception], Response]] = {
    Refusal: _refused,
    RequestValidationError: _misread,
    HTTPException: _http_error,
    InputError: _unanswerable,
    MissingExtraError: _unanswerable,
    EngineLostError: _lost,
    SpaceError: _full,
    IngotError: _broken,
    Exception: _failed,
}
