"""What a model of one's own is worth: every way to have one, trained at equal compute, measured on the same bytes.

    documents, questions -> dataset ---> own vocabulary -----> plan -> pace -> courses --v
    general text -> general-dataset -> general vocabulary ------------------> own, borrowed, general, mixed -> continued
                  both -> mix -> mixed vocabulary                                         |
    dataset, general-dataset -> texts (what is scored) -> counted, and a score of each <--'   -> evidence

An arm is a way to have a model: own (own text, own vocabulary), borrowed (own text, general vocabulary), general (none
of one's own), continued (general, and then one's own text), mixed (a generalist with a share of one's own) and
retrieval (general, with passages that search finds). Near-duplicates are dropped before anything is held out, and rows
of one group are held out together. Every training is a checkpoint like any other, resumed and reused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ingot.core.errors import UsageError, suggest
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder
from ingot.data.dedup import minhash
from ingot.data.split import Config as SplitConfig
from ingot.evaluate.evidence.config import (
    ChooseConfig,
    CountConfig,
    EvidenceConfig,
    GatherConfig,
    MixConfig,
    ScoreConfig,
)
from ingot.flow.source import Source
from ingot.flow.step import Field, Partial, Step
from ingot.plan.evidence import CoursesConfig, EvidencePlanConfig
from ingot.recipes.quickstart import PROBE_ARTIFACT
from ingot.retrieve.config import IndexConfig
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.tokenizer.config import CutConfig
from ingot.train.config import PretrainConfig, ProbeConfig

OWN, BORROWED, GENERAL, CONTINUED, MIXED = "own", "borrowed", "general", "continued", "mixed"
RETRIEVAL = "retrieval"
TRAINED = (OWN, BORROWED, GENERAL, CONTINUED, MIXED)
ARMS = (*TRAINED, RETRIEVAL)
# What is trained so that these can be: they go on from it, or search for it.
_STANDS_ON = {CONTINUED: GENERAL, RETRIEVAL: GENERAL}
SHORT = (OWN, CONTINUED, MIXED, RETRIEVAL)  # the form for half an hour: three arms, and the general model they need
AT_EQUAL_BYTES = (BORROWED, CONTINUED, MIXED)
COMPUTE, BYTES = "compute", "bytes"
METER = "ingot.evaluate.evidence.meter:processor_seconds"
# Of the processor seconds, what the trainings get; the rest reads, measures and writes.
_TRAINING_SHARE = 0.75
# Texts this alike count as one: what is held out must not stand, in other words, in what is learned from.
_ALIKE = 0.5
_COURSE = ("steps", "warmup_steps", "checkpoint_every", "evaluate_every")
_SHARED = ("model", "batch_size", "sequence_length")
_PACE_SECONDS = 8.0
PASSAGES = 2  # with a question and an answer, what a context of 512 tokens holds
# Where text is little, learning ends before.
_LARGEST_LEARNED = 16_384


@dataclass(frozen=True)
class Given:
    """What the user gives: documents, rows of questions with answers, and general text, each as paths."""

    documents: Sequence[str]
    questions: Sequence[str]
    general: Sequence[str]


@dataclass(frozen=True)
class Choices:
    """How much of a machine's time to take, on which arms and seeds; zero elsewhere means: the plan decides.

    `seconds` are processor seconds of everything, `steps` of every training instead. `at_equal_bytes` trains three arms
    again, so that each sees as many bytes of text as the own model.
    """

    seconds: float = 1800.0
    steps: int = 0
    arms: tuple[str, ...] = SHORT
    seeds: int = 1
    at_equal_bytes: bool = False
    own_share: float = 0.2
    vocabulary: int = 0
    width: int = 0
    layers: int = 0
    held_out: float = 0.1
    exclude: tuple[str, ...] = ()
    gather: GatherConfig = field(default_factory=GatherConfig)
    choose: ChooseConfig = field(default_factory=ChooseConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    page: EvidenceConfig = field(default_factory=EvidenceConfig)

    def __post_init__(self) -> None:
        for arm in self.arms:
            if arm not in ARMS:
                raise UsageError(f"there is no arm {arm!r}", where="arms", fix=suggest(arm, ARMS))
        if OWN not in self.arms or len(set(self.arms)) < 2:
            fix = f"name {OWN} and at least one of {', '.join(arm for arm in ARMS if arm != OWN)}"
            raise UsageError("one arm alone is no comparison", where="arms", fix=fix)
        if self.seeds < 1:
            raise UsageError("without a seed nothing is trained", where="seeds", fix="give 1, or 5 for the full form")

    @property
    def trainings(self) -> int:
        """How many trainings there are, the general model that others go on from included."""
        arms = trained(self.arms)
        again = len(set(AT_EQUAL_BYTES) & set(self.arms)) if self.at_equal_bytes else 0
        return self.seeds * (len(arms) + again)

    @property
    def seconds_of_one(self) -> float:
        """Processor seconds of one training."""
        return self.seconds * _TRAINING_SHARE / self.trainings


class _Graph:
    """The steps of one comparison, as they are made; `name` is what their artifacts' names begin with."""

    def __init__(self, name: str, given: Given, choices: Choices) -> None:
        self._name, self._given, self._choices = name, given, choices
        self.steps: list[Step] = []
        self.documents, self.dataset = self._own_text()
        self.general = self._curated("general-", self._read("general-documents", given.general))
        self.mix = self._step(
            "mix",
            "Dataset",
            "ingot.evaluate.evidence.mixing:mix",
            MixConfig(choices.own_share),
            {"own": self.dataset, "general": self.general},
        )
        self.plan = self._plan()
        self.tokenizers = self._tokenizers()
        self.shards = self._shards()
        self.courses = self._courses()

    def _step(
        self, part: str, kind: str, run: str, config: object, inputs: Mapping[str, Step] | None = None, **more: Any
    ) -> Step:
        step = Step(part, f"{self._name}-{part}", kind, run, config, inputs or {}, **more)
        self.steps.append(step)
        return step

    def _read(self, part: str, paths: Sequence[str]) -> Step:
        read_from = {"documents": _folder(paths, self._choices.exclude)}
        run = "ingot.data.run:read"
        return self._step(part, "Documents", run, ReadConfig(), sources=read_from, is_resumable=True, version=2)

    def _own_text(self) -> tuple[Step, Step]:
        given = self._given
        read = {"documents": self._read("documents", given.documents)} if given.documents else {}
        rows = {"questions": _folder(given.questions, ())} if given.questions else {}
        run = "ingot.evaluate.evidence.gathering:gather"
        gathered = self._step("gathered", "Documents", run, self._choices.gather, read, sources=rows)
        return gathered, self._curated("", gathered)

    def _curated(self, prefix: str, documents: Step) -> Step:
        config = CurateConfig(
            near=minhash.Config(_ALIKE),
            split=SplitConfig(self._choices.held_out, _ALIKE),
            filters=(),
            drop_near_duplicates=True,
        )
        inputs = {"documents": documents}
        run = "ingot.data.run:curate"
        return self._step(f"{prefix}dataset", "Dataset", run, config, inputs, is_resumable=True, version=2)

    def _plan(self) -> Step:
        choices = self._choices
        largest = TokenizerConfig(vocabulary=max(_LARGEST_LEARNED, choices.vocabulary))
        learn = "ingot.tokenizer.run:train"
        self.vocabulary = self._step("vocabulary", "Vocabulary", learn, largest, {"dataset": self.dataset})
        measured = {}
        if not choices.steps:
            probe = Step("probe", PROBE_ARTIFACT, "Probe", "ingot.train.probe:measure", ProbeConfig())
            self.steps.append(probe)
            measured = {"probe": probe}
        known = {
            "train_bytes": self.dataset.field("train_bytes"),
            "held_out_bytes": self.dataset.field("held_out_bytes"),
            "bytes_per_token_by_vocabulary": self.vocabulary.field("bytes_per_token_by_vocabulary"),
        }
        chosen = {
            "seconds": choices.seconds_of_one,
            **{name: getattr(choices, name) for name in ("vocabulary", "width", "layers", "steps")},
        }
        config = Partial(EvidencePlanConfig, chosen)
        return self._step("plan", "Plan", "ingot.plan.evidence:plan", config, measured, fields=known)

    def _tokenizers(self) -> dict[str, Step]:
        size = {"vocabulary": self.plan.field("vocabulary")}
        cut, learn = "ingot.tokenizer.run:cut", "ingot.tokenizer.run:train"
        of_own = {"dataset": self.dataset, "tokenizer": self.vocabulary}
        nothing: dict[str, Any] = {}
        own = self._step("tokenizer", "Tokenizer", cut, Partial(CutConfig, nothing), of_own, fields=size)
        learned = {
            name: self._step(
                f"{name}-tokenizer",
                "Tokenizer",
                learn,
                Partial(TokenizerConfig, nothing),
                {"dataset": dataset},
                fields=size,
            )
            for name, dataset in ((GENERAL, self.general), (MIXED, self.mix))
        }
        general = learned[GENERAL]
        return {OWN: own, BORROWED: general, GENERAL: general, CONTINUED: general, MIXED: learned[MIXED]}

    def _shards(self) -> dict[str, Step]:
        texts = {OWN: self.dataset, BORROWED: self.dataset, GENERAL: self.general, MIXED: self.mix}
        made = {
            arm: self._step(
                f"{arm}-shards",
                "Shards",
                "ingot.data.run:tokenize",
                TokenizeConfig(),
                {"dataset": dataset, "tokenizer": self.tokenizers[arm]},
                is_resumable=True,
                version=2,
            )
            for arm, dataset in texts.items()
        }
        return {**made, CONTINUED: made[BORROWED]}

    def _courses(self) -> Step:
        shared = {name: self.plan.field(name) for name in ("batch_size", "sequence_length")}
        measured = {} if self._choices.steps else {"pace": self._pace(shared)}
        counted = {
            f"{arm}_{unit}": self.shards[arm].field(f"train_{unit}")
            for arm in (OWN, BORROWED, GENERAL, MIXED)
            for unit in ("bytes", "tokens")
        }
        planned = {name: self.plan.field(name) for name in (*_SHARED, "learning_rate")}
        config = Partial(CoursesConfig, {"seconds": self._choices.seconds_of_one, "steps": self._choices.steps})
        run = "ingot.plan.evidence:courses"
        return self._step("courses", "Plan", run, config, measured, fields={**planned, **counted})

    def _pace(self, shared: Mapping[str, Field]) -> Step:
        config = Partial(ProbeConfig, {"seconds_per_size": _PACE_SECONDS})
        fields = {"models": self.plan.field("models"), **shared}
        return self._step("pace", "Probe", "ingot.train.probe:measure", config, fields=fields)

    def training(self, arm: str, seed: int, basis: str, start: Step | None = None) -> Step:
        """Return the training of an arm, at equal compute or at equal bytes."""
        place = COMPUTE if basis == COMPUTE else f"{BYTES}.{arm}"
        rate = self.courses.field("continued_learning_rate") if start else self.plan.field("learning_rate")
        fields = {
            **{name: self.plan.field(name) for name in _SHARED},
            **{name: self.courses.field(f"{place}.{name}") for name in (*_COURSE, "base_width")},
            "learning_rate": rate,
        }
        if start:
            fields["model"] = start.field("model")
        inputs = {"shards": self.shards[arm], "tokenizer": self.tokenizers[arm]} | ({"start": start} if start else {})
        return self._step(
            part_of(arm, seed, basis),
            "Checkpoint",
            "ingot.train.run:pretrain",
            Partial(PretrainConfig, {"seed": seed, "hooks": [METER]}),
            inputs,
            fields=fields,
            is_resumable=True,
        )

    def chosen(self) -> Step:
        """Return the step that chooses what every arm is measured on."""
        inputs = {"own": self.dataset, "general": self.general, "gathered": self.documents}
        run = "ingot.evaluate.evidence.choosing:choose"
        return self._step("texts", "Texts", run, self._choices.choose, inputs)

    def counted(self, texts: Step) -> Step:
        """Return the step that measures what needs no model."""
        inputs = {"texts": texts, "own": self.dataset}
        return self._step("counted", "Score", "ingot.evaluate.evidence.counted:count", CountConfig(), inputs)

    def scored(self, part: str, checkpoint: Step, texts: Step) -> Step:
        """Return the step that measures an arm."""
        inputs = {"checkpoint": checkpoint, "texts": texts}
        run = "ingot.evaluate.evidence.scoring:score"
        return self._step(f"{part}-score", "Score", run, self._choices.score, inputs)

    def retrieval(self, texts: Step) -> dict[str, Step]:
        """Return the steps that measure the general models behind passages of the own training text."""
        config = IndexConfig(passage_bytes=self._choices.score.passage_bytes, tables=("train",))
        index = self._step("index", "Index", "ingot.retrieve.run:index", config, {"dataset": self.dataset})
        showing = replace(self._choices.score, passages=PASSAGES)
        run = "ingot.evaluate.evidence.scoring:score"
        made = {}
        for seed in range(self._choices.seeds):
            general = next(step for step in self.steps if step.name == part_of(GENERAL, seed, COMPUTE))
            inputs = {"checkpoint": general, "texts": texts, "index": index}
            part = f"{part_of(RETRIEVAL, seed, COMPUTE)}-score"
            made[part] = self._step(part, "Score", run, showing, inputs)
        return made

    def page(self, texts: Step, counted: Step, scores: Mapping[str, Step]) -> Step:
        """Return the step that compares the arms and writes the page, under the name the user gave."""
        inputs = {
            **{each.name: each for each in (texts, counted, self.dataset, self.mix, self.plan, self.courses)},
            **scores,
        }
        run = "ingot.evaluate.evidence.run:compare"
        step = Step("evidence", self._name, "Evidence", run, self._choices.page, inputs)
        self.steps.append(step)
        return step


def trained(arms: Sequence[str]) -> set[str]:
    """Return the arms to train: those that are wanted, and what others of them stand on."""
    wanted = {*arms, *(_STANDS_ON[arm] for arm in arms if arm in _STANDS_ON)}
    return wanted & set(TRAINED)


def part_of(arm: str, seed: int, basis: str) -> str:
    """Return the name of an arm's training, such as `mixed-seed-0` or `mixed-bytes-seed-0`."""
    return f"{arm}-seed-{seed}" if basis == COMPUTE else f"{arm}-{basis}-seed-{seed}"


def evidence(name: str, given: Given, choices: Choices) -> list[Step]:
    """Return the steps that compare the arms on what the user gives; the last writes the page."""
    graph = _Graph(name, given, choices)
    texts = graph.chosen()
    counted = graph.counted(texts)
    scores = {f"{part}-score": graph.scored(part, step, texts) for part, step in _trainings(graph, choices).items()}
    if RETRIEVAL in choices.arms:
        scores |= graph.retrieval(texts)
    graph.page(texts, counted, scores)
    return graph.steps


def _trainings(graph: _Graph, choices: Choices) -> dict[str, Step]:
    """Make the trainings, seed after seed, so that one that is stopped has whole seeds; a start before its end."""
    wanted = trained(choices.arms)
    made: dict[str, Step] = {}
    for seed in range(choices.seeds):
        starts: dict[str, Step] = {}
        for arm in (each for each in TRAINED if each in wanted):
            starts[arm] = graph.training(arm, seed, COMPUTE, starts[GENERAL] if arm == CONTINUED else None)
            made[starts[arm].name] = starts[arm]
        for arm in (each for each in AT_EQUAL_BYTES if each in wanted and choices.at_equal_bytes):
            step = graph.training(arm, seed, BYTES, starts[GENERAL] if arm == CONTINUED else None)
            made[step.name] = step
    return made


def _folder(paths: Sequence[str], exclude: tuple[str, ...]) -> Source:
    usual = folder.Config(paths=tuple(paths))
    return Source("folder", folder.Config(paths=tuple(paths), exclude=usual.exclude + exclude))
