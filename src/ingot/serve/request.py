"""From a request on the wire to prompts of token ids: the same for every dialect from here on.

A base model has never seen a chat template, so a conversation sent to it is plain text to continue: the contents of its
messages in order, a blank line between them. The answer says so in the header `X-Ingot-Mode: continuation`. A chat
model reads the conversation through the one template of `tokenizer.chat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from ingot.infer.sampling import SamplingParams
from ingot.serve.openai_api import ApiError, ChatRequest, CompletionRequest, Message
from ingot.serve.ports import ServedModel
from ingot.tokenizer.chat import render

DEFAULT_MAX_TOKENS = 256
DEFAULT_TEMPERATURE = 1.0  # what the OpenAI API does when a request does not say
MOST_PROMPTS = 64


@dataclass(frozen=True)
class Question:
    """One answer to make: its place among the choices, what to continue, and how."""

    index: int
    prompt: Sequence[int]
    params: SamplingParams


@dataclass(frozen=True)
class Asked:
    """A whole request: its questions and how the answers are wanted."""

    model: ServedModel
    questions: tuple[Question, ...]
    wants_logprobs: bool
    is_stream: bool
    includes_usage: bool

    @property
    def prompt_tokens(self) -> int:
        """Tokens read: a prompt with several answers is read once."""
        return sum(len(prompt) for prompt in {id(one.prompt): one.prompt for one in self.questions}.values())


def from_completion(request: CompletionRequest, model: ServedModel) -> Asked:
    """Read a request of `/v1/completions`. Raises ApiError when it cannot be answered."""
    prompts = [_prompt_ids(prompt, model) for prompt in _several(request.prompt)]
    if not 1 <= len(prompts) <= MOST_PROMPTS:
        raise ApiError(400, f"send 1 to {MOST_PROMPTS} prompts, not {len(prompts)}", param="prompt")
    params = _params(request, request.max_tokens, request.logprobs or 0, model)
    return _asked(request, model, prompts, params, wants_logprobs=request.logprobs is not None)


def from_chat(request: ChatRequest, model: ServedModel) -> Asked:
    """Read a request of `/v1/chat/completions`. Raises ApiError when it cannot be answered."""
    if request.top_logprobs and not request.logprobs:
        raise ApiError(400, "top_logprobs needs logprobs to be true", param="top_logprobs")
    prompt = _checked(conversation_ids(request.messages, model), model, "messages")
    params = _params(request, request.max_completion_tokens or request.max_tokens, request.top_logprobs or 0, model)
    return _asked(request, model, [prompt], params, wants_logprobs=bool(request.logprobs))


def conversation_ids(messages: Sequence[Message], model: ServedModel) -> list[int]:
    """Return the ids a model reads for a conversation, by its kind."""
    codec = model.engine.codec
    _refuse_endless("".join(message.text for message in messages), model, "messages")
    if model.kind == "base":
        return [codec.bos, *codec.encode(continuation_text(messages))]
    roles = {"developer": "system"}  # the newer name for the same thing
    turns = [{"role": roles.get(message.role, message.role), "content": message.text} for message in messages]
    return render(turns, codec, add_generation_prompt=True).ids


def continuation_text(messages: Sequence[Message]) -> str:
    """Return a conversation as text to continue."""
    return "\n\n".join(message.text for message in messages if message.text)


def _several(
    prompt: str | list[str] | list[int] | list[list[int]],
) -> list[str] | list[list[int]]:
    if isinstance(prompt, str):
        return [prompt]
    if prompt and isinstance(prompt[0], int):
        return [prompt]  # a list of numbers is one prompt, not several
    return cast("list[str] | list[list[int]]", prompt)


def _prompt_ids(prompt: str | list[int], model: ServedModel) -> list[int]:
    codec = model.engine.codec
    if isinstance(prompt, str):
        _refuse_endless(prompt, model, "prompt")
        return _checked([codec.bos, *codec.encode(prompt)], model, "prompt")
    if not prompt or max(prompt) >= codec.vocabulary:
        raise ApiError(400, f"token ids must be 0 to {codec.vocabulary - 1}, at least one", param="prompt")
    return _checked(prompt, model, "prompt")


def _refuse_endless(text: str, model: ServedModel, param: str) -> None:
    """Refuse what is too long whatever it says, before spending time on tokenising it."""
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > model.longest_prompt_bytes:
        raise _too_long(f"{size} bytes", model, param)


def _checked(ids: list[int], model: ServedModel, param: str) -> list[int]:
    if len(ids) >= model.engine.context:
        raise _too_long(f"{len(ids)} tokens", model, param)
    return ids


def _too_long(size: str, model: ServedModel, param: str) -> ApiError:
    return ApiError(
        400,
        f"the {param} has {size}, but {model.id!r} reads at most {model.engine.context} tokens, answer included: "
        "send less text",
        param=param,
        code="context_length_exceeded",
    )


def _params(
    request: CompletionRequest | ChatRequest, max_tokens: int | None, top_logprobs: int, model: ServedModel
) -> SamplingParams:
    if top_logprobs > model.engine.most_top_logprobs:
        raise ApiError(
            400,
            f"the {model.engine.name} engine reports at most {model.engine.most_top_logprobs} alternatives per token: "
            "ask for fewer, or serve the model with --engine torch",
            param="logprobs" if isinstance(request, CompletionRequest) else "top_logprobs",
        )
    stop = (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ())
    return SamplingParams(
        max_tokens=DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens,
        temperature=DEFAULT_TEMPERATURE if request.temperature is None else request.temperature,
        top_p=1.0 if request.top_p is None else request.top_p,
        top_k=request.top_k or 0,
        seed=None if request.seed is None else request.seed % 2**63,
        stop=stop,
        top_logprobs=top_logprobs,
    )


def _asked(
    request: CompletionRequest | ChatRequest,
    model: ServedModel,
    prompts: Sequence[list[int]],
    params: SamplingParams,
    wants_logprobs: bool,
) -> Asked:
    count = request.n or 1
    questions = tuple(
        Question(place * count + number, prompt, _numbered(params, number))
        for place, prompt in enumerate(prompts)
        for number in range(count)
    )
    options = request.stream_options
    if options is not None and not request.stream:
        raise ApiError(400, "stream_options needs stream to be true", param="stream_options")
    return Asked(
        model=model,
        questions=questions,
        wants_logprobs=wants_logprobs,
        is_stream=bool(request.stream),
        includes_usage=options is not None and options.include_usage,
    )


def _numbered(params: SamplingParams, number: int) -> SamplingParams:
    """Return the settings of the n-th answer: with one seed for all, every answer would be the same."""
    return params if params.seed is None else replace(params, seed=params.seed + number)
