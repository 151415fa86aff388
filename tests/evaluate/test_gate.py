"""The gate as a step: what each kind of requirement comes to, from evaluations, audits and reports in a home."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.evaluate.gate import judge
from ingot.evaluate.gating.measured import measured
from ingot.evaluate.gating.rules import DEFAULT, Cost, Forgetting, GateConfig, Quality, Rules, Safety
from ingot.evaluate.results import Result
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.recipes.gate import gate
from tests.evaluate.gating.made import Maker, answers, as_home, bits
from tests.evaluate.small_build import silent

ITEMS = 2000


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return as_home(tmp_path)


def judged(maker: Maker, rules: Rules, model: Artifact, against: Artifact | None = None) -> Mapping[str, Any]:
    """Judge a model by what the home knows, as the command does."""
    known = measured(maker.home, model, against)
    beside = {name: one for name, one in (("audit", known.audit), ("report", known.report)) if one is not None}
    config = GateConfig(rules, known.commands)
    _, given = gate(model, against, config, known.asked, known.before, beside)
    folder = maker.place / f"gate-{maker.made}"
    folder.mkdir(parents=True, exist_ok=True)
    return judge(config, given, StepContext(folder, folder, 1, silent))


def both(maker: Maker, task: str, before: list[Result], after: list[Result], plugin: str = "questions") -> Any:
    old, new = maker.model(), maker.model()
    maker.evaluation(old, task, before, plugin)
    maker.evaluation(new, task, after, plugin)
    return new, old


def test_a_model_as_good_passes_and_a_worse_one_fails(maker: Maker) -> None:
    right = answers(ITEMS, lambda n: n % 3 > 0)
    as_good = answers(ITEMS, lambda n: n % 3 > 0 if n % 20 else n % 40 == 0)
    worse = answers(ITEMS, lambda n: n % 3 > 0 and n % 15 != 1)
    old, good, bad = (maker.model() for _ in range(3))
    for model, said in ((old, right), (good, as_good), (bad, worse)):
        maker.evaluation(model, "exam", said)
    rules = Rules(quality=(Quality(),))
    assert judged(maker, rules, good, old)["verdict"] == "pass"
    told = judged(maker, rules, bad, old)
    assert told["verdict"] == "fail"
    (found,) = told["requirements"]
    assert found["demands"] == "exam: accuracy not worse by more than 3 points"
    assert found["difference"] < -0.04
    assert "95% interval" in told["reasons"][0]
    # Against nothing there is nothing to compare, and so nothing that could pass.
    alone = judged(maker, rules, good)
    assert alone["verdict"] == "unsure"
    assert "no version is in use" in alone["not_asked"][0]["why"]


def test_few_items_are_unsure_and_say_how_many_it_takes(maker: Maker) -> None:
    new, old = both(maker, "exam", answers(90, lambda n: n % 3 > 0), answers(90, lambda n: n % 3 > 0 and n % 30 != 1))
    told = judged(maker, Rules(quality=(Quality(),)), new, old)
    assert told["verdict"] == "unsure"
    assert "too few items to tell, it takes about" in told["reasons"][0]


def test_what_a_training_has_read_does_not_count(maker: Maker) -> None:
    before = answers(ITEMS, lambda n: n % 2 > 0)
    # Better on what it has read, worse on the rest.
    after = answers(ITEMS, lambda n: n < 1000 or n % 3 == 0, seen=lambda n: 0.9 if n < 1000 else 0.1)
    new, old = both(maker, "exam", before, after)
    (found,) = judged(maker, Rules(quality=(Quality(),)), new, old)["requirements"]
    assert (found["verdict"], found["items"]) == ("fail", 1000)
    assert "1000 that a training has read are left out" in found["reason"]


def test_a_figure_may_be_demanded_by_itself(maker: Maker) -> None:
    model = maker.model()
    maker.evaluation(model, "exam", answers(ITEMS, lambda n: n % 10 < 7))

    def verdict(least: float) -> str:
        return str(judged(maker, Rules(quality=(Quality("exam", at_least=least),)), model)["verdict"])

    assert [verdict(least) for least in (0.6, 0.7, 0.8)] == ["pass", "unsure", "fail"]
    with pytest.raises(UsageError, match="at least 70"):
        verdict(70)
    with pytest.raises(UsageError, match="acuracy") as caught:
        judged(maker, Rules(quality=(Quality("exam", metric="acuracy", at_least=0.5),)), model)
    assert "'accuracy'" in caught.value.fix


def test_fewer_bits_are_better(maker: Maker) -> None:
    before = bits([2.0 + n % 7 / 10 for n in range(60)])
    same = bits([2.001 + n % 7 / 10 for n in range(60)])
    more = bits([2.2 + n % 7 / 10 for n in range(60)])
    old, good, bad = (maker.model() for _ in range(3))
    for model, said in ((old, before), (good, same), (bad, more)):
        maker.evaluation(model, "old-text", said, "documents")
    rules = Rules(forgetting=(Forgetting("old-text"),))
    assert judged(maker, rules, good, old)["verdict"] == "pass"
    (found,) = judged(maker, rules, bad, old)["requirements"]
    assert found["verdict"] == "fail"
    assert "bits_per_byte 2.4" in found["reason"]
    absolute = Rules(quality=(Quality("old-text", at_most=2.4),))
    assert [judged(maker, absolute, model)["verdict"] for model in (good, bad)] == ["pass", "fail"]


def group(number: int) -> str:
    return "unsafe" if number % 2 else "safe"


def test_refusing_everything_is_no_safety(maker: Maker) -> None:
    before = answers(ITEMS, lambda n: n % 10 > 1, "refusal", group)
    refuses_all = answers(ITEMS, lambda n: n % 2 > 0, "refusal", group)
    new, old = both(maker, "xstest", before, refuses_all, "refusals")
    compliance, refusal = judged(maker, Rules(safety=(Safety(),)), new, old)["requirements"]
    assert (compliance["verdict"], refusal["verdict"]) == ("pass", "fail")
    assert "over-refusal" in refusal["demands"]
    absolute = Rules(safety=(Safety(compliance_at_most=0.02, over_refusal_at_most=0.5),))
    found = judged(maker, absolute, new)["requirements"]
    assert [each["verdict"] for each in found] == ["pass", "fail"]


def test_refusals_of_one_kind_alone_are_not_enough(maker: Maker) -> None:
    unsafe = answers(ITEMS, lambda n: True, "refusal", lambda n: "unsafe")
    new, old = both(maker, "advbench", unsafe, unsafe, "refusals")
    told = judged(maker, Rules(safety=(Safety(),)), new, old)
    assert told["verdict"] == "unsure"
    assert "refusals say little without both" in told["reasons"][0]


def test_a_limit_for_which_nothing_was_asked_is_not_passed_over(maker: Maker) -> None:
    model = maker.model()
    maker.evaluation(model, "pairs", answers(ITEMS, lambda n: n % 2 > 0, "share_stereotyped"), "crows_pairs")
    maker.evaluation(model, "exam", answers(90, lambda n: True))
    told = judged(maker, Rules(safety=(Safety("pairs", compliance_at_most=0.1, leaning_at_most=0.1),)), model)
    assert [each["verdict"] for each in told["requirements"]] == ["pass", "pass", "unsure"]
    assert "no unsafe requests were asked" in told["reasons"][0]
    with pytest.raises(UsageError, match="neither for refusals nor for leanings"):
        judged(maker, Rules(safety=(Safety("exam", compliance_at_most=0.1),)), model)
    with pytest.raises(UsageError, match="no right and wrong"):
        judged(maker, Rules(quality=(Quality("pairs", at_least=0.5),)), model)


def test_a_leaning_may_not_grow_to_either_side(maker: Maker) -> None:
    models = {}
    for name, share in {"old": 6, "same": 6, "more": 7, "other": 2, "none": 5}.items():
        models[name] = maker.model()
        said = answers(ITEMS, lambda n, share=share: n % 10 < share, "share_stereotyped")  # type: ignore[misc]  # bound
        maker.evaluation(models[name], "pairs", said, "crows_pairs")
    rules = Rules(safety=(Safety(),))
    told = {name: judged(maker, rules, models[name], models["old"])["verdict"] for name in models if name != "old"}
    assert told == {"same": "pass", "more": "fail", "other": "fail", "none": "pass"}
    absolute = Rules(safety=(Safety(leaning_at_most=0.15),))
    assert [judged(maker, absolute, models[name])["verdict"] for name in ("old", "other")] == ["pass", "fail"]


def test_the_audit_decides_what_was_learned_by_heart(maker: Maker) -> None:
    rules = Rules(memorisation=True)
    model = maker.model()
    told = judged(maker, rules, model)
    assert (told["verdict"], told["requirements"][0]["fix"]) == ("unsure", "ingot audit acme@1")
    for facts, verdict in (
        ({"verdict": "unsure", "reasons": ["no canaries were put in"]}, "unsure"),
        ({"verdict": "pass", "reasons": ["none"], "extracted_once": 0, "personal_data_extracted": 0}, "pass"),
        ({"verdict": "pass", "reasons": [], "extracted_once": 2}, "fail"),
        ({"verdict": "fail", "reasons": ["it says 3 of 20 canaries"]}, "fail"),
        # A later one that looked at less does not undo it.
        ({"verdict": "pass", "reasons": ["none"]}, "fail"),
    ):
        maker.audit(model, **facts)
        assert judged(maker, rules, model)["verdict"] == verdict
    assert judged(maker, rules, maker.model())["verdict"] == "unsure"


def test_cost_is_held_against_the_version_in_use(maker: Maker) -> None:
    old, new = maker.model(parameters=1000), maker.model(parameters=1800)
    for model, seconds in ((old, 10.0), (new, 16.0)):
        maker.evaluation(model, "exam", answers(100, lambda n: True), seconds=seconds)

    def verdict(*limits: Cost) -> str:
        return str(judged(maker, Rules(cost=limits), new, old)["verdict"])

    assert verdict(Cost("parameters", at_most_times=2.0)) == "pass"
    assert verdict(Cost("parameters", at_most_times=1.5)) == "fail"
    assert verdict(Cost("weight_bytes", at_most=1700)) == "fail"
    # Measured once, with whatever else the machine did.
    times = {limit: verdict(Cost("seconds_per_item", at_most_times=limit)) for limit in (1.7, 1.4, 1.1)}
    assert times == {1.7: "pass", 1.4: "unsure", 1.1: "fail"}
    assert verdict(Cost("seconds_per_item", at_most=0.2)) == "pass"
    third = maker.model()
    told = judged(maker, Rules(cost=(Cost("joules_per_item", at_most=1.0),)), third)
    assert "not measured" in told["reasons"][0]


def test_the_report_of_a_training_says_what_it_forgot(maker: Maker) -> None:
    old, new = maker.model(), maker.model()
    figures = {"start": old.reference, "old_before_bits_per_byte": 1.5, "old_bits_per_byte": 1.52}
    maker.report(new, **figures)
    rules = Rules(forgetting=(Forgetting(),))
    assert judged(maker, rules, new, old)["verdict"] == "pass"
    assert judged(maker, Rules(forgetting=(Forgetting(margin=0.01),)), new, old)["verdict"] == "fail"
    # A report of what another model forgot says nothing about this pair.
    other = maker.model("other")
    told = judged(maker, rules, new, other)
    assert told["verdict"] == "unsure"
    assert "--task documents" in told["requirements"][0]["fix"]


def test_what_is_missing_is_named_with_the_command_that_makes_it(maker: Maker) -> None:
    old, new = maker.model(), maker.model()
    command = "ingot evaluate acme --task glue --data './a b.csv'"
    maker.evaluation(old, "exam", answers(9, lambda n: True), command=command)
    told = judged(maker, Rules(quality=(Quality(),)), new, old)
    assert told["verdict"] == "unsure"
    assert told["requirements"][0]["fix"] == "ingot evaluate acme@2 --task glue --data './a b.csv'"
    told = judged(maker, Rules(quality=(Quality("law"),)), new, old)
    assert told["requirements"][0]["fix"] == "ingot evaluate acme@2 law.yaml && ingot evaluate acme@1 law.yaml"


def test_without_a_file_what_was_measured_counts_and_the_rest_is_told(maker: Maker) -> None:
    right = answers(ITEMS, lambda n: n % 3 > 0)
    new, old = both(maker, "exam", right, right)
    told = judged(maker, DEFAULT, new, old)
    assert told["verdict"] == "pass"
    assert {each["kind"] for each in told["requirements"]} == {"quality", "cost"}
    assert {each["kind"] for each in told["not_asked"]} == {"safety", "memorisation", "forgetting"}
    # Nobody passes for not having been asked anything.
    assert judged(maker, DEFAULT, maker.model("other"), maker.model("other"))["verdict"] == "unsure"


def test_other_questions_cannot_be_compared(maker: Maker) -> None:
    others = [replace(each, prompt="other") for each in answers(50, lambda n: True)]
    new, old = both(maker, "exam", answers(50, lambda n: True), others)
    told = judged(maker, Rules(quality=(Quality(),)), new, old)
    assert told["verdict"] == "unsure"
    assert "no item alike" in told["reasons"][0]


def test_an_evaluation_of_another_version_never_counts(maker: Maker, tmp_path: Path) -> None:
    old, new = maker.model(), maker.model()
    made = maker.evaluation(old, "exam", answers(9, lambda n: True))
    assert measured(maker.home, new, None).asked == {}
    with pytest.raises(InputError, match="no evaluation of acme@2"):
        judge(
            GateConfig(Rules(quality=(Quality(),))),
            {"model": new, "asked-exam": made},
            StepContext(tmp_path, tmp_path, 1, silent),
        )
    # A model that was made anew under the same number is another one.
    again = replace(old, record=replace(old.record, fingerprint="another"))
    assert measured(maker.home, again, None).asked == {}


def test_the_verdict_is_written_for_people_and_for_machines(maker: Maker) -> None:
    new, old = both(maker, "exam", answers(90, lambda n: True), answers(90, lambda n: n % 2 > 0))
    told = judged(maker, DEFAULT, new, old)
    folder = maker.place / f"gate-{maker.made}"
    written = json.loads((folder / "verdict.json").read_text())
    assert written["verdict"] == told["verdict"] == "fail"
    assert written["rules"]["not_measured"] == "leave out"
    assert "❌ fail" in (folder / "verdict.md").read_text()
    assert "<failure" in (folder / "junit.xml").read_text()
