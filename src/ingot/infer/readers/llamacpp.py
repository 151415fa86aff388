"""llama.cpp reads a GGUF file, in a process of its own that may end at any time and is then begun again.

Log-probabilities of a text that is given are asked for token by token, with a bias that leaves the sampler no choice:
what is reported is the model's own distribution, before the bias. What was read stays in its cache, so a text costs
one step a token. Everything but the weights is in full precision: by default llama.cpp keeps its cache in half
precision and uses a fast attention, which move log-probabilities by more than the file does.
Source: llama.cpp, tools/server/README.md (/completion, /tokenize).
"""

from __future__ import annotations

import http.client
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import InputError, StepError
from ingot.core.plugins import installed_version
from ingot.infer.gguf_header import check_gguf
from ingot.infer.reader import LONGEST

PACKAGE, EXTRA = "xllamacpp", "llamacpp"
_ATTEMPTS = 3  # its server was seen to end in the middle of an answer
_ALTERNATIVES = 64  # of which it reports the most probable, beside the token that follows
_ALL = 1 << 24
_BIAS = 1e6  # far above any logit
_PLACES = "completion_probabilities"
_SECONDS = 600.0
_SPARE_POSITIONS = 16


@dataclass(frozen=True)
class Config:
    """`threads` 0 takes one: threads that wait for one another stand still on a machine that does something else."""

    threads: int = 0


class Reader:
    """Opens the one GGUF file of a folder."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.program = f"llama.cpp ({PACKAGE} {installed_version(PACKAGE)})"
        self._file, self._threads = _only_file(folder), config.threads or 1
        check_gguf(self._file)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the reader is
        self._child = self._begin()
        (self._plain,) = self.tokenize(["a"])[0]

    def log_probabilities(self, ids: Sequence[int], asked_TA: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what it gives the asked tokens, as far as they are among its most probable."""
        known = [self._next(ids[: place + 1], token) for place, token in enumerate(ids[1:])]
        rows = [[row.get(int(token), np.nan) for token in tokens] for row, tokens in zip(known, asked_TA, strict=True)]
        return np.array(rows, dtype=np.float64)

    def _next(self, prompt: Sequence[int], token: int) -> dict[int, float]:
        """Return the log-probabilities of a token and of the most probable ones."""
        # A token that is no whole character is not reported when it is chosen: then a plain one is, and it is looked
        # for among the most probable, at last among all.
        for chosen, count in ((token, _ALTERNATIVES), (self._plain, _ALTERNATIVES), (self._plain, _ALL)):
            asked = {"prompt": list(prompt), "n_predict": 1, "n_probs": count, "cache_prompt": True}
            for place in self._completed({**asked, "logit_bias": [[chosen, _BIAS]]}).get(_PLACES, ()):
                assert place["id"] == chosen, f"the bias left a choice: {place['id']} for {chosen}"
                known = {one["id"]: one["logprob"] for one in (*place["top_logprobs"], place)}
                if token in known:
                    return known
        raise StepError("llama.cpp does not say how probable a token is", where=f"token {token}")

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """Return the most probable continuation."""
        asked = {"prompt": list(prompt), "n_predict": count, "return_tokens": True, "cache_prompt": False}
        tokens: list[int] = self._completed(asked)["tokens"]
        return tokens

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        asked = ({"content": text, "add_special": False, "parse_special": False} for text in texts)
        return [self._answer("/tokenize", one)["tokens"] for one in asked]

    def close(self) -> None:
        """End the process."""
        self._child.end()
        self._log.close()

    def _completed(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._answer("/completion", {"temperature": 0, **asked})
        return answer

    def _answer(self, path: str, asked: Mapping[str, Any]) -> Any:
        for _ in range(_ATTEMPTS):
            try:
                return self._child.post(path, asked)
            except (OSError, http.client.HTTPException):
                self._child.end()
                self._child = self._begin()
        raise StepError(
            f"llama.cpp ended {_ATTEMPTS} times while it was asked the same",
            where=str(self._file),
            why=self._last_words(),
            fix="export the model in another format; without an answer there is no certificate",
        )

    def _begin(self) -> _Child:
        child = _Child(self._file, self._threads, self._log)
        if not child.is_ready:
            why = self._last_words()
            self._log.close()
            raise InputError(
                "llama.cpp cannot open this file",
                where=str(self._file),
                why=why,
                fix="export the model in another format",
            )
        return child

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-500:].strip()


class _Child:
    """The process llama.cpp runs in: it answers on loopback, to whoever has its key, as long as we hold its input."""

    def __init__(self, file: Path, threads: int, log: Any) -> None:
        self._key = secrets.token_hex(16)
        command = [sys.executable, "-m", __name__, str(file), str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(self._key + "\n")
            self._process.stdin.flush()
            self._address = urlsplit(self._process.stdout.readline().strip())
        except BrokenPipeError:
            self._address = urlsplit("")
        self.is_ready = bool(self._address.hostname)
        self._connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=_SECONDS
        )
        if not self.is_ready:
            self.end()

    def post(self, path: str, asked: Mapping[str, Any]) -> Any:
        """Send one request and return its answer."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        self._connection.request("POST", path, json.dumps(asked), headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        if response.status != http.client.OK:
            raise StepError("llama.cpp refused what it was asked", where=path, why=str(answer)[:300])
        return answer

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _only_file(folder: Path) -> Path:
    files = sorted(folder.glob("*.gguf"))
    if len(files) != 1:
        what = f"the folder holds {len(files)} GGUF files" if files else "the folder holds no GGUF file"
        raise InputError(what, where=str(folder), fix="name a folder that `ingot export` wrote")
    return files[0]


def _serve(file: str, threads: int) -> None:
    """Run llama.cpp's server until the other end of standard input is closed."""
    import xllamacpp  # an optional extra, and a library that may end its process

    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.n_ctx, settings.n_parallel = LONGEST + _SPARE_POSITIONS, 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    settings.api_keys = [sys.stdin.readline().strip()]
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
