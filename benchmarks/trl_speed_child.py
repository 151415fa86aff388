"""Train with TRL for a few steps at a time, and tell what they cost: run by `align_speed` in an environment of its own.

    python trl_speed_child.py MODEL_FOLDER CONVERSATIONS PREFERENCES

A line of JSON on standard input asks for a round: which trainer, how many steps, the seed. A line of JSON answers:
processor seconds from the end of the first step to the end of the last, collation included, and the tokens read in
between that are no padding. The first step of a round is left out, for it warms up.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch
from datasets import Dataset  # type: ignore[import-not-found]  # as below
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import (  # type: ignore[import-not-found]  # of the environment this child runs in, after the settings above
    DPOConfig,
    DPOTrainer,
    SFTConfig,
    SFTTrainer,
)

LONGEST, BATCH = 512, 8
# What `tuned` says is what is known to help on a processor: nothing computed twice, and texts of one length together.
TUNED = {"gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"}


class Clock(TrainerCallback):
    """Notes the processor time at the end of every step."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note it."""
        self.ends.append(time.process_time())


class Side:
    """One of TRL's trainers, asked for rounds."""

    def __init__(self, trainer: Any, config: Any, data: Any, model: str, scratch: str, **changes: Any) -> None:
        usual = {"output_dir": scratch, "report_to": [], "use_cpu": True, "save_strategy": "no", "disable_tqdm": True}
        settings = config(
            **usual, per_device_train_batch_size=BATCH, max_length=LONGEST, max_steps=1, logging_steps=1, **changes
        )
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(model)
        self._clock, self._read = Clock(), list[int]()
        self._trainer = trainer(
            loaded, args=settings, train_dataset=data, processing_class=tokenizer, callbacks=[self._clock]
        )
        collate = self._trainer.data_collator

        def counted(examples: Any) -> Any:
            batch = collate(examples)
            self._read.append(int(batch["attention_mask"].sum()))
            return batch

        self._trainer.data_collator = counted

    def round(self, steps: int, seed: int) -> dict[str, float]:
        """Take some steps; return seconds, tokens and the mean loss of all but the first."""
        self._clock.ends.clear()
        self._read.clear()
        self._trainer.args.max_steps, self._trainer.args.seed = steps, seed
        with contextlib.redirect_stdout(io.StringIO()):
            done = self._trainer.train()
        ends = self._clock.ends
        return {"seconds": ends[-1] - ends[0], "tokens": sum(self._read[1:steps]), "loss": done.training_loss}


def main() -> None:
    """Answer as long as someone asks."""
    torch.set_num_threads(1)
    model, talks, pairs = sys.argv[1:4]
    data = {
        "sft": Dataset.from_list([json.loads(line) for line in Path(talks).read_text().splitlines()]),
        "dpo": Dataset.from_list([json.loads(line) for line in Path(pairs).read_text().splitlines()]),
    }
    with tempfile.TemporaryDirectory() as scratch:
        sides = {
            "sft defaults": Side(SFTTrainer, SFTConfig, data["sft"], model, scratch),
            "sft tuned": Side(SFTTrainer, SFTConfig, data["sft"], model, scratch, **TUNED),
            "dpo defaults": Side(DPOTrainer, DPOConfig, data["dpo"], model, scratch),
        }
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(sides[asked["side"]].round(asked["steps"], asked["seed"])), flush=True)


if __name__ == "__main__":
    main()
