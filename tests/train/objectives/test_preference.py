"""Preferences against their slow reference, packed against one by one, and learned by a real training."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.data.preferences import Config as PreferencesConfig
from ingot.data.preferences import tokenize
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.convert import load as load_decoder
from ingot.model.decoder import Decoder
from ingot.plan.parallel import ParallelPlan
from ingot.tokenizer.chat import Message, render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.objective import Given, TensorBatch, pieces
from ingot.train.objectives.preference import Config, loss, preference_losses
from ingot.train.publishing import copy_tokenizer
from ingot.train.reference import Config as ReferenceConfig
from ingot.train.reference import score
from ingot.train.run import pretrain, train
from tests.data.labelled import reading, snapshot
from tests.train.small import artifact, context, settings

Inputs = Mapping[str, Artifact]
Pair = tuple[list[Message], list[Message]]
ROW = 256
MODEL = ModelConfig(384, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=64, context=ROW)
CPU = torch.device("cpu")


def talks(count: int) -> list[Pair]:
    """Return pairs of answers: the polite one is better. Every other has a turn before that both share."""
    chooses = random.Random(0)
    made = []
    for number in range(count):
        asked = [{"role": "user", "content": f"What is {number} and {chooses.randrange(9)}?"}]
        before = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}] * (number % 2)
        answers = (f"Gladly: {number}.", f"Leave me, {number}.")
        made.append(tuple([*before, *asked, {"role": "assistant", "content": answer}] for answer in answers))
    return made  # type: ignore[return-value]  # of two


PAIRS = talks(80)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    place = tmp_path_factory.mktemp("preferences")
    for name in ("tokenizer", "start"):
        (place / name).mkdir()
    texts = [message["content"] for pair in PAIRS for talk in pair for message in talk]
    write(learn([" ".join(texts)] * 3, 384), place / "tokenizer")
    torch.manual_seed(3)
    codec = Codec.load(place / "tokenizer")
    save(
        Decoder(replace(MODEL, vocabulary=codec.vocabulary)), place / "start", SpecialTokens(codec.bos, (codec.eos,), 2)
    )
    copy_tokenizer(place / "tokenizer", place / "start")
    given = {name: artifact(name, place / name) for name in ("tokenizer", "start")}
    source = snapshot(place / "pairs.jsonl", [{"chosen": chosen, "rejected": rejected} for chosen, rejected in PAIRS])
    framing = PreferencesConfig(row_tokens=ROW, held_out_share=0.0)
    tokenize(framing, given, reading(place / "shards", source))
    given["shards"] = artifact("shards", place / "shards")
    score(ReferenceConfig(ROW, precision="fp32"), given, context(place / "reference"))
    return {**given, "reference": artifact("reference", place / "reference")}


@pytest.fixture(scope="module")
def given(inputs: Inputs) -> Given:
    return Given({name: made.path for name, made in inputs.items()})


@pytest.fixture
def policy(given: Given) -> Decoder:
    """A model that has moved away from its reference."""
    decoder = load_decoder(given.folder("start", ""))
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
    return decoder


def batch_of(inputs: Inputs) -> TensorBatch:
    stream = Stream(Shards.open(inputs["shards"].path, "train"), 4, ROW, 0)
    return next(pieces(stream.batch(0), 1, CPU))


def slow_answer(decoder: Decoder, talk: list[Message], codec: Codec) -> tuple[Tensor, int]:
    """Read a conversation alone, all logits at once; return the log-probability of its last turn and its length."""
    ids = render(talk, codec).ids
    answer = len(render(talk[:-1], codec, add_generation_prompt=True).ids)
    end = len(ids) - 1 - ids[::-1].index(codec.end_of_turn)
    odds = decoder.logits(decoder(torch.tensor([ids])))[0].log_softmax(-1)
    said = range(answer, end + 1)
    return torch.stack([odds[at - 1, ids[at]] for at in said]).sum(), len(said)


def slow_loss(kind: str, beta: float, own: list[Tensor], reference: list[Tensor], sizes: list[int]) -> Tensor:
    if kind == "ipo":
        own, reference = ([each / size for each, size in zip(some, sizes, strict=True)] for some in (own, reference))
    margin = (own[0] - own[1]) - (reference[0] - reference[1])
    if kind == "sigmoid":
        return torch.log1p(torch.exp(-beta * margin))
    if kind == "hinge":
        return torch.clamp(1 - beta * margin, min=0)
    return (margin - 1 / (2 * beta)) ** 2


@pytest.mark.parametrize("kind", ["sigmoid", "ipo", "hinge"])
def test_packed_rows_give_the_loss_and_gradient_of_conversations_read_one_by_one(
    inputs: Inputs, given: Given, policy: Decoder, kind: Any
) -> None:
    codec, batch, reference = given.codec, batch_of(inputs), load_decoder(inputs["start"].path)
    made = loss(policy, batch, Config(kind, 0.3), given)
    made.total.backward()  # type: ignore[no-untyped-call]  # published without types
    gradients = {name: weight.grad.clone() for name, weight in policy.named_parameters() if weight.grad is not None}
    policy.zero_grad()
    in_batch = {codec.decode(ids.tolist()) for ids in _conversations(batch, codec)}
    total, count = torch.zeros(()), 0
    for pair in PAIRS:
        if codec.decode(render(pair[0], codec).ids) not in in_batch:
            continue
        own, sizes = zip(*(slow_answer(policy, talk, codec) for talk in pair), strict=True)
        with torch.no_grad():
            before = [slow_answer(reference, talk, codec)[0] for talk in pair]
        total, count = total + slow_loss(kind, 0.3, list(own), before, list(sizes)), count + 1
    assert made.count == count > 4
    torch.testing.assert_close(made.total, total, atol=1e-5, rtol=1e-5)
    total.backward()  # type: ignore[no-untyped-call]  # published without types
    for name, weight in policy.named_parameters():
        torch.testing.assert_close(gradients[name], weight.grad, atol=1e-5, rtol=1e-4)


def _conversations(batch: TensorBatch, codec: Codec) -> list[Tensor]:
    found = []
    for tokens, segments in zip(batch.tokens_BT, batch.segments_BT, strict=True):
        for number in range(int(segments.max()) + 1):
            ids = tokens[segments == number]
            found.append(ids[: int((ids == codec.eos).nonzero()[0])])
    return found


@pytest.mark.parametrize("kind", ["sigmoid", "ipo", "hinge"])
def test_each_loss_is_its_formula_on_any_numbers(kind: Any) -> None:
    drawn = torch.Generator().manual_seed(random.SystemRandom().randrange(2**31))
    own, reference = (-40 * torch.rand(50, 2, generator=drawn) for _ in range(2))
    sizes = torch.randint(1, 60, (50, 2), generator=drawn)
    found = preference_losses(own, reference, sizes.float(), Config(kind, 0.2))
    slow = [slow_loss(kind, 0.2, list(a), list(b), c.tolist()) for a, b, c in zip(own, reference, sizes, strict=True)]
    torch.testing.assert_close(found, torch.stack(slow), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("adapters", [None, AdapterConfig(rank=4)], ids=["full", "adapters"])
def test_a_training_begins_at_log_2_and_learns_what_is_better(
    inputs: Inputs, tmp_path: Path, adapters: AdapterConfig | None
) -> None:
    usual = settings(
        steps=25, sequence_length=ROW, learning_rate=4e-3, objective="preference", adapters=adapters, optimizer="adamw"
    )
    vocabulary = Codec.load(inputs["tokenizer"].path).vocabulary
    config = PretrainConfig(**{**vars(usual), "model": replace(MODEL, vocabulary=vocabulary)})
    pretrain(config, inputs, context(tmp_path))
    curve = [json.loads(line)["loss"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert curve[0] == pytest.approx(math.log(2), abs=1e-5)
    assert curve[-1] < 0.5


def test_a_pass_that_was_stopped_goes_on_with_what_it_had(inputs: Inputs, tmp_path: Path) -> None:
    whole = load_file(inputs["reference"].path / "answers.safetensors")
    with pytest.raises(KeyboardInterrupt):
        score(ReferenceConfig(ROW, precision="fp32"), inputs, replace(context(tmp_path), emit=_stopped))
    [part] = (tmp_path / "parts").iterdir()
    # Marked, so that it shows whether what was read before is read again.
    marked = {name: tensor + 1 if name == "log_probabilities" else tensor for name, tensor in load_file(part).items()}
    save_file(marked, part)
    score(ReferenceConfig(ROW, precision="fp32"), inputs, context(tmp_path))
    found = load_file(tmp_path / "answers.safetensors")
    assert torch.equal(found["log_probabilities"], whole["log_probabilities"] + 1)
    assert torch.equal(found["keys"], whole["keys"])
    assert not (tmp_path / "parts").exists()


def _stopped(kind: str, /, **fields: Any) -> None:
    raise KeyboardInterrupt


def test_a_reference_of_other_weights_or_other_pairs_is_refused(
    inputs: Inputs, given: Given, policy: Decoder, tmp_path: Path
) -> None:
    folders = {name: made.path for name, made in inputs.items()}
    save(policy, tmp_path, SpecialTokens(0, (1,), 2))
    with pytest.raises(InputError, match="another model"):
        loss(policy, batch_of(inputs), Config(), Given({**folders, "start": tmp_path}))
    batch = batch_of(inputs)
    tokens = batch.tokens_BT.clone()
    tokens[0, 3] += 1
    with pytest.raises(InputError, match="has not read"):
        loss(policy, replace(batch, tokens_BT=tokens), Config(), given)
    with pytest.raises(InputError, match="no reference"):
        loss(policy, batch, Config(), Given({**folders, "reference": tmp_path}))


def test_rows_without_whole_pairs_are_refused(inputs: Inputs, given: Given, policy: Decoder) -> None:
    batch = batch_of(inputs)
    half = TensorBatch(*(each[:, : ROW // 2] for each in (batch.tokens_BT, batch.targets_BT, batch.segments_BT)))
    with pytest.raises(InputError, match="whole pairs"):
        loss(policy, half, Config(), given)


@pytest.mark.parametrize("name", ["context", "pipeline"])
def test_answers_that_lie_in_pieces_on_several_processes_are_refused(inputs: Inputs, tmp_path: Path, name: str) -> None:
    usual = settings(sequence_length=ROW, objective="preference")
    vocabulary = Codec.load(inputs["tokenizer"].path).vocabulary
    config = PretrainConfig(**{**vars(usual), "model": replace(MODEL, vocabulary=vocabulary)})
    with pytest.raises(UsageError, match="objective"):
        train(config, inputs, context(tmp_path), ParallelPlan(**{name: 2}))


@pytest.fixture(scope="module")
def scored(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Given:
    """The same pairs with scores; the better answer of a pair is better by its number and a half."""
    place = tmp_path_factory.mktemp("scored")
    rows = [
        {"chosen": chosen, "rejected": rejected, "score_chosen": number + 1, "score_rejected": 0.5}
        for number, (chosen, rejected) in enumerate(PAIRS)
    ]
    framing = PreferencesConfig(row_tokens=ROW, held_out_share=0.0)
    tokenize(framing, inputs, reading(place, snapshot(place.parent / "scored.jsonl", rows)))
    return Given({**{name: made.path for name, made in inputs.items()}, "shards": place})


@pytest.mark.parametrize("offset", ["log", "linear"])
def test_an_offset_is_by_how_much_the_better_answer_is_better(
    inputs: Inputs, given: Given, scored: Given, policy: Decoder, offset: Any
) -> None:
    codec, batch, beta, scale = given.codec, batch_of(inputs), 0.3, 0.7
    made = loss(policy, batch, Config(beta=beta, offset=offset, offset_scale=scale), scored)
    reference, total = load_decoder(inputs["start"].path), 0.0
    in_batch = {codec.decode(ids.tolist()) for ids in _conversations(batch, codec)}
    with torch.no_grad():
        for number, pair in enumerate(PAIRS):
            if codec.decode(render(pair[0], codec).ids) in in_batch:
                odds = [slow_answer(each, talk, codec)[0].item() for each in (policy, reference) for talk in pair]
                difference = number + 0.5
                grown = scale * (math.log(difference) if offset == "log" else difference)
                total += math.log1p(math.exp(-(beta * (odds[0] - odds[1] - odds[2] + odds[3]) - grown)))
    assert float(made.total.detach()) == pytest.approx(total, rel=1e-5)


def test_an_offset_without_scores_or_with_another_loss_is_refused(
    inputs: Inputs, given: Given, scored: Given, policy: Decoder, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"no input has a score_differences\.json"):
        loss(policy, batch_of(inputs), Config(offset="log"), given)
    differences = json.loads((scored.folder("shards", "") / "score_differences.json").read_text())
    (tmp_path / "score_differences.json").write_text(json.dumps(dict(list(differences.items())[:1])))
    folders = {name: made.path for name, made in inputs.items()}
    with pytest.raises(InputError, match="have no scores"):
        loss(policy, batch_of(inputs), Config(offset="log"), Given({**folders, "shards": tmp_path}))
    with pytest.raises(UsageError, match="no meaning for the loss 'ipo'"):
        Config("ipo", offset="log")
    with pytest.raises(UsageError, match="offset_scale is 0"):
        Config(offset_scale=0)


def test_a_beta_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="beta"):
        Config(beta=0)
