"""Ask items with lm-evaluation-harness: run by `eval_agreement` in an environment of its own.

    python lmeval_child.py MODEL_FOLDER BATCH_SIZE

A line on standard input names a JSON Lines file of items (`prompt`, `choices`, `right`); a line of JSON says what
lm-eval answered, its processor seconds from the file to the figures, and those of weighing alone. The first line is
empty: the model is open. Model and task are those of lm-eval, in float32 on one thread, without its bootstrap of
standard errors.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import lm_eval  # type: ignore[import-not-found]  # of the environment this child runs in, after the settings above
from lm_eval.models.huggingface import HFLM  # type: ignore[import-not-found]  # as above


def asked(path: str) -> dict[str, Any]:
    """Return a task of lm-eval with the items of a file, as its own multiple-choice tasks are written."""
    return {
        "task": Path(path).stem,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": path}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{prompt}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{right}}",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        "num_fewshot": 0,
    }


def timed(model: Any) -> list[float]:
    """Return a list that gets the processor seconds of every call that weighs texts."""
    seconds: list[float] = []
    weigh = model.loglikelihood

    def weighed(*arguments: Any, **more: Any) -> Any:
        began = time.process_time()
        try:
            return weigh(*arguments, **more)
        finally:
            seconds.append(time.process_time() - began)

    model.loglikelihood = weighed
    return seconds


def main() -> None:
    """Ask as long as someone names files."""
    folder, batch_size = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # progress and tables of the library go where nobody reads them
    model = HFLM(folder, device="cpu", dtype="float32", batch_size=batch_size, add_bos_token=True)
    weighing = timed(model)
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        weighing.clear()
        began = time.process_time()
        told = lm_eval.simple_evaluate(model, tasks=[asked(line.strip())], bootstrap_iters=0, log_samples=True)
        seconds = time.process_time() - began
        (samples,) = told["samples"].values()
        samples.sort(key=lambda sample: sample["doc_id"])
        answer = {
            "seconds": seconds,
            "weighing": sum(weighing),
            "acc": [sample["acc"] for sample in samples],
            "acc_norm": [sample["acc_norm"] for sample in samples],
            "weights": [[response[0] for response in sample["filtered_resps"]] for sample in samples],
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
