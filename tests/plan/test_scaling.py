from __future__ import annotations

from ingot.plan.scaling import LADDER, VOCABULARIES, preset


def test_the_ladder_reaches_from_a_tenth_of_a_million_to_four_hundred_billion() -> None:
    assert LADDER[0].model(512, 512).parameters < 200_000
    assert 3.8e11 < LADDER[-1].model(VOCABULARIES[-1], 4096).parameters < 4.3e11


def test_every_rung_is_larger_than_the_one_before_and_can_be_built() -> None:
    sizes = [shape.model(4096, 512).parameters for shape in LADDER]
    assert sizes == sorted(set(sizes))


def test_heads_fill_the_width_and_widths_suit_the_hardware() -> None:
    for shape in LADDER:
        model = shape.model(4096, 512)
        assert model.heads * model.head_width == model.width
        assert model.ffn_width % 64 == 0
        assert model.kv_heads <= 8


def test_a_preset_is_found_by_its_name() -> None:
    assert {preset(shape.name) for shape in LADDER} == set(LADDER)


def test_the_layout_decides_the_norm_on_queries_and_keys() -> None:
    assert preset("128x4").model(4096, 512, "qwen3").has_qk_norm
    assert not preset("128x4").model(4096, 512, "mistral").has_qk_norm
