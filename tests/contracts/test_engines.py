"""Every engine, unlisted, answers by the same rules."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ingot.core.errors import InputError, MissingExtraError
from ingot.core.plugins import load, names
from ingot.infer.engine import Engine, EngineStats, build, greedy
from ingot.infer.exporters.gguf import Config, export
from ingot.infer.grammar import Grammar, json_object, json_schema
from ingot.infer.sampling import GREEDY, SamplingParams
from tests.infer.grammars.samples import random_schema
from tests.infer.tiny_model import CONTEXT, make_model

# It computes on an accelerator alone; its own test holds it against a stand-in.
ENGINES = [pytest.param(name, marks=pytest.mark.gpu) if name == "vllm" else name for name in names("engine")]
ENDLESS = SamplingParams(max_tokens=16, temperature=1.0, seed=11)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_model(tmp_path_factory.mktemp("model") / "tiny")
    export(folder, folder / "model-f16.gguf", Config())
    return folder


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    try:
        engine = build(request.param, folder)
    except MissingExtraError as missing:
        # An engine is an extra: where it is not installed there is nothing to hold to the contract.
        pytest.skip(f"{missing.what}; {missing.fix}")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Engine:
    return build("torch", folder)


def prompt(engine: Engine) -> list[int]:
    return [engine.codec.bos, *engine.codec.encode("def visit(self, node):")]


def test_it_names_itself_and_its_limits(engine: Engine) -> None:
    assert engine.name in names("engine")
    assert engine.context == CONTEXT
    assert engine.most_top_logprobs >= 0


def test_its_threads_can_be_set(engine: Engine) -> None:
    assert load("engine", engine.name).config_type(threads=1).threads == 1


def test_greedy_tokens_equal_those_of_the_reference(engine: Engine, reference: Engine) -> None:
    assert greedy(engine, prompt(engine), 32) == greedy(reference, prompt(engine), 32)


def test_log_probabilities_equal_those_of_the_reference(engine: Engine, reference: Engine) -> None:
    params = replace(GREEDY, max_tokens=16)
    pairs = zip(engine.generate(prompt(engine), params), reference.generate(prompt(engine), params), strict=True)
    for one, other in pairs:
        if one.logprob is not None:
            assert other.logprob is not None
            assert abs(one.logprob - other.logprob) < 5e-3  # half-precision weights, drawn and not trained


def test_the_text_is_that_of_the_ids(engine: Engine) -> None:
    tokens = list(engine.generate(prompt(engine), replace(GREEDY, max_tokens=12)))
    assert "".join(token.text for token in tokens) == engine.codec.decode([token.id for token in tokens])


def test_the_last_token_says_why(engine: Engine) -> None:
    tokens = list(engine.generate(prompt(engine), replace(GREEDY, max_tokens=5)))
    assert [token.finish for token in tokens] == [None] * 4 + ["length"]


def test_the_context_ends_an_answer(engine: Engine) -> None:
    long = [engine.codec.bos, *range(300, 300 + CONTEXT - 6)]
    tokens = list(engine.generate(long, replace(ENDLESS, max_tokens=50)))
    assert len(tokens) <= 5
    assert tokens[-1].finish in ("length", "stop")


@pytest.mark.parametrize("ids", [[], [10_000_000], [-1], [5] * CONTEXT])
def test_a_prompt_that_cannot_be_answered_is_refused_at_once(engine: Engine, ids: list[int]) -> None:
    with pytest.raises(InputError):
        engine.generate(ids, GREEDY)


def test_too_many_alternatives_are_refused(engine: Engine) -> None:
    if engine.most_top_logprobs == 20:
        tokens = list(engine.generate(prompt(engine), replace(GREEDY, max_tokens=2, top_logprobs=20)))
        assert all(len(token.top) == 20 and token.top[0] == (token.id, token.logprob) for token in tokens)
    else:
        with pytest.raises(InputError, match="alternatives"):
            engine.generate(prompt(engine), replace(GREEDY, top_logprobs=engine.most_top_logprobs + 1))


def test_equal_seeds_give_equal_answers(engine: Engine) -> None:
    def ids(seed: int) -> list[int]:
        return [token.id for token in engine.generate(prompt(engine), replace(ENDLESS, seed=seed))]

    assert ids(11) == ids(11)
    assert ids(11) != ids(12)


def test_a_stop_string_is_cut(engine: Engine) -> None:
    plain = list(engine.generate(prompt(engine), replace(GREEDY, max_tokens=24)))
    whole = "".join(token.text for token in plain)
    needle = whole[5:9]
    tokens = list(engine.generate(prompt(engine), replace(GREEDY, max_tokens=24, stop=(needle,))))
    assert "".join(token.text for token in tokens) == whole[: whole.index(needle)]
    assert tokens[-1].finish == "stop"


def test_stopping_ends_the_answer_and_the_engine_lives_on(engine: Engine) -> None:
    seen: list[int] = []
    for token in engine.generate(prompt(engine), replace(ENDLESS, max_tokens=60), stop=lambda: len(seen) >= 3):
        seen.append(token.id)
    assert len(seen) == 3
    stream = engine.generate(prompt(engine), replace(ENDLESS, max_tokens=60))
    next(stream)
    stream.close()
    assert len(greedy(engine, prompt(engine), 4)) == 4


def test_answers_made_at_once_equal_those_made_alone(engine: Engine) -> None:
    prompts = [[engine.codec.bos, *engine.codec.encode(text)] for text in ("class A", "return", "import os", "    for")]
    alone = [greedy(engine, one, 12) for one in prompts]
    together: dict[int, list[int]] = {}

    def answer(number: int) -> None:
        together[number] = greedy(engine, prompts[number], 12)

    threads = [Thread(target=answer, args=(number,)) for number in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(len(prompts))] == alone


def test_it_says_how_busy_it_is(engine: Engine) -> None:
    stream = iter(engine.generate(prompt(engine), replace(ENDLESS, max_tokens=40)))
    next(stream)
    assert engine.stats().active in (1, None)
    stream.close()  # type: ignore[attr-defined] - a generator
    stats = engine.stats()
    assert isinstance(stats, EngineStats)
    assert stats.active in (0, None)


def test_a_model_without_an_embedding_has_none(engine: Engine) -> None:
    with pytest.raises(InputError, match="embeddings"):
        engine.embed([prompt(engine)])


def test_what_it_does_not_follow_is_refused_at_once(engine: Engine) -> None:
    asked: dict[str, dict[str, Any]] = {
        "grammar": {"grammar": json_object()},
        "penalties": {"presence_penalty": 0.5},
        "logit_bias": {"logit_bias": ((40, 1.0),)},
    }
    for control, settings in asked.items():
        if control not in engine.controls:
            with pytest.raises(InputError, match=control):
                engine.generate(prompt(engine), replace(GREEDY, **settings))
    with pytest.raises(InputError, match="logit_bias"):
        engine.generate(prompt(engine), replace(GREEDY, logit_bias=((10**6, 1.0),)))


def test_a_bias_forbids_and_favours(engine: Engine) -> None:
    if "logit_bias" not in engine.controls:
        return
    likeliest = greedy(engine, prompt(engine), 1)[0]
    assert greedy_under(engine, logit_bias=((likeliest, -100.0),))[0] != likeliest
    assert greedy_under(engine, logit_bias=((77, 100.0),)) == [77] * 4


def greedy_under(engine: Engine, **settings: Any) -> list[int]:
    return [token.id for token in engine.generate(prompt(engine), replace(GREEDY, max_tokens=4, **settings))]


def said(engine: Engine, grammar: Grammar, seed: int) -> tuple[str, str | None]:
    """What a model of drawn weights, which has no idea of JSON, says under a grammar."""
    params = SamplingParams(max_tokens=80, temperature=1.0, seed=seed, grammar=grammar)
    tokens = list(engine.generate(prompt(engine), params))
    return "".join(token.text for token in tokens), tokens[-1].finish


def test_every_answer_that_ends_satisfies_its_schema(engine: Engine) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    ended = 0
    for seed in range(40):
        schema = random_schema(random.Random(seed))
        try:
            text, finish = said(engine, json_schema(schema), seed)
        except InputError:
            continue  # bounds that exclude one another, or that have too many digits
        if finish == "stop":
            ended += 1
            jsonschema.Draft202012Validator(schema, format_checker=checker).validate(json.loads(text))
    assert ended >= 20


def test_an_expression_holds_the_whole_answer(engine: Engine) -> None:
    for seed in range(6):
        text, finish = said(engine, Grammar("regex", "(ab|[0-9]{2,3}){1,4}!"), seed)
        assert finish == "stop"
        assert re.fullmatch("(ab|[0-9]{2,3}){1,4}!", text)


def test_a_schema_that_cannot_be_enforced_is_refused_at_once(engine: Engine) -> None:
    with pytest.raises(InputError, match="not"):
        engine.generate(prompt(engine), replace(GREEDY, grammar=json_schema({"not": {}})))


def test_blanks_never_run_away(engine: Engine) -> None:
    # The likeliest token of all is a blank; between the signs of an object there is still only one.
    schema = {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "required": ["a", "b"]}
    assert said(engine, json_schema(schema), 1) == ('{"a": null, "b": null}', "stop")


def test_an_answer_cut_in_the_middle_says_so(engine: Engine) -> None:
    params = replace(GREEDY, max_tokens=3, grammar=json_schema({"const": "a text of many tokens, 0123456789"}))
    assert list(engine.generate(prompt(engine), params))[-1].finish == "length"
