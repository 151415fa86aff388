from __future__ import annotations

import numpy as np
import pytest

from ingot.core.errors import InputError
from ingot.infer.sampling import Chooser, SamplingParams, generator, log_probabilities, most_probable, nucleus, sample

LOGITS = np.log(np.array([0.1, 0.4, 0.05, 0.3, 0.15], dtype=np.float32))


def draws(params: SamplingParams, count: int = 4000) -> np.ndarray:
    random = generator(params)
    return np.bincount([sample(LOGITS, params, random) for _ in range(count)], minlength=5) / count


def test_greedy_takes_the_most_probable_and_the_lowest_id_on_a_tie() -> None:
    random = generator(SamplingParams())
    assert sample(LOGITS, SamplingParams(temperature=0.0), random) == 1
    assert sample(LOGITS, SamplingParams(top_k=1), random) == 1
    assert sample(np.array([0.0, 2.0, 2.0], dtype=np.float32), SamplingParams(temperature=0.0), random) == 1


def test_sampling_follows_the_distribution() -> None:
    seen = draws(SamplingParams(temperature=1.0, seed=1))
    assert np.abs(seen - [0.1, 0.4, 0.05, 0.3, 0.15]).max() < 0.03


def test_top_k_keeps_exactly_k_tokens() -> None:
    candidates, probabilities = nucleus(LOGITS, SamplingParams(temperature=1.0, top_k=2))
    assert candidates.tolist() == [1, 3]
    assert probabilities == pytest.approx([4 / 7, 3 / 7], rel=1e-5)
    assert draws(SamplingParams(temperature=1.0, top_k=2, seed=2))[[0, 2, 4]].sum() == 0


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.05, [1]), (0.39, [1]), (0.5, [1, 3]), (0.75, [1, 3, 4]), (1.0, [1, 3, 4, 0, 2])]
)
def test_top_p_keeps_the_smallest_set_that_reaches_the_mass(top_p: float, kept: list[int]) -> None:
    candidates, probabilities = nucleus(LOGITS, SamplingParams(temperature=1.0, top_p=top_p))
    assert candidates.tolist() == kept
    assert probabilities.sum() == pytest.approx(1.0)


def test_temperature_sharpens_and_flattens() -> None:
    cold = nucleus(LOGITS, SamplingParams(temperature=0.5))[1][0]
    hot = nucleus(LOGITS, SamplingParams(temperature=2.0))[1][0]
    assert hot < 0.4 < cold


def test_equal_seeds_give_equal_draws_and_others_differ() -> None:
    def run(seed: int) -> list[int]:
        params = SamplingParams(temperature=1.0, seed=seed)
        random = generator(params)
        return [sample(LOGITS, params, random) for _ in range(50)]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_log_probabilities_survive_large_logits() -> None:
    logs = log_probabilities(np.array([1e4, 1e4 - 1.0], dtype=np.float32))
    assert np.exp(logs).sum() == pytest.approx(1.0)
    assert logs[0] - logs[1] == pytest.approx(1.0)


def test_most_probable_is_ordered() -> None:
    assert [i for i, _ in most_probable(log_probabilities(LOGITS), 3)] == [1, 3, 4]
    assert most_probable(log_probabilities(LOGITS), 0) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_tokens", 0), ("temperature", -0.1), ("temperature", 2.1), ("top_p", 0.0), ("top_k", -1), ("stop", ("",))],
)
def test_values_outside_their_range_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        SamplingParams(**{field: value})


class Only:
    """Rules that allow some ids, and note what was taken."""

    def __init__(self, *allowed: int) -> None:
        self.ids, self.taken = allowed, []

    def allowed(self) -> np.ndarray:
        return np.isin(np.arange(8), self.ids)  # as many as a table that was rounded up

    def take(self, token: int, /) -> None:
        self.taken.append(token)


def test_penalties_grow_with_every_time_and_biases_add() -> None:
    chooser = Chooser(SamplingParams(temperature=0.0, presence_penalty=0.5, frequency_penalty=0.25))
    logits = np.array([2.0, 1.5, 0.0, 0.0, 0.0], dtype=np.float32)
    # Of 2 and 1.5 are left: 1.25 and 1.5; 1.25 and 0.75; 1 and 0.75; 0.75 and 0.75, where the lower id is taken.
    assert [chooser.choose(logits) for _ in range(5)] == [0, 1, 0, 0, 0]
    assert Chooser(SamplingParams(temperature=0.0, logit_bias=((3, 2.5),))).choose(logits) == 3


def test_only_what_the_rules_allow_is_chosen() -> None:
    rules = Only(2, 4)
    chooser = Chooser(SamplingParams(temperature=1.0, seed=5), rules)
    chosen = [chooser.choose(LOGITS) for _ in range(200)]
    assert set(chosen) == {2, 4}
    assert rules.taken == chosen
