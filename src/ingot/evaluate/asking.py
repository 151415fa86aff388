"""The step that asks a model a task, and keeps what it said to every item.

`results.jsonl` has a line for each item: its id, a hash of what was shown, the answer, what was right, and the scores.
`metrics.json` has the figures with their intervals, over all items, by group, and apart for items that stand in what
the model was trained on, where that is known (`contamination`). Where choices were weighed, it says how well the model
knows what it knows (`calibration`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ingot.core.errors import InputError
from ingot.core.plugins import Plugin
from ingot.core.plugins import load as load_plugin
from ingot.core.storage import write_atomically
from ingot.evaluate import calibration, contamination
from ingot.evaluate.bits import document_bits
from ingot.evaluate.config import AskConfig
from ingot.evaluate.likelihood import Progress, Weigher
from ingot.evaluate.results import (
    BITS_PER_BYTE,
    LEANING,
    METRICS_FILE,
    RESULTS_FILE,
    Result,
    by_group,
    cut_prompts,
    measured,
)
from ingot.evaluate.task import BEFORE_ANSWER, Asking, Choice, Item, Passage, Question, Search, prompt_hash, read_task
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.infer.engine import build
from ingot.infer.sampling import GREEDY
from ingot.model.convert import load
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec

MODEL, TASK = "model", "task"
CHAT = "chat"  # the kind of model that knows conversations, and how it is then asked


def ask(config: AskConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Ask the `model` the `task`; other inputs are datasets it was trained on. Returns the figures."""
    # Rounding depends on the number of threads: pin it, so that a repeat on the same machine gives the same digits.
    torch.set_num_threads(context.cores)
    task = read_task(inputs[TASK].path)
    is_chat = _is_chat(inputs[MODEL], task.asking, context)
    results = answered(inputs[MODEL].path, task.items, replace(task.asking, is_request=is_chat), config, context)
    trained_on = [made.path for name, made in sorted(inputs.items()) if name not in (MODEL, TASK)]
    found = contamination.find(inputs[TASK].path, task.items, trained_on)
    results = [replace(one, seen_share=share) for one, share in zip(results, found.shares, strict=True)]
    write_atomically(context.folder / RESULTS_FILE, "".join(result.as_line() for result in results))
    figures = measured(results, config.resamples, config.seed)
    cut = sum(result.is_cut for result in results)
    facts = {
        "task": task.name,
        "task_version": task.version,
        "items": len(results),
        "cut": cut,
        "framing": "chat" if is_chat else "text",
        "metrics": figures,
        "calibration": calibration.measured(results),
        "contamination": _told(found, results, config),
    }
    groups = by_group(results, config.resamples, config.seed)
    write_atomically(context.folder / METRICS_FILE, json.dumps({**facts, "groups": groups}, indent=1) + "\n")
    if cut:
        context.emit("note", text=cut_prompts(cut))
    return facts


def _is_chat(model: Artifact, asking: Asking, context: StepContext) -> bool:
    """Say whether questions are put as turns of a conversation; who never saw one is given text, and that is said."""
    has_turns = model.facts.get("kind") == CHAT
    if asking.is_request and not has_turns:
        text = "the model was not trained on conversations: it is given each request as a text to continue"
        context.emit("note", text=text)
    return asking.is_request and has_turns


def answered(
    model: Path, items: Sequence[Item], asking: Asking, config: AskConfig, context: StepContext
) -> list[Result]:
    """Return what the model says to every item, in order. Raises InputError for items that ask an index."""

    def progress(done: int) -> None:
        context.emit("progress", done=done, total=len(items), unit="items")

    found: dict[str, Result] = {}
    if any(isinstance(item, Search) for item in items):
        raise InputError(
            "this task asks which documents are found, which a model cannot say",
            where="task",
            fix="ask an index: `ingot index` makes one, and `ingot evaluate` takes it in the place of a model",
        )
    # A blank is filled by one text: it is weighed as a choice would be.
    weighed = [item for item in items if isinstance(item, Choice) or (isinstance(item, Passage) and item.prompt)]
    if weighed:
        found |= _weighed(model, weighed, progress)
    if questions := [item for item in items if isinstance(item, Question)]:
        found |= _written(model, questions, asking, config, progress)
    if read := [item for item in items if isinstance(item, Passage) and not item.prompt]:
        found |= _read(model, read, config, progress)
    return [found[item.id] for item in items]


def _weighed(model: Path, items: Sequence[Choice | Passage], progress: Progress) -> dict[str, Result]:
    """Weigh choices against one another, and what fills a blank by itself."""
    has_lengths = any(len(set(map(len, item.choices))) > 1 for item in items if isinstance(item, Choice))
    found = {}
    for item, weights in zip(items, Weigher(model).weigh([_texts(item) for item in items], progress), strict=True):
        logs = tuple(each.log_probability for each in weights)
        if isinstance(item, Choice):
            result = _chosen(item, logs, has_lengths)
        else:
            result = _filled(item, logs[0], weights[0].is_greedy)
        found[item.id] = replace(result, weights=logs, is_cut=any(each.is_cut for each in weights))
    return found


def _texts(item: Choice | Passage) -> tuple[str, tuple[str, ...]]:
    texts = item.choices if isinstance(item, Choice) else (item.text,)
    return item.before + item.prompt, tuple(BEFORE_ANSWER + text for text in texts)


def _result(item: Item, answer: str, right: str, scores: Mapping[str, float]) -> Result:
    return Result(item.id, item.group, prompt_hash(item), answer, right, scores)


def _chosen(item: Choice, logs: Sequence[float], has_lengths: bool) -> Result:
    """Score the most probable choice and, where lengths differ, the one most probable for its length (Gao 2021)."""
    best = int(np.argmax(logs))
    scores = {"accuracy": float(best in item.right)} if item.right else {}
    if has_lengths and item.right:
        best_for_length = int(np.argmax(np.array(logs) / [len(choice) for choice in item.choices]))
        scores["accuracy_by_length"] = float(best_for_length in item.right)
    scores |= {
        LEANING + name: float(best in towards)
        for name, (towards, away) in item.leanings.items()
        if best in (*towards, *away)
    }
    return _result(item, item.choices[best], item.answer, scores)


def _filled(item: Passage, log_probability: float, is_greedy: bool) -> Result:
    size = len(item.text.encode())
    scores = {"accuracy": float(is_greedy), BITS_PER_BYTE: -log_probability / math.log(2) / size}
    return replace(_result(item, item.text if is_greedy else "", item.text, scores), bytes=size)


def _written(
    model: Path, questions: Sequence[Question], asking: Asking, config: AskConfig, progress: Progress
) -> dict[str, Result]:
    """Let the model write greedily, and score what it wrote up to the first stop."""
    scorers = {name: load_plugin("scorer", name) for name in asking.scorers}
    params = replace(GREEDY, max_tokens=asking.max_tokens, stop=asking.stops)
    found = {}
    with closing(build(config.engine, model)) as engine:
        for number, item in enumerate(questions, start=1):
            ids = _asked(item, engine.codec, asking.is_request)
            room = engine.context - asking.max_tokens
            shown = ids if len(ids) <= room else ids[-max(room, engine.context // 2) :]
            said = "".join(token.text for token in engine.generate(shown, params))
            result = _result(item, said.strip(), item.answer, _scored(said, item, scorers))
            shown_as = prompt_hash(item, asking.is_request)
            found[item.id] = replace(result, prompt=shown_as, is_cut=len(shown) < len(ids))
            progress(number)
    return found


def _scored(said: str, item: Question, scorers: Mapping[str, Plugin]) -> dict[str, float]:
    right = (item.check,) if item.check else item.answers
    return {
        name: scorer.entry(said if scorer.other("KEEPS_SPACE") else said.strip(), right, scorer.config_type())
        for name, scorer in scorers.items()
    }


def _asked(item: Question, codec: Codec, is_chat: bool) -> list[int]:
    """Return what the model reads: the question as text, or as a person's turn after which the assistant speaks."""
    if is_chat:
        turn = {"role": "user", "content": item.before + item.prompt}
        return render([turn], codec, add_generation_prompt=True).ids
    return [codec.bos, *codec.encode(item.before + item.prompt)]


def _read(model: Path, passages: Sequence[Passage], config: AskConfig, progress: Progress) -> dict[str, Result]:
    codec, decoder = Codec.load(model), load(model).eval()
    stride = max(int(decoder.config.context * config.stride_share), 1)
    bits = document_bits(decoder, codec.encode_batch([item.text for item in passages]), codec.bos, stride, progress)
    found = {}
    for item, some in zip(passages, bits.tolist(), strict=True):
        size = len(item.text.encode())
        found[item.id] = replace(_result(item, "", "", {BITS_PER_BYTE: some / size}), bytes=size)
    return found


def _told(found: contamination.Contamination, results: Sequence[Result], config: AskConfig) -> dict[str, Any]:
    """Return the contamination report: how many items were seen, and the figures of the others alone."""
    seen = found.is_seen
    unseen = [result for result, is_seen in zip(results, seen, strict=True) if is_seen is False]
    told = {
        "is_known": found.is_known,
        "words": found.words,
        "documents": found.documents,
        "checked": sum(each is not None for each in seen),
        "seen": sum(each is True for each in seen),
        "touched": sum(bool(share) for share in found.shares),
    }
    return {
        **told,
        "unseen_metrics": measured(unseen, config.resamples, config.seed) if told["seen"] and unseen else {},
    }
