"""One line of a batch, answered as if it had come over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingot.core.errors import IngotError, InputError
from ingot.serve.answers.answering import heard
from ingot.serve.batches.lines import Line
from ingot.serve.endpoints import EMBEDDINGS, ENDPOINTS, asked_by
from ingot.serve.guardrails import brought
from ingot.serve.origin import origin_of
from ingot.serve.ports import Principal, ServedModel
from ingot.serve.refusal import Refusal, in_a_sentence
from ingot.serve.routes.embeddings import BODIES, embedded
from ingot.serve.server import Server
from ingot.serve.speaking import MISTRAL, OPENAI, parsed

_log = logging.getLogger(__name__)


async def answered(
    line: Line, record: Mapping[str, Any], server: Server, principal: Principal
) -> tuple[int, dict[str, Any]]:
    """Return the status and the body that answer a line. What cannot be answered is told, never raised."""
    dialect = MISTRAL if record["dialect"] == MISTRAL.name else OPENAI
    body = {**line.body, **({"model": record["model"]} if record["model"] and "model" not in line.body else {})}
    try:
        await _wait_for_quota(server, principal)
        return 200, json.loads(await _answer(body, record["endpoint"], dialect.name, server, principal))
    except Refusal as error:
        refusal = error
    except InputError as error:
        refusal = Refusal(400, in_a_sentence(error))
    except (IngotError, ArithmeticError, LookupError, OSError, RuntimeError, ValueError, TypeError) as error:
        _log.error("a line of %s failed", record["id"], exc_info=error)
        refusal = Refusal(500, "the server failed to answer; its log says why")
    return dialect.status(refusal), dialect.error(refusal)


async def _answer(body: dict[str, Any], path: str, api: str, server: Server, principal: Principal) -> str:
    kinds = BODIES if path == EMBEDDINGS else ENDPOINTS[path].bodies
    read: Any = parsed(body, kinds.get(api) or next(iter(kinds.values())))
    if getattr(read, "stream", None):
        raise Refusal(400, "a batch has no streams: leave out stream", param="stream", code="invalid_value")
    model = await server.borrow(read.model, origin=origin_of(principal, read))
    try:
        return await _answer_with(model, read, path, api, server, principal)
    finally:
        model.lease.give_back()


async def _answer_with(model: ServedModel, read: Any, path: str, api: str, server: Server, principal: Principal) -> str:
    if path == EMBEDDINGS:
        return (await embedded(read, model, server, principal)).model_dump_json()
    endpoint = ENDPOINTS[path]
    policies = brought(read, server.judges.policies)
    admitted = await server.judges.doors(model, principal, policies).admit(read, model.engine.codec)
    asked = replace(await asked_by(endpoint.asks, admitted, model), policies=policies)
    voice = endpoint.voice(asked, MISTRAL if api == MISTRAL.name else OPENAI)
    async with server.tally(model, asked.prompt_tokens, asked.most_tokens, principal, asked.operation) as tally:
        return voice.whole(await heard(asked, server, tally), tally.usage())


async def _wait_for_quota(server: Server, principal: Principal) -> None:
    while True:
        try:
            server.gateway.quotas.begin(principal)
            return
        except Refusal as refusal:
            await asyncio.sleep(int(refusal.headers["Retry-After"]))
