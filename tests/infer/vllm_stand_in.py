"""A server that follows vLLM's published API (v0.28) as far as the engine uses it, and computes with the reference.

It takes the fields of vLLM's `CompletionRequest` with their types and bounds, and refuses others, which vLLM would
silently ignore. Grammars are read by llguidance, as vLLM's backend of that name does; those it can hold answers to are
given to it beside, because the reference takes them in another form.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool

from ingot.infer.engines.torch import Config, Engine
from ingot.infer.grammar import Grammar
from ingot.infer.sampling import SamplingParams

MODEL = "model"


class Exact(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StructuredOutputs(Exact):
    json_: dict[str, Any] | str | None = Field(None, alias="json")
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None


class CompletionRequest(Exact):
    model: str | None = None
    prompt: list[Annotated[int, Field(ge=0)]] | str
    max_tokens: int | None = 16
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    min_p: float | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0)
    logit_bias: dict[str, float] | None = None
    logprobs: int | None = Field(None, ge=-1, le=20)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stream: bool | None = False
    stop: str | list[str] | None = []
    stop_token_ids: list[int] | None = []
    ignore_eos: bool = False
    add_special_tokens: bool = True
    return_token_ids: bool | None = None
    return_tokens_as_token_ids: bool | None = None
    structured_outputs: StructuredOutputs | None = None
    cache_salt: str | None = Field(None, min_length=1, max_length=1024)


class StandIn:
    """The application, and what it was asked; `fails` breaks streams off after so many tokens."""

    def __init__(self, folder: Path, grammars: Mapping[str, Grammar] | None = None, key: str = "") -> None:
        self.engine, self.grammars, self.key = Engine(folder, Config(threads=1)), grammars or {}, key
        self.asked: list[CompletionRequest] = []
        self.ended = 0
        self.breaks_after: int | None = None
        self.vector: list[float] | None = None
        self.app = FastAPI(dependencies=[Depends(self._door)])
        self.app.get("/health")(self._health)
        self.app.get("/v1/models")(self._models)
        self.app.get("/metrics")(self._metrics)
        self.app.post("/tokenize")(self._tokenize)
        self.app.post("/v1/completions")(self._completions)
        self.app.post("/v1/embeddings")(self._embeddings)

    async def _door(self, request: Request) -> None:
        is_guarded = self.key and request.url.path.startswith("/v1")
        if is_guarded and request.headers.get("authorization") != f"Bearer {self.key}":
            raise HTTPException(401, "Unauthorized")

    async def _health(self) -> PlainTextResponse:
        return PlainTextResponse("")

    async def _models(self) -> dict[str, Any]:
        card = {"id": MODEL, "object": "model", "owned_by": "vllm", "root": "x", "max_model_len": self.engine.context}
        return {"object": "list", "data": [card]}

    async def _metrics(self) -> PlainTextResponse:
        labels = f'engine="0",model_name="{MODEL}"'
        return PlainTextResponse(
            "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
            "# TYPE vllm:num_requests_running gauge\n"
            f"vllm:num_requests_running{{{labels}}} {len(self.asked) - self.ended}.0\n"
            f"vllm:num_requests_waiting{{{labels}}} 0.0\n"
            f"vllm:kv_cache_usage_perc{{{labels}}} 0.25\n"
            'vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",num_gpu_blocks="100"} 1.0\n'
        )

    async def _tokenize(self, request: Request) -> dict[str, Any]:
        body = await request.json()
        assert body["add_special_tokens"] is False
        tokens = self.engine.codec.encode(body["prompt"])
        return {"count": len(tokens), "max_model_len": self.engine.context, "tokens": tokens, "token_strs": None}

    async def _embeddings(self, request: Request) -> Any:
        if self.vector is None:
            message = "The model does not support Embeddings API"
            return JSONResponse({"error": {"message": message, "type": "BadRequestError", "code": 400}}, 400)
        prompts = (await request.json())["input"]
        rows = [{"object": "embedding", "index": place, "embedding": self.vector} for place in range(len(prompts))]
        return {"object": "list", "model": MODEL, "data": rows[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}

    async def _completions(self, body: CompletionRequest) -> Any:
        self.asked.append(body)
        assert body.stream
        try:
            params = self._params(body)
        except (ValueError, LookupError) as error:
            self.ended += 1
            return JSONResponse({"error": {"message": str(error), "type": "BadRequestError", "code": 400}}, 400)
        return StreamingResponse(self._stream(body, params), media_type="text/event-stream")

    def _params(self, body: CompletionRequest) -> SamplingParams:
        grammar = None
        if body.structured_outputs is not None:
            text = body.structured_outputs.grammar
            assert text is not None
            import llguidance

            if problem := llguidance.LLMatcher.validate_grammar(llguidance.grammar_from("grammar", text), None):
                raise ValueError(f"Grammar error: {problem}")
            grammar = self.grammars[text]
        return SamplingParams(
            max_tokens=body.max_tokens or 16,
            temperature=body.temperature or 0.0,
            top_p=body.top_p or 1.0,
            top_k=max(0, body.top_k or 0),
            seed=body.seed,
            top_logprobs=body.logprobs or 0,
            grammar=grammar,
            presence_penalty=body.presence_penalty or 0.0,
            frequency_penalty=body.frequency_penalty or 0.0,
            logit_bias=tuple((int(token), bias) for token, bias in (body.logit_bias or {}).items()),
        )

    async def _stream(self, body: CompletionRequest, params: SamplingParams) -> AsyncIterator[str]:
        assert isinstance(body.prompt, list)
        assert set(body.stop_token_ids or ()) == set(self.engine._end_ids)  # what the reference ends at by itself
        try:
            count = 0
            async for token in iterate_in_threadpool(self.engine.generate(body.prompt, params)):
                yield self._chunk(token, body)
                count += 1
                if count == self.breaks_after:
                    problem = {"message": "EngineCore died", "type": "InternalServerError", "code": 500}
                    yield f"data: {json.dumps({'error': problem})}\n\n"
                    return
            yield "data: [DONE]\n\n"
        finally:
            self.ended += 1

    def _chunk(self, token: Any, body: CompletionRequest) -> str:
        named = {f"token_id:{token.id}": token.logprob}  # the drawn one comes first, then the most probable
        named |= {f"token_id:{other}": logprob for other, logprob in token.top}
        logprobs = {
            "tokens": [f"token_id:{token.id}"],
            "token_logprobs": [token.logprob],
            "top_logprobs": [named],
            "text_offset": [0],
        }
        choice = {
            "index": 0,
            "text": token.text,
            "logprobs": logprobs if body.logprobs is not None else None,
            "finish_reason": token.finish,
            "stop_reason": None,
            "token_ids": [token.id] if body.return_token_ids else None,
        }
        whole = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": MODEL, "choices": [choice]}
        return f"data: {json.dumps(whole)}\n\n"


def main() -> None:
    """Be `vllm serve FOLDER --uds PATH ...`."""
    folder, path = Path(sys.argv[2]), sys.argv[sys.argv.index("--uds") + 1]
    assert sys.argv[1] == "serve"
    assert sys.argv[sys.argv.index("--structured-outputs-config.backend") + 1] == "guidance"
    if (folder / "broken").exists():
        raise SystemExit("ValueError: no GPU is found")
    uvicorn.run(StandIn(folder).app, uds=path, log_level="critical")
