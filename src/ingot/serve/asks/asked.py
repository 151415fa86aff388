"""A request as the core sees it: questions of token ids, and what their answers must be like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ingot.infer.sampling import SamplingParams
from ingot.serve.conventions import Operation
from ingot.serve.policies import Policy
from ingot.serve.ports import ServedModel
from ingot.serve.refusal import Refusal
from ingot.serve.wire.fields import Sampled

DEFAULT_MAX_TOKENS = 256
DEFAULT_TEMPERATURE = 1.0  # what both APIs do when a request does not say


@dataclass(frozen=True)
class Question:
    """One answer to make: its place among the choices, what to continue, and how."""

    index: int
    prompt: Sequence[int]
    params: SamplingParams


@dataclass(frozen=True)
class Calling:
    """The tools that an answer may call (`open`), or of which it must call one (`forced`), by name.

    Each has the JSON schema of its arguments.
    """

    how: Literal["open", "forced"]
    parameters: Mapping[str, Mapping[str, Any]]
    is_parallel: bool = True


@dataclass(frozen=True)
class Asked:
    """A whole request: its questions and how the answers are wanted.

    An answer that is to follow `schema` is checked before it is given. `stop` is set where the engine cannot look for
    stop strings itself, because they count in the words of an answer and not in its calls. `policies` are those that
    the request brought.
    """

    model: ServedModel
    questions: tuple[Question, ...]
    wants_logprobs: bool = False
    is_stream: bool = False
    includes_usage: bool = False
    calling: Calling | None = None
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    operation: Operation = "chat"
    policies: tuple[Policy, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        """Tokens read: a prompt with several answers is read once."""
        return sum(len(prompt) for prompt in {id(one.prompt): one.prompt for one in self.questions}.values())

    @property
    def most_tokens(self) -> int:
        """Tokens that are held in memory at most: questions are answered one after another."""
        return max(min(len(one.prompt) + one.params.max_tokens, self.model.engine.context) for one in self.questions)


def params_of(request: Sampled, model: ServedModel, top_logprobs: int = 0) -> SamplingParams:
    """Return how a request wants its tokens drawn. Raises Refusal when this engine cannot do it."""
    if top_logprobs > model.engine.most_top_logprobs:
        raise Refusal(
            400,
            f"the {model.engine.name} engine reports at most {model.engine.most_top_logprobs} alternatives per token: "
            "ask for fewer, or serve the model with --engine torch",
            param="top_logprobs" if hasattr(request, "top_logprobs") else "logprobs",
        )
    seed = request.drawn_seed
    return SamplingParams(
        max_tokens=request.longest or DEFAULT_MAX_TOKENS,
        temperature=DEFAULT_TEMPERATURE if request.temperature is None else request.temperature,
        top_p=1.0 if request.top_p is None else request.top_p,
        top_k=getattr(request, "top_k", None) or 0,
        seed=None if seed is None else seed % 2**63,
        stop=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
        top_logprobs=top_logprobs,
        presence_penalty=getattr(request, "presence_penalty", None) or 0.0,
        frequency_penalty=getattr(request, "frequency_penalty", None) or 0.0,
        logit_bias=_biases(getattr(request, "logit_bias", None) or {}, model),
    )


def numbered(prompts: Sequence[Sequence[int]], params: SamplingParams, count: int) -> tuple[Question, ...]:
    """Return `count` questions for each prompt; with one seed for all, every answer would be the same."""
    return tuple(
        Question(place * count + number, prompt, _with_own_seed(params, number))
        for place, prompt in enumerate(prompts)
        for number in range(count)
    )


def check_stream(request: Sampled) -> None:
    """Raise Refusal when a request that is no stream says how its stream is to end."""
    if getattr(request, "stream_options", None) is not None and not request.stream:
        raise Refusal(400, "stream_options needs stream to be true", param="stream_options")


def _with_own_seed(params: SamplingParams, number: int) -> SamplingParams:
    return params if params.seed is None else replace(params, seed=(params.seed + number) % 2**63)


def _biases(by_name: Mapping[str, float], model: ServedModel) -> tuple[tuple[int, float], ...]:
    vocabulary = model.engine.codec.vocabulary
    biases = tuple((int(name), bias) for name, bias in by_name.items())
    for token, _ in biases:
        if token >= vocabulary:
            message = f"logit_bias names the token {token}, but {model.id!r} has the tokens 0 to {vocabulary - 1}"
            raise Refusal(400, message, param="logit_bias", code="invalid_value")
    return biases
