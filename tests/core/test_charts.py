from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.core.charts import Bar, Histogram, Line, bars, histogram, line_chart, smoothed, thinned, ticks

LINE = Line("Loss", [(0, 9.0), (500_000, 4.0), (1_500_000, 2.25)])


def words(svg: str) -> str:
    return re.sub(r"<[^>]+>", " ", svg)


def test_a_line_is_labelled_with_units_and_its_last_value() -> None:
    text = words(line_chart(LINE, "tokens", "nats per token"))
    assert "million tokens" in text
    assert "nats per token" in text
    assert "2.25" in text


def test_a_chart_is_well_formed_and_stays_inside_its_frame() -> None:
    chart = ElementTree.fromstring(line_chart(LINE, "tokens", "nats per token"))
    numbers = [float(number) for path in chart.iter("path") for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
    assert numbers
    assert all(0 <= number <= 340 for number in numbers)


def test_a_band_is_an_area_that_the_axes_hold() -> None:
    banded = replace(LINE, band=[(0, 8.0, 9.5), (2_000_000, 1.0, 3.0)])
    chart = ElementTree.fromstring(line_chart(banded, "tokens", "nats per token"))
    area = next(path for path in chart.iter("path") if path.get("class") == "band")
    places = [tuple(map(float, pair.split())) for pair in area.get("d", "")[1:-1].split("L")]
    assert len(places) == 4
    assert all(0 <= x <= 340 and 0 <= y <= 216 for x, y in places)
    assert "2" in words(line_chart(banded, "tokens", "nats per token"))  # the axis reaches the end of the band


def test_one_point_is_no_line() -> None:
    assert line_chart(Line("Loss", [(1, 2)]), "tokens", "nats") == ""


def test_bars_carry_names_numbers_and_intervals() -> None:
    text = words(bars([Bar("acme", 1.5, 1.4, 1.6, is_own=True), Bar("zstd", 1.31)], "bits per byte"))
    for piece in ("acme", "1.50", "(1.40 to 1.60)", "zstd", "1.31", "bits per byte"):
        assert piece in text


def test_the_unit_is_written_over_no_other_tick() -> None:
    def ticks(unit: str) -> list[str | None]:
        chart = ElementTree.fromstring(bars([Bar("acme", 1.93)], unit))
        return [text.text for text in chart.iter("text") if text.get("class") == "tick"]

    assert ticks("bits per byte") == ["0.0", "0.5", "1.0", "2.0 bits per byte"]
    assert ticks("s") == ["0.0", "0.5", "1.0", "1.5", "2.0 s"]


def test_the_longer_bar_is_the_larger_number() -> None:
    chart = ElementTree.fromstring(bars([Bar("a", 1.0), Bar("b", 2.0)], "bits"))
    first, second = (float(bar.get("width", "0")) for bar in chart.iter("rect"))
    assert second == pytest.approx(2 * first, abs=0.2)


def test_names_cannot_leave_the_text() -> None:
    chart = bars([Bar("<script>alert(1)</script>", 1.0)], '"><script>')
    assert "<script" not in chart


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_enclose_the_range_in_equal_steps(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert 2 <= len(marks) <= 8
    assert marks[0] <= low + span * 1e-6
    assert marks[-1] >= low + span * (1 - 1e-6)


def test_smoothing_is_the_mean_of_the_last_points() -> None:
    assert smoothed([(0, 1.0), (1, 3.0), (2, 5.0)], 2) == [(0, 1.0), (1, 2.0), (2, 4.0)]


def test_thinning_keeps_the_ends() -> None:
    points = [(float(x), 0.0) for x in range(1001)]
    kept = thinned(points, 100)
    assert len(kept) <= 102
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert thinned([], 10) == []


def histogram_of(**changes: Any) -> Histogram:
    usual = Histogram("Words", [0, 10, 20, 30], [5, 0, 1000], [(0, "0"), (30, "30")], [(25, "text")])
    return replace(usual, **changes)


def test_a_histogram_carries_ticks_marks_and_its_unit() -> None:
    text = words(histogram(histogram_of(), "documents"))
    for piece in ("0", "30", "text", "thousand documents"):
        assert piece in text


def test_what_is_rare_is_seen_and_what_is_not_there_is_not() -> None:
    chart = ElementTree.fromstring(histogram(histogram_of(), "documents"))
    few, many = (float(bar.get("height", "0")) for bar in chart.iter("rect"))
    assert 1 <= few < many / 10


@pytest.mark.parametrize("is_logarithmic", [False, True])
def test_a_histogram_stays_inside_its_frame(is_logarithmic: bool) -> None:
    drawn = histogram_of(edges=[1, 10, 100, 1000], ticks=[(10, "10")], marks=[(50, "middle"), (1000, "<high>")])
    chart = ElementTree.fromstring(histogram(replace(drawn, is_logarithmic=is_logarithmic), "documents"))
    assert all(0 <= float(bar.get("x", "-1")) <= 280 for bar in chart.iter("rect"))
    assert all(0 <= float(line.get("x1", "-1")) <= 280 for line in chart.iter("line"))


def test_nothing_to_count_is_no_histogram() -> None:
    assert histogram(histogram_of(edges=[], counts=[]), "documents") == ""
