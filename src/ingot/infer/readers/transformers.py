"""transformers reads a Hugging Face folder, with the tokenizer it finds there.

Nothing is fetched and no code of the folder is run. The weights stay what they are, and are multiplied in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ingot.core.plugins import installed_version

PACKAGE = EXTRA = "transformers"


@dataclass(frozen=True)
class Config:
    """`threads` 0 leaves torch's number as it is."""

    threads: int = 0


class Reader:
    """Opens a folder."""

    def __init__(self, folder: Path, config: Config) -> None:
        import transformers  # an optional extra that takes seconds to import

        if config.threads:
            torch.set_num_threads(config.threads)
        self.program = f"transformers {installed_version(PACKAGE)}"
        only_here: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        library: Any = transformers
        load = library.AutoModelForCausalLM.from_pretrained
        self._model: Any = load(folder, dtype=torch.float32, use_safetensors=True, **only_here).eval()
        self._tokenizer: Any = library.AutoTokenizer.from_pretrained(folder, **only_here)

    @torch.inference_mode()
    def log_probabilities(self, ids: Sequence[int], asked_TA: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what it gives the asked tokens."""
        logits_TV = self._model(torch.tensor([list(ids)[:-1]])).logits[0].double()
        log_TA = torch.log_softmax(logits_TV, -1).gather(1, torch.from_numpy(asked_TA))
        return np.asarray(log_TA.numpy(), dtype=np.float64)

    @torch.inference_mode()
    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """Return the most probable continuation, by its own `generate`."""
        asked = torch.tensor([list(prompt)])
        mask = torch.ones_like(asked)
        said = self._model.generate(asked, attention_mask=mask, max_new_tokens=count, do_sample=False)
        return [int(token) for token in said[0, len(prompt) :]]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        read = self._tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return [list(map(int, ids)) for ids in read]

    def close(self) -> None:
        """Drop the weights."""
        del self._model
