"""Texts become vectors."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel

from ingot.core.errors import IngotError
from ingot.serve import mistral_api, openai_api
from ingot.serve.asks.prompts import prompt_ids, several
from ingot.serve.ports import Principal, ServedModel
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, model_for, takes
from ingot.serve.server import Server
from ingot.serve.speaking import read
from ingot.serve.wire.replies import Embedding, EmbeddingList

router = APIRouter()
BODIES: Mapping[str, type[BaseModel]] = {"openai": openai_api.EmbeddingRequest, "mistral": mistral_api.EmbeddingRequest}
Body = openai_api.EmbeddingRequest | mistral_api.EmbeddingRequest


@router.post("/v1/embeddings", openapi_extra=takes(*BODIES.values()))
async def embeddings(request: Request, response: Response, server: ServerHere, caller: Caller) -> EmbeddingList:
    """Return one vector for each text."""
    body: Body = await read(request, BODIES)
    model = await model_for(request, server, body.model, body)
    response.headers["X-Ingot-Model"] = model.reference
    return await embedded(body, model, server, caller)


async def embedded(body: Body, model: ServedModel, server: Server, principal: Principal) -> EmbeddingList:
    """Return one vector for each text of a body. Raises InputError when the model gives none."""
    prompts = [prompt_ids(text, model, "input") for text in several(body.input)]
    reads = sum(len(prompt) for prompt in prompts)
    most = max(map(len, prompts))
    async with model.outcomes.one(), server.tally(model, reads, most, principal, "embeddings") as tally:
        vectors = await server.gateway.compute(lambda: model.engine.embed(prompts))
        if not np.isfinite(vectors).all():
            raise IngotError("the model gives no vectors", why="a number in its weights is none")
        usage = tally.usage()
    _check_size(body, vectors.shape[1])
    is_packed = body.encoding_format == "base64"
    data = [Embedding(index=place, embedding=_written(vector, is_packed)) for place, vector in enumerate(vectors)]
    return EmbeddingList(id=f"embd-{secrets.token_hex(12)}", data=data, model=model.id, usage=usage)


def _check_size(body: Body, width: int) -> None:
    if isinstance(body, openai_api.EmbeddingRequest):
        wanted, param = body.dimensions, "dimensions"
    else:
        wanted, param = body.output_dimension, "output_dimension"
    if wanted not in (None, width):
        message = f"{param} must be {width}, the size of this model's vectors, not {wanted}"
        raise Refusal(400, message, param=param, code="invalid_value")


def _written(vector: NDArray[np.float32], is_packed: bool) -> list[float] | str:
    if is_packed:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(value) for value in vector]
