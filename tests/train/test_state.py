from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch

from ingot.core.errors import InputError, UsageError
from ingot.train.config import PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.probe import random_batch
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision, restore, scalars, tensors
from ingot.train.trainer import advance
from tests.train.small import MODEL, settings

CPU = torch.device("cpu")
LOSS = partial(next_token.loss, config=next_token.Config())
CONFIG = settings(sequence_length=16)


def start(config: PretrainConfig = CONFIG, precision: str = "fp32") -> TrainingState:
    return begin(config, 1, precision, CPU)


def train(state: TrainingState, steps: int, config: PretrainConfig = CONFIG) -> TrainingState:
    for _ in range(steps):
        advance(state, random_batch(MODEL.vocabulary, 4, 16, seed=state.step), LOSS, config)
    return state


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_restored_state_goes_on_with_the_same_bits(optimizer: str, precision: str) -> None:
    config = settings(sequence_length=16, optimizer=optimizer)
    unbroken = train(start(config, precision), 6, config)
    half = train(start(config, precision), 3, config)
    saved, counters = {name: t.clone() for name, t in tensors(half).items()}, scalars(half)
    torch.manual_seed(99)
    resumed = start(config, precision)
    restore(resumed, saved, counters)
    train(resumed, 3, config)
    assert (resumed.step, resumed.tokens) == (unbroken.step, unbroken.tokens) == (6, 6 * 64)
    wanted, found = tensors(unbroken), tensors(resumed)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("part", ["model.", "optimizer.layers.", "optimizer.embed_tokens."])
def test_every_part_of_the_state_is_needed(part: str) -> None:
    unbroken, half = tensors(train(start(), 6)), train(start(), 3)
    fresh = tensors(start())
    lost = {name: t for name, t in tensors(half).items() if not name.startswith(part)}
    lost |= {name: t for name, t in fresh.items() if name.startswith(part)}
    resumed = start()
    restore(resumed, {name: t.clone() for name, t in lost.items()}, scalars(half))
    train(resumed, 3)
    assert any(
        not torch.equal(weight, unbroken[f"model.{name}"]) for name, weight in resumed.decoder.named_parameters()
    )


def test_the_random_generator_goes_on_where_it_was() -> None:
    state = start()
    torch.rand(3)
    saved, counters = tensors(state), scalars(state)
    wanted = torch.rand(5)
    restore(start(), saved, counters)
    assert torch.equal(torch.rand(5), wanted)


def test_the_seed_alone_decides_the_first_weights() -> None:
    one, same, other = start(), start(), start(settings(seed=1))
    assert all(torch.equal(a, b) for a, b in zip(one.decoder.parameters(), same.decoder.parameters(), strict=True))
    assert not torch.equal(one.decoder.embed_tokens.weight, other.decoder.embed_tokens.weight)


def test_reproducible_leaves_the_process_as_it_was() -> None:
    threads = torch.get_num_threads()
    with reproducible(threads + 1, CPU):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_precision_is_what_was_asked_for_and_auto_is_one_of_the_two() -> None:
    assert resolve_precision("fp32", CPU) == "fp32"
    assert resolve_precision("bf16", CPU) == "bf16"
    assert resolve_precision("auto", CPU) in ("bf16", "fp32")


def test_a_gpu_without_bf16_takes_fp32_and_refuses_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older card's driver answers: it emulates bf16, and does not have it."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    cuda = torch.device("cuda")
    assert resolve_precision("auto", cuda) == "fp32"
    with pytest.raises(UsageError, match="does not multiply bf16") as raised:
        resolve_precision("bf16", cuda)
    assert "Tesla T4" in raised.value.why
    assert "leave precision out" in raised.value.fix


def test_a_checkpoint_of_another_model_is_refused() -> None:
    saved, counters = tensors(start()), scalars(start())
    wider = begin(replace(CONFIG, model=replace(MODEL, ffn_width=96)), 1, "fp32", CPU)
    with pytest.raises(InputError, match="of another model") as raised:
        restore(wider, saved, counters)
    assert "mlp.gate_proj" in raised.value.where
    deeper = begin(replace(CONFIG, model=replace(MODEL, layers=3)), 1, "fp32", CPU)
    with pytest.raises(InputError, match="of another model") as raised:
        restore(deeper, saved, counters)
    assert "missing" in raised.value.why
