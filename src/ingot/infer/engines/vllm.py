"""vLLM answers many requests at once on GPUs, on several machines through Ray; it reads the model folder as it is.

Checked against a stand-in that follows vLLM's published API, not run on a GPU yet.

vLLM is a server of its own. This engine starts it as a child on a socket that nobody else reaches, or speaks to one at
an address, and hands it token ids: `/v1/completions` with `return_token_ids`. Stop strings and the end of a text are
seen to here, as for every engine. Forms of answers go to its structured outputs as a grammar for llguidance, so the
server must have been started with that backend (a child is). The cache of prompts' beginnings is salted for each
caller; a request without a salt gets one of its own.
Source: vLLM, vllm/entrypoints/openai/completion/protocol.py and serving.py; docs, "Online serving" (v0.28).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingot.core.confinement import die_with_parent
from ingot.core.errors import IngotError, InputError, MissingExtraError
from ingot.core.plugins import installed_version
from ingot.infer.engine import Control, EngineStats, Stop, cannot_embed, context_of, engine_lost, fitted
from ingot.infer.grammar import lark
from ingot.infer.remote import Address, AnsweredError
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

NEEDS_ACCELERATOR = True  # packaging does not look for it where there is none
_SERVED_AS = "model"
_MOST_ALTERNATIVES = 20
_MIXED = "Zürich, 12 €:\n\tdef f(x): return x ** 2  # 東京 👍"
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_END = 20.0
_STATS_SECONDS = 0.5
_LAST_WORDS = 2000
_TOKEN = re.compile(r"token_id:(\d+)")
_SAMPLE = re.compile(r"^(vllm:\w+)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
# Nothing reports anywhere, and nothing is looked up at a hub.
_SILENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}


@dataclass(frozen=True)
class Config:
    """Without an `address` a server is started as a child, which may take so many `seconds_to_start`.

    One at an address must have the same model, `--structured-outputs-config.backend guidance`, `--max-logprobs 20` and
    `--generation-config vllm`; `key` is its API key. `devices` are the GPUs a child divides the model among.
    `threads` counts for what a child computes on processors.
    """

    threads: int = 0
    address: str = ""
    key: str = ""
    devices: int = 1
    gpu_memory_share: float = 0.9
    seconds_to_start: float = 900.0


class Engine:
    """Answers with a vLLM server. Raises MissingExtraError when vLLM is not installed and no address is given."""

    name = "vllm"
    most_top_logprobs = _MOST_ALTERNATIVES
    controls: frozenset[Control] = frozenset({"grammar", "penalties", "logit_bias"})

    def __init__(self, model_folder: Path, config: Config) -> None:
        self.codec = Codec.load(model_folder)
        self._end_ids = stop_ids(self.codec)
        self._child = None if config.address else _Child(model_folder, config)
        self._address = Address(config.address, config.key) if self._child is None else self._child.address
        try:
            if self._child is not None:
                self._child.wait_until_up(config.seconds_to_start)
            self._model, longest = self._served()
            self._refuse_another_model(model_folder)
        except BaseException:
            self.close()
            raise
        self.context = min(context_of(model_folder), longest)

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made. Raises EngineLostError when the server ends in the middle of it."""
        shortened = fitted(prompt, params, self)
        body = self._body(prompt, shortened)
        return as_tokens(self._draw(body, shortened, stop), self.codec.decoder(), shortened, self._end_ids)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids that vLLM itself gives a text."""
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        return [int(token) for token in json.loads(self._address.ask("POST", "/tokenize", body))["tokens"]]

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one unit vector for each prompt, [N, D]. Raises InputError where the server generates instead."""
        body = {"model": self._model, "input": [[int(token) for token in prompt] for prompt in prompts]}
        try:
            answer = json.loads(self._address.ask("POST", "/v1/embeddings", body))
        except AnsweredError as error:
            raise cannot_embed(self) from error
        except OSError as error:
            raise engine_lost(self.name, str(error)) from error
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        vectors_ND = np.array([row["embedding"] for row in rows], dtype=np.float32)
        return np.asarray(vectors_ND / np.linalg.norm(vectors_ND, axis=1, keepdims=True), dtype=np.float32)

    def stats(self) -> EngineStats:
        """Return what the server's metrics say; nothing when it does not answer at once."""
        try:
            return stats_of(self._address.ask("GET", "/metrics", seconds=_STATS_SECONDS).decode("utf-8"))
        except (OSError, AnsweredError, ValueError):
            return EngineStats()

    def close(self) -> None:
        """End the child; a server at an address is left alone."""
        if self._child is not None:
            self._child.close()

    def _served(self) -> tuple[str, int]:
        """Return the name the model has there, and how many tokens it reads there."""
        try:
            model = json.loads(self._address.ask("GET", "/v1/models"))["data"][0]
            return str(model["id"]), int(model["max_model_len"])
        except (OSError, AnsweredError, ValueError, LookupError, TypeError) as error:
            raise InputError(
                "there is no vLLM server to speak to",
                where=self._address.text,
                why=str(error)[:_LAST_WORDS],
                fix="start it, or leave the address out to have one started",
            ) from error

    def _refuse_another_model(self, model_folder: Path) -> None:
        """Raise InputError for a server of another model: its tokens would be read as words that it did not say."""
        if self.tokenize(_MIXED) != self.codec.encode(_MIXED):
            raise InputError(
                "the vLLM server has another model, or another tokenizer",
                where=self._address.text,
                why="the same ids mean other text there",
                fix=f"serve the folder {model_folder} there",
            )

    def _body(self, prompt: Sequence[int], params: SamplingParams) -> dict[str, Any]:
        """Return the request as vLLM reads it; its defaults may come from the model's folder, so each is given."""
        body: dict[str, Any] = {
            "model": self._model,
            "prompt": [int(token) for token in prompt],
            "max_tokens": params.max_tokens,
            "temperature": 0.0 if params.is_greedy else params.temperature,
            "top_p": params.top_p,
            "top_k": params.top_k,
            "min_p": 0.0,
            "presence_penalty": params.presence_penalty,
            "frequency_penalty": params.frequency_penalty,
            "repetition_penalty": 1.0,
            "logprobs": params.top_logprobs,
            "stream": True,
            "add_special_tokens": False,
            # Of the ends of a text its server knows one; all of them are ours.
            "ignore_eos": True,
            "stop_token_ids": sorted(self._end_ids),
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "cache_salt": params.cache_salt or secrets.token_urlsafe(32),
        }
        if params.seed is not None:
            body["seed"] = params.seed
        if params.logit_bias:
            body["logit_bias"] = {str(token): bias for token, bias in params.logit_bias}
        if params.grammar is not None:
            body["structured_outputs"] = {"grammar": lark(params.grammar)}
        return body

    def _draw(self, body: Mapping[str, Any], params: SamplingParams, stop: Stop | None) -> Generator[Drawn, None, None]:
        events = self._address.events("/v1/completions", body, stop)
        try:
            for event in events:
                if "error" in event:
                    raise _broken_off(event["error"])
                for choice in event["choices"]:
                    yield from self._drawn(choice, params)
        except AnsweredError as error:
            raise _refused(error) from error
        except OSError as error:
            raise engine_lost(self.name, str(error)) from error
        finally:
            events.close()  # type: ignore[attr-defined]  # a generator

    def _drawn(self, choice: Mapping[str, Any], params: SamplingParams) -> Iterator[Drawn]:
        ids, told = choice.get("token_ids") or [], choice.get("logprobs") or {}
        logprobs, tops = told.get("token_logprobs") or [], told.get("top_logprobs") or []
        for place, token in enumerate(ids):
            logprob = logprobs[place] if place < len(logprobs) else None
            top = _alternatives(tops[place] if place < len(tops) else None, params.top_logprobs)
            # Rows beyond the vocabulary only fill the table up; one that is drawn all the same says nothing.
            known = int(token) if int(token) < self.codec.vocabulary else self.codec.pad
            yield Drawn(known, None if logprob is None else float(logprob), top)
        if choice.get("finish_reason") == "stop" and not (ids and ids[-1] in self._end_ids):
            yield Drawn(self.codec.eos)  # where the end itself was not told


def serve(parent: int, arguments: list[str]) -> None:
    """Be the server: what a child runs. It ends with its parent, however that ended."""
    die_with_parent(parent)
    from vllm.entrypoints.cli.main import main  # an optional extra: imported when the engine is built

    sys.argv = ["vllm", *arguments]
    main()


def stats_of(metrics: str) -> EngineStats:
    """Return how busy a server is, from the text of its metrics (Prometheus)."""
    found = {name: float(value) for name, value in _SAMPLE.findall(metrics)}
    sizes = dict(re.findall(r'(num_gpu_blocks|block_size)="(\d+)"', metrics))
    total = int(sizes["num_gpu_blocks"]) * int(sizes["block_size"]) if len(sizes) == 2 else None
    share = found.get("vllm:kv_cache_usage_perc")
    active, waiting = (found.get(f"vllm:num_requests_{name}") for name in ("running", "waiting"))
    return EngineStats(
        active=None if active is None else int(active),
        waiting=None if waiting is None else int(waiting),
        cache_tokens_used=None if share is None or total is None else round(share * total),
        cache_tokens_total=total,
    )


class _Child:
    """A server of our own, on a socket in a folder that only its owner may open."""

    def __init__(self, model_folder: Path, config: Config) -> None:
        if not installed_version("vllm"):
            raise MissingExtraError("the vLLM engine", "vllm")
        self._folder = tempfile.TemporaryDirectory(prefix="ingot-vllm-", ignore_cleanup_errors=True)
        self._words = Path(self._folder.name) / "output.log"
        self._model_folder = model_folder
        # Some of its paths ask for no key; a socket that nobody else may open needs none.
        self.address = Address(str(Path(self._folder.name) / "socket"))
        script = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve({os.getpid()}, "
        fixed = _SILENT | ({"OMP_NUM_THREADS": str(config.threads)} if config.threads else {})
        # `env` adds to what the child inherits, and becomes it.
        variables = ["env", *(f"{name}={value}" for name, value in fixed.items())]
        with self._words.open("wb") as output:
            self._process = subprocess.Popen(
                [*variables, sys.executable, "-c", f"{script}{_arguments(model_folder, config, self.address)!r})"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait_until_up(self, seconds: float) -> None:
        """Return when it answers. Raises InputError saying its last words when it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise self._failed("vLLM cannot open the model")
            with suppress(OSError, AnsweredError):
                self.address.ask("GET", "/health", seconds=_STATS_SECONDS)
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        raise self._failed(f"vLLM was not up within {seconds:g} seconds")

    def close(self) -> None:
        """Ask it to end, and see that it does."""
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _failed(self, what: str) -> InputError:
        words = self._words.read_bytes()[-_LAST_WORDS:].decode("utf-8", errors="replace").strip().splitlines()
        return InputError(what, where=str(self._model_folder), why=" / ".join(words[-3:]))


def _arguments(model_folder: Path, config: Config, address: Address) -> list[str]:
    return [
        *("serve", str(model_folder), "--uds", address.text, "--served-model-name", _SERVED_AS),
        *("--generation-config", "vllm", "--max-logprobs", str(_MOST_ALTERNATIVES), "--logprobs-mode", "raw_logprobs"),
        *("--structured-outputs-config.backend", "guidance"),
        *("--tensor-parallel-size", str(config.devices), "--gpu-memory-utilization", str(config.gpu_memory_share)),
    ]


def _alternatives(told: Mapping[str, float] | None, count: int) -> tuple[tuple[int, float], ...]:
    """Return the most probable tokens; the one that was drawn is told, too, and may be beyond them."""
    named = [(int(match[1]), float(value)) for name, value in (told or {}).items() if (match := _TOKEN.fullmatch(name))]
    return tuple(sorted(named, key=lambda pair: (-pair[1], pair[0]))[:count])


def _broken_off(error: Any) -> IngotError:
    why = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    return IngotError("vLLM broke the answer off", why=why[:_LAST_WORDS], fix="send the request again")


def _refused(error: AnsweredError) -> IngotError:
    if error.status >= 500:
        return IngotError("vLLM failed to answer", why=error.why, fix="send the request again")
    return InputError("vLLM does not take this request", why=error.why, fix="ask for less")
