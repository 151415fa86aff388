"""Compute losses and gradients of GRPO with TRL: run by `align_grpo` in an environment of its own.

    python grpo_trl_child.py POLICY_FOLDER REFERENCE_FOLDER

A line on standard input names a JSON file: a `kind`, its `beta`, the longest answer, the `answered` prompts as ids with
their `rewards`, in groups of equal prompts, and the file to write gradients to. A line of JSON gives the loss. The loss
is TRL's own, on the processor, in float32 and without checkpointing; the advantages are computed as it computes them.
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
from datasets import Dataset  # type: ignore[import-not-found]  # of the environment this child runs in
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer  # type: ignore[import-not-found]  # as above


def trainer_for(asked: dict[str, Any], folders: list[str], tokenizer: Any, scratch: str) -> Any:
    """Return TRL's trainer of a loss; its own dataset is never read, and nothing is generated."""
    config = GRPOConfig(
        output_dir=scratch,
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        loss_type=asked["kind"],
        beta=asked["beta"],
        num_generations=asked["answers"],
        per_device_train_batch_size=len(asked["answered"]),
        max_completion_length=asked["answer_tokens"],
        scale_rewards=asked["scale"],
        model_init_kwargs={"dtype": torch.float32},
    )
    rows = Dataset.from_list([{"prompt": "a"}] * len(asked["answered"]))
    # From a folder: a model in memory that has no name is looked up in the registry.
    return GRPOTrainer(
        folders[0], lambda completions, **_: [0.0] * len(completions), config, rows, processing_class=tokenizer
    )


def padded(rows: list[list[int]], pad: int, is_left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids in a table, and which of them are meant."""
    longest = max(map(len, rows))
    ids, mask = torch.full((len(rows), longest), pad), torch.zeros(len(rows), longest, dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(longest - len(row), longest) if is_left else slice(0, len(row))
        ids[number, place], mask[number, place] = torch.tensor(row), 1
    return ids, mask


def advantages_of(asked: dict[str, Any]) -> torch.Tensor:
    """Return what TRL makes of rewards (`_generate_and_score_completions`, sums of rewards)."""
    rewards = torch.tensor(asked["rewards"]).view(-1, asked["answers"])
    advantages = rewards - rewards.mean(1, keepdim=True)
    if asked["scale"] == "group":
        advantages = advantages / (rewards.std(1, keepdim=True) + 1e-4)
    return advantages.flatten()


def main() -> None:
    """Answer as long as someone asks."""
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(Path(line.strip()).read_text())
        prompts, answers = zip(*asked["answered"], strict=True)
        prompt_ids, prompt_mask = padded(list(prompts), tokenizer.pad_token_id, is_left=True)
        completion_ids, completion_mask = padded(list(answers), tokenizer.pad_token_id, is_left=False)
        given = {
            "prompt_ids": prompt_ids,
            "prompt_mask": prompt_mask,
            "completion_ids": completion_ids,
            "completion_mask": completion_mask,
            "advantages": advantages_of(asked),
            "num_items_in_batch": completion_mask.sum(),
        }
        with tempfile.TemporaryDirectory() as scratch:
            trainer = trainer_for(asked, sys.argv[1:3], tokenizer, scratch)
            model = trainer.model.eval()  # as in its own evaluation: the batch is whole, nothing is accumulated
            if asked["beta"]:
                reference = AutoModelForCausalLM.from_pretrained(sys.argv[2], dtype=torch.float32)
                ids, mask = torch.cat([prompt_ids, completion_ids], 1), torch.cat([prompt_mask, completion_mask], 1)
                with torch.no_grad():
                    # Its own reference is a copy of the policy, with a head that computes log-probabilities in chunks.
                    trainer.ref_model.load_state_dict(reference.state_dict())
                    found = trainer._get_per_token_logps_and_entropies(
                        trainer.ref_model, ids, mask, completion_ids.size(1)
                    )
                given["ref_per_token_logps"] = found[0]
            loss = trainer.compute_loss(model, given)
        model.zero_grad()
        loss.backward()
        weights = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
        save_file(weights, asked["gradients"])
        print(json.dumps({"loss": loss.item()}), flush=True)


if __name__ == "__main__":
    main()
