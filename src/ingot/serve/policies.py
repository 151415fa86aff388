"""Policies as people write them, and the guards that come of them.

A file names policies; each has detectors by name and rules about what they tell. One policy may be for everybody, and
models and keys may have their own; a request may name one that is stricter for it, never one in place of these.

    default: house
    policies:
      house:
        detectors:
          people: {kind: personal_data, types: [email, iban, secret]}
          tricks: {kind: prompt_injection}
          projects: {kind: patterns, category: law, patterns: ['\\bORCA-[0-9]+\\b']}
          hate: {kind: classifier, artifact: hate-classifier, category: hate_and_discrimination}
        rules:
          - {category: pii, action: mask, doors: [output]}
          - {category: jailbreaking, action: block, doors: [input]}
          - {category: hate_and_discrimination, action: block, threshold: 0.8}

Everything is read and every detector is made when the server starts: a policy that could not be kept is an error then,
and not a hole later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingot.core.errors import InputError, UsageError, suggest
from ingot.safety.guard import Door, Guard, Reaction, Rule, Watch
from ingot.safety.holding import HoldLimits
from ingot.safety.watches import Scorer, injection, patterns, personal_data, scored
from ingot.serve.ports import Principal, ServedModel

Names = Annotated[tuple[str, ...], Field(min_length=1)]
# What software sends when nobody told it another name: here it means the default policy.
THEIR_NAMES = ("omni-moderation", "text-moderation", "mistral-moderation")


class Scorers(Protocol):
    """Where the models that judge texts come from."""

    def words(self, artifact: str) -> Scorer:
        """Return what scores `positive` with a classifier of words (the step `train_classifier`)."""

    def classes(self, artifact: str) -> Scorer:
        """Return what scores every class of a model that tells classes apart."""

    def judge(self, model: str, question: str) -> Scorer:
        """Return what asks a served model a question about a text, and scores `yes`."""


class _Setting(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonalData(_Setting):
    """Personal data and secrets, by type or family; the category is `pii`."""

    kind: Literal["personal_data"]
    types: Names

    def watch(self, name: str, scorers: Scorers) -> Watch:
        """Return the detector at work."""
        return personal_data(name, self.types)


class PromptInjection(_Setting):
    """Attempts to talk the model out of its instructions; the category is `jailbreaking`."""

    kind: Literal["prompt_injection"]

    def watch(self, name: str, scorers: Scorers) -> Watch:
        """Return the detector at work."""
        return injection(name)


class Patterns(_Setting):
    """Regular expressions of your own, in RE2's syntax, whatever the case."""

    kind: Literal["patterns"]
    category: str
    patterns: Names

    def watch(self, name: str, scorers: Scorers) -> Watch:
        """Return the detector at work."""
        return patterns(name, self.category, self.patterns)


class Words(_Setting):
    """A classifier of words that you trained on labelled texts; it is quick, and tells one category."""

    kind: Literal["classifier"]
    artifact: str
    category: str

    def watch(self, name: str, scorers: Scorers) -> Watch:
        """Return the detector at work."""
        scorer = scorers.words(self.artifact)
        return scored(name, (self.category,), lambda text: {self.category: scorer(text)["positive"]})


class Classes(_Setting):
    """A model that you trained to tell classes apart; `categories` says which class means which category."""

    kind: Literal["model"]
    artifact: str
    categories: Annotated[Mapping[str, str], Field(min_length=1)]

    def watch(self, name: str, scorers: Scorers) -> Watch:
        """Return the detector at work. Raises UsageError for a class that the model does not have."""
        scorer = scorers.classes(self.artifact)
        known = scorer("")
        for label in self.categories:
            if label not in known:
                raise UsageError(
                    f"{self.artifact} has no class {label!r}", where=f"detector {name!r}", fix=suggest(label, known)
                )

        def score(text: str) -> dict[str, float]:
            scores, found = scorer(text), dict.fromkeys(self.categories.values(), 0.0)
            for label, category in self.categories.items():
                # Several classes may mean one category; their probabilities add up to at most 1, but for rounding.
                found[category] = min(1.0, found[category] + scores[label])
            return found

        return scored(name, tuple(dict.fromkeys(self.categories.values())), score)


class Judge(_Setting):
    """A served model that is asked a question about the text which has yes or no for an answer."""

    kind: Literal["judge"]
    model: str
    category: str
    question: str

    def watch(self, name: str, scorers: Scorers) -> Watch:
        """Return the detector at work."""
        scorer = scorers.judge(self.model, self.question)
        return scored(name, (self.category,), lambda text: {self.category: scorer(text)["yes"]})


Detector = Annotated[PersonalData | PromptInjection | Patterns | Words | Classes | Judge, Field(discriminator="kind")]


class RuleSetting(_Setting):
    """What happens to a text in a category; see :class:`ingot.safety.guard.Rule`."""

    category: str
    action: Reaction = "block"
    threshold: float = Field(default=0.5, ge=0, le=1)
    doors: Annotated[tuple[Door, ...], Field(min_length=1)] = ("input", "output")


class Hold(_Setting):
    """How an answer is held while it is written; see :class:`ingot.safety.holding.HoldLimits`."""

    step_characters: int = Field(default=160, ge=1)
    margin_characters: int = Field(default=64, ge=0)
    most_seconds: float = Field(default=0.5, gt=0)


class PolicySetting(_Setting):
    """One policy."""

    detectors: Annotated[Mapping[str, Detector], Field(min_length=1)]
    rules: tuple[RuleSetting, ...] = ()
    hold: Hold = Hold()


class PolicyFile(_Setting):
    """A file of policies, and for whom they are: everybody, a model by its name, a key by the name in usage.jsonl."""

    policies: Annotated[Mapping[str, PolicySetting], Field(min_length=1)]
    default: str | None = None
    models: Mapping[str, str] = {}
    keys: Mapping[str, str] = {}


@dataclass(frozen=True)
class Policy:
    """A guard, and how it holds what is written."""

    guard: Guard
    hold: HoldLimits = field(default_factory=HoldLimits)


@dataclass(frozen=True)
class Policies:
    """The policies of a server by name, and for whom they are."""

    by_name: Mapping[str, Policy] = field(default_factory=dict)
    default: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def for_request(self, model: ServedModel, principal: Principal) -> tuple[Policy, ...]:
        """Return every policy that a request must keep: everybody's, the model's and the key's."""
        names = (
            self.default,
            self.models.get(model.reference, self.models.get(model.id)),
            self.keys.get(principal.id),
        )
        return tuple(self.by_name[name] for name in dict.fromkeys(names) if name is not None)


def read_policies(text: str, where: str, scorers: Scorers) -> Policies:
    """Return the policies of a YAML text, every detector made. Raises InputError naming the place that is wrong."""
    try:
        written = PolicyFile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InputError("the policies are not YAML", where=where, why=str(error)) from None
    except ValidationError as error:
        raise _misread(error, where) from None
    by_name = {name: _made(name, setting, scorers) for name, setting in written.policies.items()}
    used = {"default": written.default, **written.models, **written.keys}
    for whose, name in used.items():
        if name is not None and name not in by_name:
            raise InputError(f"there is no policy {name!r}", where=f"{where}, {whose}", fix=suggest(name, by_name))
    return Policies(by_name, written.default, written.models, written.keys)


def _made(name: str, setting: PolicySetting, scorers: Scorers) -> Policy:
    watches = tuple(detector.watch(own, scorers) for own, detector in setting.detectors.items())
    rules = tuple(Rule(rule.category, rule.action, rule.threshold, rule.doors) for rule in setting.rules)
    hold = HoldLimits(setting.hold.step_characters, setting.hold.margin_characters, setting.hold.most_seconds)
    return Policy(Guard(name, rules, watches), hold)


def _misread(error: ValidationError, where: str) -> InputError:
    first: Mapping[str, Any] = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    said = first["msg"] if place else "it must hold `policies`, and may hold `default`, `models` and `keys`"
    return InputError(
        f"{place or 'the file'} cannot be read: {said}",
        where=where,
        fix="the kinds of detectors and their fields stand in docs/how-to/moderate.md",
    )
