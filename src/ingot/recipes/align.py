"""From a model that goes on with texts to one that answers, as people prefer, and as a program can check.

    start --v                v------------------v----------------v
    conversations -> taught -> preferred ------> rewarded ------> model
    preferences -> pairs, plan, reference --^                    ^
    prompts, reward -> prompts, plan -----------^   reports -----/

Stages stand one after the other, and each gives the next a checkpoint: what the assistant says in conversations is
learned first (recipes/fine_tune), then which of two answers is the better one (train/objectives/preference), then what
a program rewards (train/objectives/policy_gradient). Each may be left out; a model that answers already needs no
conversations. What is wrong with pairs, prompts or the reward is told before anything is trained. With adapters each
stage trains small matrices alone, which are then put into the weights: less memory while it learns, and a model like
any other in the end. Reports are on the model that comes out, whatever stage they measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ingot.core.config import literals
from ingot.core.errors import InputError, UsageError
from ingot.data.preferences import Config as PreferencesConfig
from ingot.data.whole_examples import BadRows
from ingot.evaluate.config import PreferringConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.step import Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.preferring import PreferConfig
from ingot.plan.rewarding import RewardConfig
from ingot.recipes.fine_tune import ADAPTER_RATE, DECAY, PLANNED, file_source, start_of, teaching
from ingot.recipes.fine_tune import Choices as TeachingChoices
from ingot.train.config import AdapterConfig, MergeConfig, PretrainConfig
from ingot.train.trying import CODE
from ingot.train.trying import Config as TryingConfig

HOOKS = {"preference": "ingot.evaluate.preferring:preferring", "reward": "ingot.train.earning:earning"}
Kind = Literal["sigmoid", "ipo", "hinge"]
Offset = Literal["none", "log", "linear"]
_OPTIONS = ("kind", "beta", "offset", "offset_scale")
_KNOWN = ("train_examples", "train_tokens", "row_tokens")
_LONGEST = ("longest_prompt_tokens", "longest_answer_tokens")
_PROMPT_SHARE = 0.75  # of what the model reads at once: the rest is room for an answer
# Of the steps: what is rewarded is found by trying, which a small rate does not.
_REWARD_DECAY = 0.3
_SHORTEST_ROW = 32


@dataclass(frozen=True)
class Choices:
    """How the stages learn; 0: the plan decides.

    `kind`, `beta` and the offset are those of the objective `preference`. A pair must fit `row_tokens` with both
    conversations; 0 takes as many as the model reads at once. `reward` is the name of a plug-in, or the path of a file
    of one's own; each prompt gets `answers` of up to `answer_tokens`. `bad_rows` says what becomes of a line that is no
    conversation, no preference, or no prompt that the reward can judge.
    """

    kind: Kind = "sigmoid"
    beta: float = 0.1
    offset: Offset = "none"
    offset_scale: float = 1.0
    conversation_epochs: int = 0
    preference_epochs: int = 0
    rate_factor: float = 1.0
    row_tokens: int = 0
    held_out_share: float = 0.05
    bad_rows: BadRows = "leave_out"
    seed: int = 0
    adapters: AdapterConfig | None = None
    reward: str = ""
    reward_options: Mapping[str, Any] = field(default_factory=dict)
    reward_epochs: int = 0
    answers: int = 0
    answer_tokens: int = 0

    def __post_init__(self) -> None:
        # The objective says the same, but only after the first stage has been trained.
        if self.offset != "none" and self.kind != "sigmoid":
            what = f"an offset has no meaning for the loss {self.kind!r}"
            raise UsageError(what, where="align", fix="leave the offset out, or choose the loss sigmoid")
        if self.answers == 1:
            fix = "choose at least 2, because they are compared; 8 is usual"
            raise UsageError("one answer to a prompt teaches nothing", where="align, answers", fix=fix)


@dataclass(frozen=True)
class Examples:
    """The files to learn from, at least one. `validation` are conversations that are only measured on."""

    preferences: Path | None = None
    conversations: Path | None = None
    validation: Path | None = None
    prompts: Path | None = None


@dataclass(frozen=True)
class _Stage:
    """A stage's steps: what reads its file, what comes after, and the one whose checkpoint the next goes on from.

    `measured` are the inputs its report has beside that checkpoint.
    """

    reads: Step
    steps: list[Step]
    last: Step
    measured: Mapping[str, Step] = field(default_factory=dict)


def align(
    name: str, base: Artifact, home: Home, examples: Examples, choices: Choices
) -> tuple[list[Step], Mapping[str, Artifact]]:
    """Return the steps that make the model `name` of `base`, and what they take as it is.

    Raises UsageError without anything to learn from, or prompts without a reward. Raises InputError for a base whose
    checkpoint is not in the home, and for one that has not learned to answer and gets no conversations to learn it
    from.
    """
    _check(examples, choices)
    start = start_of(base, home)
    if examples.conversations is None and base.facts.get("kind") == "base":
        raise _cannot_answer(base)
    # Nothing is run for what is given, so there is nothing to say how.
    given = Step("start", start.name, start.kind, "", {})
    context = int(start.facts["model"]["context"])
    row_tokens = choices.row_tokens or context
    return aligned(name, given, examples, replace(choices, row_tokens=row_tokens), context), {given.name: start}


def aligned(name: str, start: Step, examples: Examples, choices: Choices, context: int) -> list[Step]:
    """Return the steps that make the model `name` of what the step `start` gives; `row_tokens` must be chosen.

    `context` is how many tokens the model reads at once.
    """
    stages: list[_Stage] = []
    files = (examples.conversations, examples.preferences, examples.prompts)
    left = sum(file is not None for file in files)

    def add(make: Callable[[Step, bool], _Stage]) -> _Stage:
        # What the last stage makes is called after the model.
        stages.append(make(stages[-1].last if stages else start, len(stages) == left - 1))
        return stages[-1]

    preferred = rewarded = None
    if examples.conversations:
        add(partial(_taught, name, start, examples, choices))
    if examples.preferences:
        preferred = add(partial(_preferred, name, start, examples.preferences, choices))
    if examples.prompts:
        rewarded = add(partial(_rewarded, name, start, examples.prompts, choices, context))
    reports = _reports(name, stages[-1].last, preferred, rewarded)
    parts = {"checkpoint": stages[-1].last, "tokenizer": start, **({"report": reports[-1]} if reports else {})}
    model = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(kind="chat"), parts)
    # All files are read before anything is trained: what is wrong with one is told at once.
    reads = [stage.reads for stage in stages[::-1]]
    return [*reads, *(step for stage in stages for step in stage.steps), *reports, model]


def _taught(name: str, given: Step, examples: Examples, choices: Choices, start: Step, is_last: bool) -> _Stage:
    """Return the stage that learns from conversations."""
    assert examples.conversations is not None, "asked for with conversations only"
    chosen = TeachingChoices(
        epochs=choices.conversation_epochs,
        rate_factor=choices.rate_factor,
        seed=choices.seed,
        adapters=choices.adapters,
        bad_rows=choices.bad_rows,
    )
    prefix = name if is_last else f"{name}-taught"
    reads, *steps = teaching(prefix, given, examples.conversations, examples.validation, chosen)
    return _Stage(reads, *_in_weights("taught", f"{prefix}-merged", steps, start, choices))


def _preferred(name: str, tokenizer: Step, preferences: Path, choices: Choices, start: Step, is_last: bool) -> _Stage:
    """Return the stage that learns from pairs of answers."""
    framing = PreferencesConfig(choices.row_tokens, choices.held_out_share, choices.bad_rows)
    pairs = Step(
        "pairs",
        f"{name}-pairs",
        "Shards",
        "ingot.data.preferences:tokenize",
        framing,
        {"tokenizer": tokenizer},
        {"preferences": file_source(preferences)},
    )
    known = {fact: pairs.field(fact) for fact in _KNOWN} | {"model": start.field("model")}
    wanted = Partial(PreferConfig, {"epochs": choices.preference_epochs, "rate_factor": _factor(choices)})
    plan = Step("preference-plan", f"{name}-plan", "Plan", "ingot.plan.preferring:plan", wanted, fields=known)
    read = {"start": start, "tokenizer": tokenizer, "shards": pairs}
    length = {"sequence_length": pairs.field("row_tokens")}
    scored: dict[str, Any] = {"config": {}, "inputs": read, "fields": length, "is_resumable": True}
    reference = Step("reference", f"{name}-reference", "Reference", "ingot.train.reference:score", **scored)
    options = {name: getattr(choices, name) for name in _OPTIONS}
    settings = {"objective_options": options, "decay_fraction": DECAY}
    checkpoint = f"{name}-checkpoint" if is_last else f"{name}-preferred-checkpoint"
    trained = Step(
        "preferred",
        f"{name}-preferred" if choices.adapters else checkpoint,
        "Checkpoint",
        "ingot.train.run:pretrain",
        Partial(PretrainConfig, _settings("preference", choices) | settings),
        {**read, "reference": reference},
        fields={fact: plan.field(fact) for fact in PLANNED},
        is_resumable=True,
    )
    steps = [plan, reference, trained]
    return _Stage(pairs, *_in_weights("merged", checkpoint, steps, start, choices), read)


def _rewarded(
    name: str, tokenizer: Step, prompts: Path, choices: Choices, context: int, start: Step, is_last: bool
) -> _Stage:
    """Return the stage that learns from what a program rewards; it is always the last."""
    assert is_last, "no stage comes after this one"
    is_file = choices.reward.endswith(".py")
    rows = min(choices.row_tokens, max(_SHORTEST_ROW, int(_PROMPT_SHARE * context)))
    reward = "" if is_file else choices.reward
    framing = TryingConfig(rows, choices.held_out_share, choices.bad_rows, reward, choices.reward_options)
    code = {CODE: file_source(Path(choices.reward))} if is_file else {}
    asked = Step(
        "prompts",
        f"{name}-prompts",
        "Shards",
        "ingot.train.trying:tokenize",
        framing,
        {"tokenizer": tokenizer},
        {"prompts": file_source(prompts), **code},
    )
    known = {fact: asked.field(fact) for fact in (*_KNOWN, *_LONGEST)} | {"model": start.field("model")}
    wanted = {
        "epochs": choices.reward_epochs,
        "answers": choices.answers,
        "answer_tokens": choices.answer_tokens,
        "rate_factor": _factor(choices),
        "options": {"reward": "", "seed": choices.seed},
    }
    run = "ingot.plan.rewarding:plan"
    plan = Step("reward-plan", f"{name}-reward-plan", "Plan", run, Partial(RewardConfig, wanted), fields=known)
    read = {"start": start, "tokenizer": tokenizer, "shards": asked}
    # Gradients are far apart where few answers are right.
    settings = {"decay_fraction": _REWARD_DECAY, "spike_factor": 0.0}
    trained = Step(
        "rewarded",
        f"{name}-rewarded" if choices.adapters else f"{name}-checkpoint",
        "Checkpoint",
        "ingot.train.run:pretrain",
        Partial(PretrainConfig, _settings("policy_gradient", choices) | settings),
        read,
        fields={fact: plan.field(fact) for fact in (*PLANNED, "objective_options")},
        is_resumable=True,
    )
    steps, last = _in_weights("rewarded-merged", f"{name}-checkpoint", [plan, trained], start, choices)
    length = {"answer_tokens": plan.field("answer_tokens")}
    said: dict[str, Any] = {"config": {}, "inputs": {**read, "checkpoint": last}, "fields": length}
    answers = Step("answers", f"{name}-answers", "Answers", "ingot.train.earning:answer", **said)
    return _Stage(asked, [*steps, answers], last, {"answers": answers})


def _reports(name: str, last: Step, preferred: _Stage | None, rewarded: _Stage | None) -> list[Step]:
    """Return the reports on the model that came out, the last of which has all figures."""
    reports: list[Step] = []
    if preferred:
        named = ("preference-report", f"{name}-preference-report") if rewarded else ("report", f"{name}-report")
        measured = {**preferred.measured, "checkpoint": last}
        run = "ingot.evaluate.preferring:report"
        reports.append(Step(*named, "Report", run, PreferringConfig(), measured))
    if rewarded:
        measured = {**rewarded.measured, **({"preferences": reports[0]} if reports else {})}
        run = "ingot.evaluate.earning:report"
        reports.append(Step("report", f"{name}-report", "Report", run, PreferringConfig(), measured))
    return reports


def _factor(choices: Choices) -> float:
    return choices.rate_factor * (ADAPTER_RATE if choices.adapters else 1.0)


def _settings(objective: str, choices: Choices) -> dict[str, Any]:
    hook = HOOKS["preference" if objective == "preference" else "reward"]
    settings = {"objective": objective, "seed": choices.seed, "hooks": [hook]}
    return settings if choices.adapters is None else {**settings, "adapters": literals(choices.adapters)}


def _in_weights(part: str, artifact: str, steps: list[Step], start: Step, choices: Choices) -> tuple[list[Step], Step]:
    """Return a stage's steps and its last: the training, or the step that puts its adapters into the weights."""
    if choices.adapters is None:
        return steps, steps[-1]
    inputs = {"start": start, "adapters": steps[-1]}
    merged = Step(part, artifact, "Checkpoint", "ingot.train.merging:merge", MergeConfig(), inputs)
    return [*steps, merged], merged


def _check(examples: Examples, choices: Choices) -> None:
    """Raise UsageError for what cannot be learned from."""
    where = "align"
    if not (examples.conversations or examples.preferences or examples.prompts):
        fix = "give conversations, preferences, or prompts with a reward"
        raise UsageError("there is nothing to learn from", where=where, fix=fix)
    if bool(examples.prompts) != bool(choices.reward):
        what = "prompts need a reward that judges the answers" if examples.prompts else "a reward needs prompts"
        raise UsageError(what, where=where, fix="give both: a file of prompts, and the name or the file of a reward")
    if examples.validation and not examples.conversations:
        raise UsageError("there are conversations to measure on and none to learn from", where=where, fix="give both")


def _cannot_answer(base: Artifact) -> InputError:
    return InputError(
        f"{base.reference} is a base model: it goes on with texts and has not learned to answer",
        where=str(base.path),
        why="which of two answers is better, or what one is worth, says little to a model that writes no answers",
        fix="add conversations, from which it learns that first (`ingot align` takes them as --conversations FILE)",
    )
