"""The fast engine on x86: OpenVINO reads the exported GGUF file and answers many requests in one batch.

All requests share one paged cache and advance together, one token a step. There is no thread of our own: whoever waits
for a token takes the turn and steps the batch for everybody, or a caller with a loop of its own does it (`step`).
Prompts are token ids, so the tokenizer OpenVINO would build from the file is never used. It computes in full precision:
the file is certified against the reference, and half precision alone moves log-probabilities by 1e-2. A step holds the
interpreter's lock, so whoever serves a network beside it runs this engine in a child process (`supervised`).

Its cache of prefixes knows blocks of tokens by a hash of all ids up to their end. It has no salt, and a caller could
tell by the clock what others have asked; so the first id of a prompt carries the salt above its lowest 32 bits, which
the hash counts and the processor's table look-up drops. That is tried when the model is opened, and where it does not
hold the cache stays off. It says nothing about hits, so answers tell no number of cached tokens. With a draft model it
is off, too: OpenVINO breaks sampled answers off when it has both.

Its penalties are refused, since they work on the distance of a logit from zero, and the reference's lower it.
Source: openvino.genai, ContinuousBatchingPipeline (add_request, step, GenerationHandle), StructuredOutputConfig,
src/cpp/src/sequence_group.cpp (the hash of a block).
"""

from __future__ import annotations

import itertools
import logging
import secrets
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import IngotError, InputError, MissingExtraError
from ingot.core.hardware import usable_cores
from ingot.infer.cache_room import cache_room
from ingot.infer.engine import Control, EngineStats, Heard, Stop, cannot_embed, context_of, fitted
from ingot.infer.forcing import Hold, TokenSet
from ingot.infer.gguf_header import check_gguf
from ingot.infer.grammar import Grammar, ebnf
from ingot.infer.parity import MIXED_TEXTS
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Telling, Token
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

MODEL_FILE = "model-f16.gguf"
_log = logging.getLogger(__name__)
_MOST_GRAMMARS = 256
_MOST_SALTS = 65_536
_PROBE_TOKENS = 48
_SALT_BITS = 31
_BLOCK_TOKENS = 32  # of the paged cache on processors


@dataclass(frozen=True)
class Config:
    """`threads` 0 uses the cores this process may use; `precision` bf16 is faster where the processor multiplies it.

    `draft` is the folder of a smaller model with the same tokenizer, which guesses `draft_tokens` ahead. Opening tries
    whether that gives the same tokens sooner, and goes on without it otherwise.
    """

    threads: int = 0
    precision: Literal["f32", "bf16"] = "f32"
    draft: str = ""
    draft_tokens: int = 4


class Engine:
    """Answers with the GGUF file of a model folder. Raises MissingExtraError when OpenVINO is not installed."""

    name = "openvino"
    most_top_logprobs = 0  # it reports the chosen token's log-probability, and no alternatives
    controls: frozenset[Control] = frozenset({"grammar"})

    def __init__(self, model_folder: Path, config: Config) -> None:
        openvino, self._genai = import_quietly()
        self._tensor = openvino.Tensor
        self.codec = Codec.load(model_folder)
        self.context = context_of(model_folder)
        self._end_ids = stop_ids(self.codec)
        self._control_names = _names_of_control_tokens(self.codec)
        self._cache_tokens: int | None = _cache_tokens(model_folder, self.context, config)
        opening = partial(_open, self._genai, model_folder / MODEL_FILE, config)
        self._reopen = partial(opening, cache_tokens=self._cache_tokens, keeps_prefixes=True)
        self._pipeline = self._reopen()
        self._guesses = 0
        self._salts: OrderedDict[str, int] = OrderedDict()
        self._keeps_prefixes = self._drops_salts()
        if not self._keeps_prefixes:
            self._reopen = partial(opening, cache_tokens=self._cache_tokens, keeps_prefixes=False)
            self._pipeline = self._reopen()
        if config.draft:
            self._try_draft(model_folder, Path(config.draft), opening, config.draft_tokens)
        self._grammars: set[Grammar] = set()
        self._turn = threading.Lock()
        self._numbers = itertools.count()
        self._answers: dict[int, _Answer] = {}

    @property
    def is_drafted(self) -> bool:
        """Whether a smaller model guesses ahead."""
        return self._guesses > 0

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        return self._tokens(self._prepared(prompt, params), stop)

    def begin(self, prompt: Sequence[int], params: SamplingParams) -> int:
        """Begin an answer and return its number."""
        answer = self._prepared(prompt, params)
        with self._turn:
            return self._add(answer)

    def step(self) -> list[tuple[int, Heard]]:
        """Go on by one token for every answer, and return what each said."""
        with self._turn:
            self._step()
            told = [(number, one) for number, answer in self._answers.items() for one in answer.take()]
            for number, one in told:
                if one is None or isinstance(one, IngotError):
                    self._remove(number)
        return told

    def drop(self, number: int) -> None:
        """End an answer that nobody wants any more, if it is not over."""
        with self._turn:
            self._remove(number)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids OpenVINO itself gives a text, from the tokenizer in the file."""
        ids = self._pipeline.get_tokenizer().encode(text, add_special_tokens=False).input_ids.data
        return [int(token) for token in ids[0]]

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Raise InputError: this engine reads no embedding head."""
        raise cannot_embed(self)

    def stats(self) -> EngineStats:
        """Return how many answers are under way, the tokens they may fill, and how many there is room for."""
        tokens = sum(answer.most_tokens for answer in list(self._answers.values()))
        return EngineStats(len(self._answers), 0, tokens, self._cache_tokens)

    def close(self) -> None:
        """Drop the model; requests still under way end with an error."""
        with self._turn:
            del self._pipeline

    @cached_property
    def _token_set(self) -> TokenSet:
        return TokenSet(self.codec, self._end_ids)

    def _prepared(self, prompt: Sequence[int], params: SamplingParams) -> _Answer:
        shortened = fitted(prompt, params, self)
        settings = _settings(self._genai, shortened, self._end_ids, self._control_names)
        if self._guesses:
            settings.num_assistant_tokens = self._guesses
        # What it lets through is checked once more: an answer that leaves its grammar ends with an error.
        rules = None if shortened.grammar is None else self._token_set.hold(shortened.grammar)
        ids = np.asarray([prompt], dtype=np.int64)
        if self._keeps_prefixes:
            ids[0, 0] += self._salt(shortened.cache_salt) << 32
        telling = Telling(self.codec.decoder(), shortened, self._end_ids)
        return _Answer(
            self._tensor(ids), settings, telling, rules, shortened.grammar, len(prompt) + shortened.max_tokens
        )

    def _salt(self, name: str | None) -> int:
        """Return the number that stands for a salt; without a name it is one that never comes again."""
        if name is None:
            return secrets.randbits(_SALT_BITS)
        # Drawn, not counted: who can guess it could look for a prompt whose hash is that of somebody else's.
        number = self._salts.setdefault(name, secrets.randbits(_SALT_BITS))
        self._salts.move_to_end(name)
        if len(self._salts) > _MOST_SALTS:
            self._salts.popitem(last=False)  # what was kept under it is never found again
        return number

    def _drops_salts(self) -> bool:
        """Try whether an id with a salt above it is to the model the id alone."""
        largest = (1 << _SALT_BITS) - 1
        for token in (self.codec.bos, self.codec.vocabulary - 1):
            said = [self._said([token + (salt << 32)], 1) for salt in (0, 1, largest)]
            if any(one != said[0] for one in said):
                return False
        return True

    def _said(self, prompt: Sequence[int], count: int) -> tuple[list[int], list[float]]:
        """Return the most probable ids after a prompt, and their log-probabilities."""
        settings = self._genai.GenerationConfig()
        settings.max_new_tokens, settings.ignore_eos, settings.logprobs = count, True, 1
        settings.num_assistant_tokens = self._guesses
        handle = self._pipeline.add_request(0, self._tensor(np.asarray([prompt], dtype=np.int64)), settings)
        ids: list[int] = []
        values: list[float] = []
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            while handle.can_read():
                for output in handle.read().values():
                    ids += output.generated_ids
                    values += output.generated_log_probs
        return ids, values

    def _try_draft(self, folder: Path, draft: Path, opening: Callable[..., Any], guesses: int) -> None:
        """Have a smaller model guess ahead, if the same tokens come sooner with it."""
        _refuse_other_tokens(folder, draft)
        prompt = [self.codec.bos, *self.codec.encode(MIXED_TEXTS[0])][: self.context // 2]
        count = min(_PROBE_TOKENS, self.context - len(prompt))
        alone, seconds = self._timed(prompt, count)
        plain = self._pipeline
        reopen = partial(_open_with_draft, self._genai, opening, draft / MODEL_FILE)
        self._pipeline, self._guesses = reopen(), guesses
        together, fewer = self._timed(prompt, count)
        if together == alone and fewer < seconds:
            self._reopen, self._keeps_prefixes, self._cache_tokens = reopen, False, None
            return
        self._pipeline, self._guesses = plain, 0
        how = f"{count / fewer:.0f} tokens/s, {count / seconds:.0f} without" if together == alone else "other tokens"
        _log.warning("the draft model %s is not used: it gives %s", draft, how)

    def _timed(self, prompt: Sequence[int], count: int) -> tuple[list[int], float]:
        """Return the most probable ids, and the seconds they take once everything is prepared."""
        ids, _ = self._said(prompt, count)
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            self._said(prompt, count)
            seconds.append(time.perf_counter() - started)
        return ids, min(seconds)

    def _tokens(self, answer: _Answer, stop: Stop | None) -> Iterator[Token]:
        with self._turn:
            number = self._add(answer)
        try:
            while stop is None or not stop():
                with self._turn:
                    if not answer.told:
                        self._step()
                    told = answer.take()
                for one in told:
                    if isinstance(one, IngotError):
                        raise one
                    if one is None:
                        return
                    yield from one
        finally:
            self.drop(number)

    # What follows is called by whoever has the turn.

    def _add(self, answer: _Answer) -> int:
        self._forget_grammars(answer.grammar)
        number = next(self._numbers)
        answer.handle = self._pipeline.add_request(number, answer.ids, answer.settings)
        self._answers[number] = answer
        return number

    def _step(self) -> None:
        """Go on by one token for everybody. What fails in a step fails in every later one until it is taken out."""
        try:
            self._pipeline.step()
        except RuntimeError as error:
            lost = IngotError("OpenVINO broke the answer off", why=str(error)[:300], fix="send the request again")
            for answer in self._answers.values():
                answer.handle.cancel()
                answer.end(lost)
            return
        for answer in self._answers.values():
            answer.read(self.codec)
            if not answer.is_over and answer.handle.get_status() != self._genai.GenerationStatus.RUNNING:
                answer.end(_out_of_memory())

    def _remove(self, number: int) -> None:
        answer = self._answers.pop(number, None)
        if answer is None:
            return
        answer.handle.cancel()
        # A cancelled request gives its cache back in the next step; where others are under way, that comes by itself.
        if not self._answers and self._pipeline.has_non_finished_requests():
            self._step()

    def _forget_grammars(self, grammar: Grammar | None) -> None:
        """Open the model again once it has kept too many grammars: it never gives one back, about 0.4 MB each."""
        if len(self._grammars) >= _MOST_GRAMMARS and not self._answers:
            del self._pipeline
            self._pipeline = self._reopen()
            self._grammars.clear()
        if grammar is not None:
            self._grammars.add(grammar)


@dataclass(eq=False)
class _Answer:
    """An answer under way: what was asked, and what came that nobody took yet."""

    ids: Any
    settings: Any
    telling: Telling
    rules: Hold | None
    grammar: Grammar | None
    most_tokens: int
    handle: Any = None
    told: list[Heard] = field(default_factory=list)
    is_over: bool = False

    def read(self, codec: Codec) -> None:
        """Tell what its handle has to say."""
        while not self.is_over and self.handle.can_read():
            for output in self.handle.read().values():
                self._tell(output.generated_ids, output.generated_log_probs, codec)

    def _tell(self, ids: Sequence[int], log_probabilities: Sequence[float], codec: Codec) -> None:
        tokens: list[Token] = []
        for token, logprob in zip(ids, log_probabilities, strict=True):
            # Rows beyond the vocabulary only fill the table up; one that is drawn all the same says nothing.
            known = token if token < codec.vocabulary else codec.pad
            try:
                if self.rules is not None:
                    self.rules.take(token)
                tokens.append(self.telling.tell(Drawn(known, logprob)))
            except IngotError as error:
                self.told.append(tokens)
                self.end(error)
                return
            if tokens[-1].finish is not None:
                break
        if tokens:
            self.told.append(tokens)
            if tokens[-1].finish is not None:
                self.end(None)

    def end(self, how: IngotError | None) -> None:
        """Tell nothing more."""
        if not self.is_over:
            self.told.append(how)
            self.is_over = True

    def take(self) -> list[Heard]:
        """Return what came since the last time."""
        told, self.told = self.told, []
        return told


def _out_of_memory() -> IngotError:
    return IngotError(
        "the answer was broken off: there is no memory for it",
        why="OpenVINO could not hold what was read and written so far",
        fix="ask for less at a time, or serve fewer requests at once",
    )


def import_quietly() -> tuple[ModuleType, Any]:
    """Return openvino and its generation library, imported so that neither reports over the network."""
    # Importing openvino sends a report over the network unless its telemetry package cannot be found; the documented
    # opt-out variables do not stop it. None in sys.modules makes that import fail, which openvino accepts; typeshed
    # allows modules alone there.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino  # an optional extra: imported when the engine is built
        from openvino_genai import py_openvino_genai
    except ImportError as error:
        raise MissingExtraError("the OpenVINO engine", "openvino") from error
    return openvino, py_openvino_genai


def _open(
    genai: Any,
    path: Path,
    config: Config,
    *,
    cache_tokens: int | None,
    keeps_prefixes: bool,
    draft: Path | None = None,
) -> Any:
    if not path.is_file():
        raise InputError(
            f"the model folder has no {path.name}",
            where=str(path),
            why="the OpenVINO engine reads the exported file",
            fix="use the torch engine, or package the model again",
        )
    check_gguf(path)
    properties: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": config.threads or usable_cores(),
        "INFERENCE_PRECISION_HINT": config.precision,
        "KV_CACHE_PRECISION": config.precision,
    }
    scheduling = genai.SchedulerConfig()
    scheduling.enable_prefix_caching = keeps_prefixes
    if cache_tokens is not None:  # else it grows as it must
        scheduling.num_kv_blocks = -(-cache_tokens // _BLOCK_TOKENS)  # taken from the system only as it is filled
    if draft is not None:
        properties["draft_model"] = genai.draft_model(str(draft), "CPU", **properties)
    return genai.ContinuousBatchingPipeline(str(path), scheduling, "CPU", properties)


def _cache_tokens(model_folder: Path, context: int, config: Config) -> int:
    """Return how many tokens the cache has room for, of all answers together: one whole context at least."""
    tokens = cache_room(model_folder, context, 4 if config.precision == "f32" else 2)
    return -(-tokens // _BLOCK_TOKENS) * _BLOCK_TOKENS


def _refuse_other_tokens(folder: Path, draft: Path) -> None:
    if not (draft / MODEL_FILE).is_file():
        raise InputError(f"the draft model has no {MODEL_FILE}", where=str(draft), fix="package it again")
    own, other = ((one / "tokenizer.json").read_bytes() for one in (folder, draft))
    if own != other:
        raise InputError(
            "the draft model has another tokenizer",
            where=str(draft),
            why="its guesses are ids, which mean other texts to this model",
            fix="take a smaller model that was trained with the same tokenizer",
        )


def _open_with_draft(genai: Any, opening: Callable[..., Any], file: Path) -> Any:
    """Open the model with the one in a GGUF file as its draft, which OpenVINO reads in its own form alone."""
    with tempfile.TemporaryDirectory(prefix="ingot-draft-") as scratch:
        link = Path(scratch) / file.name
        check_gguf(file)
        link.symlink_to(file.resolve())
        genai.LLMPipeline(
            str(link), "CPU", enable_save_ov_model=True
        )  # writes beside the link what it made of the file
        return opening(cache_tokens=None, keeps_prefixes=False, draft=Path(scratch))


def _settings(genai: Any, params: SamplingParams, end_ids: frozenset[int], names: frozenset[str]) -> Any:
    settings = genai.GenerationConfig()
    settings.max_new_tokens = params.max_tokens
    if params.grammar is None:
        settings.ignore_eos = True  # as_tokens ends the answer, alike for every engine
    else:
        settings.stop_token_ids = set(end_ids)
        settings.structured_output_config = genai.StructuredOutputConfig(grammar=ebnf(params.grammar, names))
    settings.logprobs = 1
    settings.do_sample = not params.is_greedy
    if settings.do_sample:
        settings.temperature = params.temperature
        settings.top_p = params.top_p
        settings.rng_seed = _fresh_seed() if params.seed is None else params.seed % 2**32
        if params.top_k:
            settings.top_k = params.top_k
    return settings


def _names_of_control_tokens(codec: Codec) -> frozenset[str]:
    silent = (token for token in range(codec.vocabulary) if not codec.token_bytes(token))
    return frozenset(str(codec.tokenizer.id_to_token(token)) for token in silent)


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
