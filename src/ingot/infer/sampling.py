"""Choose the next token from the logits of a model.

The order of operations is the one every server of the field uses: biases and penalties, then what a grammar forbids,
then temperature, then the `top_k` most probable tokens,
then the smallest set of them whose probability reaches `top_p` (nucleus sampling, Holtzman et al. 2020, section 3.1),
then one draw. A temperature of zero means the most probable token. Log-probabilities are always those of the untouched
distribution, so that they compare across requests whatever the sampling settings were.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import InputError
from ingot.infer.grammar import Grammar

MAX_STOP_STRINGS = 16
MAX_BIASED = 300


@dataclass(frozen=True)
class SamplingParams:
    """How one request wants its tokens chosen.

    `top_k` 0 and `top_p` 1 switch those filters off; `seed` None draws a fresh one; `top_logprobs` asks for that many
    alternatives beside every token. `grammar` forces the form of the answer. The penalties lower a token's logit, by
    `presence_penalty` once and by `frequency_penalty` for each time it stands in the answer so far; `logit_bias` adds
    to the logits of single ids. A prompt that begins like an earlier one need not be read again, where both have the
    same `cache_salt`; None keeps nothing and profits from nothing. `adapter` is the folder of small weights that count
    in this answer (see `AdaptingEngine`).
    """

    max_tokens: int = 256
    temperature: float = 0.8
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0
    grammar: Grammar | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    cache_salt: str | None = None
    adapter: str | None = None

    def __post_init__(self) -> None:
        _require(self.max_tokens >= 1, "max_tokens", self.max_tokens, "at least 1")
        _require(0.0 <= self.temperature <= 2.0, "temperature", self.temperature, "between 0 and 2")
        _require(0.0 < self.top_p <= 1.0, "top_p", self.top_p, "above 0 and at most 1")
        _require(self.top_k >= 0, "top_k", self.top_k, "0 (off) or more")
        _require(0 <= self.top_logprobs <= 20, "top_logprobs", self.top_logprobs, "between 0 and 20")
        _require(len(self.stop) <= MAX_STOP_STRINGS, "stop", len(self.stop), f"at most {MAX_STOP_STRINGS} strings")
        _require(all(self.stop), "stop", "''", "strings that are not empty")
        for name in ("presence_penalty", "frequency_penalty"):
            _require(-2.0 <= getattr(self, name) <= 2.0, name, getattr(self, name), "between -2 and 2")
        _require(len(self.logit_bias) <= MAX_BIASED, "logit_bias", len(self.logit_bias), f"at most {MAX_BIASED} ids")
        for token, bias in self.logit_bias:
            _require(token >= 0, "logit_bias", f"about {token}", "about ids of tokens, 0 or more")
            _require(-100.0 <= bias <= 100.0, "logit_bias", bias, "between -100 and 100")

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0.0 or self.top_k == 1


def _require(holds: bool, field: str, value: object, rule: str) -> None:
    if not holds:
        raise InputError(f"{field} is {value}, but must be {rule}", where=field, fix=f"give {field} another value")


GREEDY = SamplingParams(temperature=0.0)


def generator(params: SamplingParams) -> np.random.Generator:
    """Return the source of randomness of one request; equal seeds give equal draws on every machine (PCG64)."""
    return np.random.Generator(np.random.PCG64(params.seed))


def log_probabilities(logits_V: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log-softmax of one row of logits in double precision."""
    shifted_V = logits_V.astype(np.float64) - float(np.max(logits_V))
    return np.asarray(shifted_V - np.log(np.exp(shifted_V).sum()), dtype=np.float64)


def nucleus(logits_V: NDArray[np.float32], params: SamplingParams) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the token ids that may be drawn, most probable first, and their probabilities (sum 1)."""
    width = min(params.top_k or logits_V.size, logits_V.size)
    # A stable sort breaks ties by token id, so that the same logits always give the same candidates.
    candidates = np.argsort(-logits_V, kind="stable")[:width]
    probabilities = np.exp(log_probabilities(logits_V[candidates] / params.temperature))
    before = np.cumsum(probabilities) - probabilities  # mass of the tokens ranked above; the first is always kept
    kept = (before < params.top_p) & (probabilities > 0.0)  # what a grammar forbids has none
    return candidates[kept], probabilities[kept] / probabilities[kept].sum()


def sample(logits_V: NDArray[np.float32], params: SamplingParams, random: np.random.Generator) -> int:
    """Choose one token id. Ties in greedy decoding go to the lowest id."""
    if params.is_greedy:
        return int(np.argmax(logits_V))
    candidates, probabilities = nucleus(logits_V, params)
    drawn = np.searchsorted(np.cumsum(probabilities), random.random(), side="right")
    return int(candidates[min(int(drawn), candidates.size - 1)])  # rounding may leave the last sum just below 1


class Rules(Protocol):
    """What a grammar says about the next token."""

    def allowed(self) -> NDArray[np.bool_]: ...
    def take(self, token: int, /) -> None: ...


class Chooser:
    """Chooses the tokens of one answer, and remembers those it chose."""

    def __init__(self, params: SamplingParams, rules: Rules | None = None) -> None:
        self._params, self._rules = params, rules
        self._random = generator(params)
        self._times: Counter[int] = Counter()

    def choose(self, logits_V: NDArray[np.float32]) -> int:
        """Return the next token id."""
        chosen = sample(self._adjusted(logits_V), self._params, self._random)
        self._times[chosen] += 1
        if self._rules is not None:
            self._rules.take(chosen)
        return chosen

    def _adjusted(self, logits_V: NDArray[np.float32]) -> NDArray[np.float32]:
        params = self._params
        has_penalty = bool(params.presence_penalty or params.frequency_penalty)
        if not (params.logit_bias or (has_penalty and self._times) or self._rules):
            return logits_V
        adjusted_V = logits_V.copy()
        for token, bias in params.logit_bias:
            adjusted_V[token] += bias
        if has_penalty:
            for token, times in self._times.items():
                adjusted_V[token] -= params.presence_penalty + params.frequency_penalty * times
        if self._rules is not None:
            adjusted_V[~self._rules.allowed()[: adjusted_V.size]] = -np.inf
        return adjusted_V


def most_probable(log_V: NDArray[np.float64], count: int) -> tuple[tuple[int, float], ...]:
    """Return the `count` most probable token ids with their log-probabilities, most probable first."""
    if count == 0:
        return ()
    ids = np.argsort(-log_V, kind="stable")[:count]
    return tuple((int(i), float(log_V[i])) for i in ids)
