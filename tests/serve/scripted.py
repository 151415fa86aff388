"""An engine that says what a test wrote: control tokens by name, the rest as text."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from ingot.infer.engine import Stop, fitted
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

_MARKS = re.compile(r"(</?tool_call>|<\|im_end\|>)")


class ScriptedEngine(Engine):
    """Answers with `script`, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Config())
        self.context = 4096
        self.script = "Hello.<|im_end|>"
        self.asked: list[tuple[Sequence[int], SamplingParams]] = []

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        self.asked.append((prompt, params))
        params = fitted(prompt, params, self)
        return as_tokens(self._script(), self.codec.decoder(), params, stop_ids(self.codec))

    def _script(self) -> Generator[Drawn, None, None]:
        for token in ids(self.script, self.codec):
            yield Drawn(token, -0.5)


def ids(script: str, codec: Codec) -> list[int]:
    """Return the ids of a text in which control tokens are written by name."""
    return [
        token
        for part in _MARKS.split(script)
        for token in ([codec.special(part)] if _MARKS.fullmatch(part) else codec.encode(part))
    ]
