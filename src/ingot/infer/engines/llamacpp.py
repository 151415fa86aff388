"""llama.cpp reads the exported GGUF file: quick to start, small, and at home on ARM and other processors without AVX.

Its own server loop answers several requests at once; we hand it token ids and read token ids back. It says nothing
about a token that ends inside a character until the character is whole, so such tokens are told from its bytes and
have no log-probability; where bytes can be cut in several ways, the text is the same whichever is told.
Penalties are refused: llama.cpp counts the prompt, the reference only the answer.
Source: xllamacpp, `Server.handle_completions`; llama.cpp, tools/server/README.md, "POST /completion".
"""

from __future__ import annotations

import http.client
import itertools
import json
import queue
import secrets
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import IngotError, InputError, MissingExtraError
from ingot.core.hardware import usable_cores
from ingot.infer.cache_room import cache_room
from ingot.infer.engine import Control, EngineStats, Stop, cannot_embed, context_of, fitted
from ingot.infer.gguf_header import check_gguf
from ingot.infer.grammar import lark
from ingot.infer.sampling import SamplingParams
from ingot.infer.slots import Slots
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

MODEL_FILE = "model-f16.gguf"
_BATCH_TOKENS = 512  # a long prompt is read in pieces, so that a cancelled request is noticed between two of them
_MOST_CACHE_TOKENS = 32_768  # beyond this the answers under way share one cache instead of having a context each
_POLL_SECONDS = 0.05
_BROKEN = 0xF0  # a byte that begins a character and is none


@dataclass(frozen=True)
class Config:
    """`threads` 0 uses the cores this process may use; `slots` answers are made at once, further ones wait.

    `precision` is that of the cache: f16 is faster and moves log-probabilities by more than the file does.
    """

    threads: int = 0
    slots: int = 4
    precision: Literal["f32", "f16"] = "f32"


class Engine:
    """Answers with the GGUF file of a model folder. Raises MissingExtraError when llama.cpp is not installed."""

    name = "llamacpp"
    most_top_logprobs = 20
    controls: frozenset[Control] = frozenset({"grammar", "logit_bias"})

    def __init__(self, model_folder: Path, config: Config) -> None:
        self.codec = Codec.load(model_folder)
        self.context = context_of(model_folder)
        self._end_ids = stop_ids(self.codec)
        self._slots = config.slots
        room = cache_room(model_folder, self.context, 4 if config.precision == "f32" else 2)
        self._cache_tokens = min(self.context * config.slots, max(self.context, min(room, _MOST_CACHE_TOKENS)))
        self._key = secrets.token_hex(16)
        self._server = _open(model_folder / MODEL_FILE, config, self._cache_tokens, self._key, self.context)
        self._places = Slots(config.slots)
        self._active: dict[int, int] = {}  # tokens in the cache, by number of the request
        self._numbers = itertools.count()

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        shortened = fitted(prompt, params, self)
        body = _body(prompt, shortened)
        return as_tokens(self._draw(body, shortened, stop), self.codec.decoder(), shortened, self._end_ids)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids llama.cpp itself gives a text, from the tokenizer in the file."""
        address = urlsplit(self._server.listening_address)
        connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=60)
        try:
            body = json.dumps({"content": text, "add_special": False, "parse_special": False})
            connection.request("POST", "/tokenize", body, {"Authorization": f"Bearer {self._key}"})
            return [int(token) for token in json.loads(connection.getresponse().read())["tokens"]]
        finally:
            connection.close()

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Raise InputError: the exported file holds no embedding head."""
        raise cannot_embed(self)

    def stats(self) -> EngineStats:
        """Return how many answers are under way, and how much of the cache they may fill."""
        used = sorted(self._active.values(), reverse=True)[: self._slots]
        active = len(self._active)
        return EngineStats(min(active, self._slots), max(0, active - self._slots), sum(used), self._cache_tokens)

    def close(self) -> None:
        """Drop the model; requests still under way end with an error."""
        del self._server

    def _draw(self, body: dict[str, Any], params: SamplingParams, stop: Stop | None) -> Generator[Drawn, None, None]:
        number = next(self._numbers)
        self._active[number] = len(body["prompt"]) + params.max_tokens
        try:
            # What a slot read last is another caller's secret, as the time to the first token would tell it.
            if (taken := self._places.take(params.cache_salt, body["prompt"], stop)) is None:
                return
            slot, is_known = taken
            chunks: queue.SimpleQueue[Any] = queue.SimpleQueue()
            gone = threading.Event()
            placed = {**body, "id_slot": slot.number, "cache_prompt": is_known}
            arguments = (self._server, placed, chunks, gone)
            threading.Thread(target=_run, args=arguments, name="llama.cpp request").start()
            try:
                yield from self._read(chunks, params, stop)
            finally:
                gone.set()
                # The server may need a moment to see that; who asks for this slot until then waits in its own queue.
                self._places.give_back(slot)
        finally:
            del self._active[number]

    def _read(
        self, chunks: queue.SimpleQueue[Any], params: SamplingParams, stop: Stop | None
    ) -> Generator[Drawn, None, None]:
        told, cached = 0, None
        while stop is None or not stop():
            try:
                chunk = chunks.get(timeout=None if stop is None else _POLL_SECONDS)
            except queue.Empty:
                continue
            if chunk is None:
                return
            if "choices" not in chunk:
                raise _failure(chunk)
            choice = chunk["choices"][0]
            timings = chunk.get("timings", {})
            made = timings.get("predicted_n", told)
            cached = timings.get("cache_n") if told == 0 else None
            content = (choice["logprobs"] or {}).get("content", [])
            for token in self._untold(choice["text"], content, made - told - len(content)):
                yield Drawn(token, cached=cached)
                cached = None
            told = max(told, made)
            for one in content:
                top = [(int(other["id"]), float(other["logprob"])) for other in one["top_logprobs"]]
                yield Drawn(self._known(one["id"]), float(one["logprob"]), tuple(top[: params.top_logprobs]), cached)
                cached = None
            if choice["finish_reason"] == "stop" and not content:
                yield Drawn(self.codec.eos)  # where the end itself was not told

    def _known(self, token: int) -> int:
        # Rows beyond the vocabulary only fill the table up; one that is drawn all the same says nothing.
        return token if token < self.codec.vocabulary else self.codec.pad

    def _untold(self, text: str, content: list[dict[str, Any]], count: int) -> list[int]:
        """Return the `count` tokens before those in `content` whose bytes only now became a character."""
        if count <= 0:
            return []
        own = sum(len(self.codec.token_bytes(self._known(one["id"]))) for one in content)
        written = text.encode("utf-8")
        missing = written[: len(written) - own]
        if not missing or "\ufffd" in text:
            return [self._token_of[bytes([_BROKEN])]] * count
        return self._cut(missing, count) or [self._token_of[bytes([_BROKEN])]] * count

    def _cut(self, missing: bytes, count: int) -> list[int]:
        """Return tokens that spell the bytes, as many as asked for; the longest first where there is a choice."""
        if count == 1:
            return [self._token_of[missing]] if missing in self._token_of else []
        for length in range(len(missing) - count + 1, 0, -1):
            if missing[:length] in self._token_of and (rest := self._cut(missing[length:], count - 1)):
                return [self._token_of[missing[:length]], *rest]
        return []

    @cached_property
    def _token_of(self) -> dict[bytes, int]:
        spelled = ((self.codec.token_bytes(token), token) for token in range(self.codec.vocabulary))
        return {content: token for content, token in spelled if content}


def _open(path: Path, config: Config, cache_tokens: int, key: str, context: int) -> Any:
    try:
        import xllamacpp  # an optional extra: imported when the engine is built
    except ImportError as error:
        raise MissingExtraError("the llama.cpp engine", "llamacpp") from error
    if not path.is_file():
        raise InputError(
            f"the model folder has no {path.name}",
            where=str(path),
            why="the llama.cpp engine reads the exported file",
            fix="use the torch engine, or package the model again",
        )
    check_gguf(path)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx, settings.n_parallel = cache_tokens, config.slots
    settings.kv_unified = cache_tokens < context * config.slots
    settings.n_batch = settings.n_ubatch = _BATCH_TOKENS
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = config.threads or usable_cores()
    settings.api_keys = [key]  # it also listens on loopback, where other people of this machine may be
    settings.ui = settings.endpoint_slots = settings.warmup = False
    settings.cache_ram_mib = 0  # prompts that left their slot would be found again by any caller
    settings.verbosity = -1
    if config.precision == "f32":
        settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    try:
        return xllamacpp.Server(settings)
    except (RuntimeError, ValueError) as error:
        raise InputError("llama.cpp cannot open the exported file", where=str(path), why=str(error)[:200]) from error


def _body(prompt: Sequence[int], params: SamplingParams) -> dict[str, Any]:
    """Return the request as llama.cpp reads it; its defaults are other than the reference's, so each is given."""
    body = {
        "prompt": list(prompt),
        "n_predict": params.max_tokens,
        "stream": True,
        "n_probs": max(1, params.top_logprobs),
        "timings_per_token": True,
        "return_progress": True,
        "samplers": ["temperature", "top_k", "top_p"],
        "temperature": params.temperature,
        "top_k": 1 if params.is_greedy else params.top_k,
        "top_p": params.top_p,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "seed": secrets.randbits(32) if params.seed is None else params.seed % 2**32,
        "logit_bias": [[token, bias] for token, bias in params.logit_bias],
    }
    if params.grammar is not None:
        body["grammar"] = "%llguidance {}\n" + lark(params.grammar)
    return body


def _run(server: Any, body: dict[str, Any], chunks: queue.SimpleQueue[Any], gone: threading.Event) -> None:
    def hear(chunk: Any) -> bool:
        chunks.put(chunk)
        return gone.is_set()  # True ends the request

    try:
        server.handle_completions(body, hear)
        chunks.put(None)
    except Exception as error:  # crosses to the reader's thread, where it is raised as what it is
        chunks.put({"message": f"{type(error).__name__}: {error}"})


def _failure(chunk: Any) -> IngotError:
    said = chunk.get("error", chunk)
    why = str(said.get("message", said))[:300] if isinstance(said, dict) else str(said)[:300]
    return IngotError("llama.cpp broke the answer off", why=why, fix="send the request again")
