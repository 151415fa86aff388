"""Compute losses and gradients with TRL: run by `align_parity` in an environment of its own.

    python trl_child.py POLICY_FOLDER REFERENCE_FOLDER

A line on standard input names a JSON file: a `kind`, its `beta`, the `examples` (ids, as TRL's collators take them),
the file to write gradients to and, for a reward, the folder of the `model`. A line of JSON gives the loss. The trainers
are TRL's own, on the processor, in float32 and without checkpointing; batches go through their collators and
`compute_loss`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch
from datasets import Dataset  # type: ignore[import-not-found]  # as above
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl import (  # type: ignore[import-not-found]  # of the environment this child runs in, after the settings above
    DPOConfig,
    DPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)


def trainer_for(asked: dict[str, Any], policy: Any, reference: Any, tokenizer: Any, scratch: str) -> Any:
    """Return TRL's trainer of a loss; its own dataset is never read."""
    usual = {"output_dir": scratch, "report_to": [], "use_cpu": True, "bf16": False, "gradient_checkpointing": False}
    if asked["kind"] == "sft":
        rows = Dataset.from_list([{"prompt": "a", "completion": "b"}] * 2)
        return SFTTrainer(policy, SFTConfig(**usual), train_dataset=rows, processing_class=tokenizer)
    rows = Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}] * 2)
    if asked["kind"] == "reward":
        config = RewardConfig(**usual, max_length=None)
        return RewardTrainer(policy, config, train_dataset=rows, processing_class=tokenizer)
    if asked["kind"].startswith("kto"):
        rows = Dataset.from_list([{"prompt": "a", "completion": "b", "label": bool(each % 2)} for each in range(4)])
        kto = KTOConfig(
            **usual,
            beta=asked["beta"],
            max_length=None,
            disable_dropout=True,
            per_device_train_batch_size=2,
            undesirable_weight=asked["bad_weight"],
        )
        return KTOTrainer(policy, reference, kto, train_dataset=rows, processing_class=tokenizer)
    config = DPOConfig(**usual, loss_type=[asked["kind"]], beta=asked["beta"], max_length=None, disable_dropout=True)
    return DPOTrainer(policy, reference, config, train_dataset=rows, processing_class=tokenizer)


def main() -> None:
    """Answer as long as someone asks."""
    torch.set_num_threads(1)
    folders = [Path(word) for word in sys.argv[1:3]]
    tokenizer = AutoTokenizer.from_pretrained(folders[0])
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(Path(line.strip()).read_text())
        policy, reference = (AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32) for path in folders)
        if "exchanged" in asked["kind"]:
            policy, reference = reference, policy
        if asked["kind"] == "reward":
            policy = AutoModelForSequenceClassification.from_pretrained(asked["model"], dtype=torch.float32)
        with tempfile.TemporaryDirectory() as scratch:
            trainer = trainer_for(asked, policy, reference, tokenizer, scratch)
            loss = trainer.compute_loss(trainer.model, trainer.data_collator(asked["examples"]))
        loss.backward()
        save_file(
            {name: weight.grad for name, weight in policy.named_parameters() if weight.grad is not None},
            asked["gradients"],
        )
        print(json.dumps({"loss": loss.item()}), flush=True)


if __name__ == "__main__":
    main()
