"""Requests of `/v1/completions` and `/v1/fim/completions` become questions."""

from __future__ import annotations

from ingot.serve.asks.asked import Asked, check_stream, numbered, params_of
from ingot.serve.asks.prompts import middle_ids, prompt_ids, several
from ingot.serve.mistral_api import FimRequest
from ingot.serve.openai_api import CompletionRequest
from ingot.serve.ports import ServedModel
from ingot.serve.refusal import Refusal


def from_completion(request: CompletionRequest, model: ServedModel) -> Asked:
    """Read text to continue; with a suffix, the middle is asked for. Raises Refusal when it cannot be answered."""
    check_stream(request)
    texts = several(request.prompt)
    if request.suffix:
        prompts = [_middle(text, request.suffix, model) for text in texts]
    else:
        prompts = [prompt_ids(text, model) for text in texts]
    return Asked(
        model=model,
        questions=numbered(prompts, params_of(request, model, request.logprobs or 0), request.count),
        wants_logprobs=request.logprobs is not None,
        is_stream=bool(request.stream),
        includes_usage=request.includes_usage,
        operation="text_completion",
    )


def from_fim(request: FimRequest, model: ServedModel) -> Asked:
    """Read what stands before and after the middle. Raises Refusal when it cannot be answered."""
    prompt = middle_ids(request.prompt, request.suffix or "", model)
    return Asked(
        model=model,
        questions=numbered([prompt], params_of(request, model), 1),
        is_stream=bool(request.stream),
        includes_usage=request.includes_usage,
        operation="text_completion",
    )


def _middle(text: str | list[int], suffix: str, model: ServedModel) -> list[int]:
    if isinstance(text, str):
        return middle_ids(text, suffix, model)
    raise Refusal(400, "with a suffix the prompt must be text, not token ids", param="prompt")
