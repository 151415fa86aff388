"""A request between its doors: what is asked is judged before a model reads it, what is answered before it is sent.

    1. each policy looks at every message; one that blocks ends the request, one that masks changes what the model reads
    2. words of the answer are held until the policies have looked at them (see safety/holding)
    3. arguments of a call are looked at when the call is whole
    4. every decision is recorded with its rule, and never with the text, unless a rule asks for a person's review

Looking takes processor time, so it is done in a thread: other answers go on meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

from ingot.infer.text import Token
from ingot.safety.guard import Verdict
from ingot.safety.holding import Holding, Released
from ingot.safety.watches import Scorer
from ingot.serve.answers.reading import Call, Part, Said
from ingot.serve.asks.texts import Body, with_texts
from ingot.serve.policies import Policies, Policy
from ingot.serve.ports import DecisionLog, Judged, Principal, ServedModel
from ingot.serve.refusal import Refusal
from ingot.tokenizer.codec import Codec

FILTERED = "content_filter"


@dataclass(frozen=True)
class Doors:
    """The policies a request must keep, and who writes down what they decide."""

    policies: Sequence[Policy]
    log: DecisionLog
    principal: str
    model: str

    @property
    def are_open(self) -> bool:
        """Whether nothing is looked at."""
        return not self.policies

    async def admit(self, body: Body, codec: Codec) -> Body:
        """Return a request as a model may read it. Raises Refusal 403 when a policy blocks a text of it."""
        return body if self.are_open else await asyncio.to_thread(with_texts, body, self._admitted, codec)

    def _admitted(self, text: str, place: str) -> str:
        for policy in self.policies:
            verdict = policy.guard.look(text, "input")
            self.note(policy, verdict, text)
            if verdict.action == "block":
                raise refused(policy, verdict, place)
            text = verdict.text
        return text

    def note(self, policy: Policy, verdict: Verdict, text: str) -> None:
        """Write down what was decided; the text only where a person is to look at it."""
        for decision in verdict.decisions:
            finding = decision.sighting.finding
            kept = text if decision.action == "review" else None
            self.log.record(
                Judged(
                    policy=policy.guard.name,
                    rule=decision.rule + 1,
                    category=decision.sighting.category,
                    action=decision.action,
                    door=verdict.door,
                    detector=finding.detector,
                    type=finding.type,
                    confidence=round(finding.confidence, 4),
                    principal=self.principal,
                    model=self.model,
                    text=kept,
                )
            )

    async def guarded(self, written: AsyncGenerator[list[Part], None]) -> AsyncGenerator[list[Part], None]:
        """Yield the parts of answers as they may be sent; a blocked answer ends with the finish `filtered`.

        Closes what it reads from.
        """
        answers: dict[int, _Answer] = {}
        async with aclosing(written) as batches:
            async for batch in batches:
                if passed := await asyncio.to_thread(self._passed, batch, answers):
                    yield passed

    def _passed(self, batch: Sequence[Part], answers: dict[int, _Answer]) -> list[Part]:
        parts: list[Part] = []
        for index, said in batch:
            answer = answers.setdefault(index, _Answer(self))
            if not answer.is_over:
                parts += [(index, part) for part in answer.feed(said)]
        return parts


def refused(policy: Policy, verdict: Verdict, param: str) -> Refusal:
    """Return the refusal of a text that a policy blocks: it names the rule, not what was found."""
    decision = verdict.because_of("block")[0]
    message = (
        f"the policy {policy.guard.name!r} does not allow this text: "
        f"{decision.sighting.category} (rule {decision.rule + 1})"
    )
    return Refusal(403, message, param=param, code=FILTERED)


@dataclass(frozen=True)
class Judges:
    """Who judges texts on a server: policies, models that tell classes apart, and the log of decisions."""

    policies: Policies
    log: DecisionLog
    classifiers: Mapping[str, Scorer] = field(default_factory=dict)

    def doors(self, model: ServedModel, principal: Principal, brought: Sequence[Policy] = ()) -> Doors:
        """Return the doors of a request, which may have brought policies of its own."""
        policies = (*self.policies.for_request(model, principal), *brought)
        return Doors(policies, self.log, principal.id, model.reference)


class _NoLog:
    """The log of a server without policies: nothing is ever decided."""

    def record(self, judged: Judged) -> None:
        """Fail: a decision that nobody writes down is a bug."""
        raise AssertionError("a policy decided, and there is no log")


def no_judges() -> Judges:
    """Return the judges of a server that lets everything pass."""
    return Judges(Policies(), _NoLog())


@dataclass
class _Answer:
    """One answer on its way out, through the holding of every policy in turn."""

    doors: Doors
    tokens: list[Token] = field(default_factory=list)
    is_over: bool = False
    is_masked: bool = False
    holdings: list[Holding] = field(default_factory=list)
    noted: set[tuple[str, int, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.holdings = [Holding(partial(self._look, policy), policy.hold) for policy in self.doors.policies]

    def feed(self, said: Said) -> list[Said]:
        """Return what may be sent once this was said."""
        self.tokens.extend(said.tokens)
        text, call = said.text, said.call
        for holding in self.holdings:
            released = _through(holding, text, said.finish is not None or call is not None)
            if released.is_blocked:
                return self._blocked()
            text = released.text
        if call is not None:
            call = self._checked(call)
            if call is None:
                return self._blocked()
        if not (text or call or said.finish):
            return []
        # Tokens tell words too, with their log-probabilities: they come at the end, when none of them was covered.
        tokens = tuple(self.tokens) if said.finish is not None and not self.is_masked else ()
        return [Said(text, tokens, call, said.finish)]

    def _blocked(self) -> list[Said]:
        self.is_over = True
        return [Said(finish="filtered")]

    def _look(self, policy: Policy, text: str) -> Verdict:
        """Judge a text; each rule is written down once for each type that it saw in an answer."""
        verdict = policy.guard.look(text, "output")
        fresh = []
        for each in verdict.decisions:
            mark = (policy.guard.name, each.rule, each.sighting.finding.type)
            fresh += [each] if mark not in self.noted else []
            self.noted.add(mark)
        self.is_masked = self.is_masked or verdict.action == "mask"
        self.doors.note(policy, replace(verdict, decisions=tuple(fresh)), text)
        return verdict

    def _checked(self, call: Call) -> Call | None:
        for policy in self.doors.policies:
            verdict = self._look(policy, call.arguments)
            if verdict.action == "block":
                return None
            try:
                json.loads(verdict.text)
            except ValueError:
                return None  # what a mask has broken is not sent
            call = replace(call, arguments=verdict.text)
        return call


def _through(holding: Holding, text: str, is_last: bool) -> Released:
    released = holding.feed(text, time.monotonic())
    if released.is_blocked or not is_last:
        return released
    rest = holding.finish()
    return Released(released.text + rest.text, rest.verdict or released.verdict)
