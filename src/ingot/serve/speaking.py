"""Which of the two APIs a request speaks, and reading it in that one.

Most paths belong to one API. On those that both have, the first of these that says something decides:

    1. the client names itself: `User-Agent` holds "mistral", or there is an `X-Stainless-Lang` (clients of OpenAI)
    2. the body has a field that only one of the two APIs has, such as Mistral's `random_seed`
    3. otherwise it is the OpenAI API, which most other software speaks

Either way the answer has what both clients need; the choice decides which fields are known, the shape of errors and of
model cards, and the words for why an answer ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from ingot.serve import mistral_api, openai_api
from ingot.serve.dialect import Dialect
from ingot.serve.misread import misread
from ingot.serve.refusal import Refusal

OPENAI, MISTRAL = openai_api.DIALECT, mistral_api.DIALECT
_ONLY_MISTRAL = ("/v1/fim/", "/v1/batch/", "/v1/agents", "/v1/conversations", "/v1/fine_tuning/models/")
_ONLY_OPENAI = ("/v1/completions", "/v1/batches", "/v1/responses", "/v1/fine_tuning/jobs")

Body = TypeVar("Body", bound=BaseModel)


def dialect_of(path: str, headers: Headers) -> Dialect | None:
    """Return the API that a path and the headers of a request speak of, or None when they do not tell."""
    if path.startswith(_ONLY_MISTRAL):
        return MISTRAL
    if path.startswith(_ONLY_OPENAI):
        return OPENAI
    if "mistral" in headers.get("user-agent", "").lower():
        return MISTRAL
    return OPENAI if "x-stainless-lang" in headers else None


def spoken(request: Request) -> Dialect:
    """Return the API in which a request is answered; its body counts once it was read."""
    known = getattr(request.state, "dialect", None)
    if isinstance(known, Dialect):
        return known
    return dialect_of(request.scope["path"], request.headers) or OPENAI


async def read(request: Request, bodies: Mapping[str, type[BaseModel]]) -> Any:
    """Return the body of a request as the type it has in the API that is spoken. Raises Refusal if it cannot be read.

    `bodies` are the types by API: of a path that only one of them has, there is one.
    """
    body = await body_of(request)
    dialect = dialect_of(request.scope["path"], request.headers)
    if dialect is None:
        has_its_words = not _only_mistral(bodies["openai"], bodies["mistral"]).isdisjoint(body)
        dialect = MISTRAL if has_its_words else OPENAI
    request.state.dialect = dialect
    return parsed(body, bodies[dialect.name])


@cache
def _only_mistral(openai: type[BaseModel], mistral: type[BaseModel]) -> frozenset[str]:
    return frozenset(mistral.model_fields) - frozenset(openai.model_fields)


async def read_as(request: Request, kind: type[Body]) -> Body:
    """Return the body of a request to a path that reads the same in both APIs. Raises Refusal if it cannot be read."""
    return parsed(await body_of(request), kind)


def parsed(body: Mapping[str, Any], kind: type[Body]) -> Body:
    """Return a body as the type of its route. Raises Refusal naming the first field that does not fit."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise misread(error.errors(include_url=False)) from None


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in a body. Raises Refusal for anything else.

    A page of another origin can send a form or plain text without asking first, never JSON: hence the media type.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _unreadable("the body must be one JSON object: send it with the header Content-Type: application/json")
    try:
        body = json_of(await request.body())
    except UnicodeDecodeError as error:
        raise _unreadable(f"byte {error.start} of the body is not UTF-8: send one JSON object in UTF-8") from None
    except ValueError as error:
        raise _unreadable(f"the body is not JSON ({error}): send one JSON object") from None
    if not isinstance(body, dict):
        raise _unreadable("the body must be one JSON object")
    return body


def json_of(content: bytes) -> Any:
    """Return the value of a JSON text: no NaN, no half characters, not nested without end. Raises ValueError."""
    return pydantic_core.from_json(content.decode("utf-8"), allow_inf_nan=False)


def _unreadable(message: str) -> Refusal:
    return Refusal(400, message, kind="json_invalid")
