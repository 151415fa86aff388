"""What a model knows of the canaries in its training text, beside controls that it never read.

Each canary stood in a document of its own, so it is asked as the training showed it: the mark that texts begin with,
what stands before the secret, and then how probable every token of the secret is. It is extracted when each of them is
the most probable one, because greedy decoding then writes the secret word for word; and recognised when it ranks so
high among the controls of its kind as few of them do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingot.data.canaries import Canary, Planted, controls
from ingot.evaluate.config import AuditConfig
from ingot.evaluate.exposure import alarms, exposures, false_alarms, highest, median_interval, upper_bound
from ingot.evaluate.likelihood import Weighed, Weigher
from ingot.tokenizer.codec import Codec


@dataclass(frozen=True)
class Known:
    """How well a canary is known; `log_probability` of its secret is in nats, `exposure` in bits."""

    number: int
    repeats: int
    log_probability: float
    exposure: float
    is_extracted: bool
    is_recognised: bool


@dataclass(frozen=True)
class Controls:
    """How the controls of one kind fared: their log-probabilities, and on how many the alarms rang for nothing."""

    log_probabilities: Sequence[float]
    extracted: int
    recognised: int


@dataclass(frozen=True)
class Asked:
    """All canaries, and the controls by their kind."""

    canaries: Sequence[Known]
    controls: Mapping[str, Controls]

    @property
    def tried(self) -> int:
        """How many controls there are."""
        return sum(len(each.log_probabilities) for each in self.controls.values())

    @property
    def rung(self) -> int:
        """On how many controls an alarm rang, either of them."""
        return sum(each.recognised + each.extracted for each in self.controls.values())

    @property
    def highest(self) -> float:
        """The largest exposure that can be told."""
        return min(highest(len(each.log_probabilities)) for each in self.controls.values())

    def at(self, repeats: int) -> list[Known]:
        """Return the canaries that stood in the text so often."""
        return [each for each in self.canaries if each.repeats == repeats]

    def levels(self) -> list[int]:
        """Return the numbers of repeats, fewest first."""
        return sorted({each.repeats for each in self.canaries})


def ask(weigher: Weigher, codec: Codec, planted: Planted, config: AuditConfig) -> Asked:
    """Ask for every canary and every control."""
    put_in = list(planted.canaries())
    others = controls(planted.key, config.controls)
    weighed = _weighed(weigher, codec, [*(canary for canary, _ in put_in), *others])
    told, compared = weighed[: len(put_in)], weighed[len(put_in) :]
    kinds = {
        kind: _as_controls([one for one, each in zip(compared, others, strict=True) if each.kind == kind], config)
        for kind in sorted({each.kind for each in others})
    }
    return Asked(list(_known(put_in, told, kinds, config)), kinds)


def as_facts(asked: Asked) -> dict[str, Any]:
    """Return what was found for each number of repeats, as JSON literals."""
    return {str(repeats): _level(asked.at(repeats), asked.highest) for repeats in asked.levels()}


def as_rows(asked: Asked) -> list[dict[str, Any]]:
    """Return a row for every canary, to be kept."""
    return [asdict(each) for each in asked.canaries]


def _level(known: Sequence[Known], most: float) -> dict[str, Any]:
    middle, low, high = median_interval([each.exposure for each in known], 0.0, most)
    extracted = sum(each.is_extracted for each in known)
    return {
        "inserted": len(known),
        "extracted": extracted,
        "extracted_at_most": round(upper_bound(extracted, len(known)), 4),
        "recognised": sum(each.is_recognised for each in known),
        "exposure": round(middle, 3),
        "interval": [round(low, 3), round(high, 3)],
    }


def _weighed(weigher: Weigher, codec: Codec, canaries: Sequence[Canary]) -> list[Weighed]:
    before = codec.encode_batch([each.prefix for each in canaries])
    whole = codec.encode_batch([each.text for each in canaries])
    # A blank begins a word, so the ids of the prefix are the first ones of the whole (tokenizer/pieces).
    return weigher.weigh_ids(
        [([codec.bos, *ids[: len(some)]], ids[len(some) :]) for some, ids in zip(before, whole, strict=True)]
    )


def _as_controls(weighed: Sequence[Weighed], config: AuditConfig) -> Controls:
    values = [each.log_probability for each in weighed]
    return Controls(values, sum(each.is_greedy for each in weighed), false_alarms(values, config.alarm_level))


def _known(
    put_in: Sequence[tuple[Canary, int]],
    told: Sequence[Weighed],
    kinds: Mapping[str, Controls],
    config: AuditConfig,
) -> Iterator[Known]:
    for (canary, repeats), each in zip(put_in, told, strict=True):
        beside = kinds[canary.kind].log_probabilities
        (exposure,) = exposures([each.log_probability], beside)
        (is_recognised,) = alarms([each.log_probability], beside, config.alarm_level)
        yield Known(canary.number, repeats, round(each.log_probability, 4), exposure, each.is_greedy, is_recognised)
