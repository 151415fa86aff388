"""Charts as inline SVG: nothing to download, readable on a phone, on paper, and in both themes.

Colours come from the page's style sheet through class names; every axis carries its unit, every line its last value,
and every bar its number, so that nothing depends on colour. The drawing is 340 units wide (a histogram 280, so that
three fit side by side) so that its 12-unit letters stay readable when a narrow screen shrinks it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 340, 216
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 40, 26, 38
_ROW = 50
_LETTER = 7  # the widest that letters of 12 units are on average
_NARROW, _LOW_HEIGHT, _MARK_ROW, _UNIT_ROW, _LEAST_COLUMN = 280, 114, 12, 14, 1.5

Point = tuple[float, float]


@dataclass(frozen=True)
class Bar:
    """A named figure with its interval, if it has one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    is_own: bool = False


@dataclass(frozen=True)
class Line:
    """Points of one line; `raw` is drawn faintly behind it, for a smoothed line.

    `band` is where the line was expected: (x, low, high), an area behind it.
    """

    name: str
    points: Sequence[Point]
    raw: Sequence[Point] = ()
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Histogram:
    """How many values lie between neighbouring edges; `ticks` and `marks` are values on the axis with their labels.

    Edges grow evenly, or by a factor when the axis `is_logarithmic`; what lies outside is counted at the ends.
    """

    name: str
    edges: Sequence[float]
    counts: Sequence[int]
    ticks: Sequence[tuple[float, str]]
    marks: Sequence[tuple[float, str]] = ()
    is_logarithmic: bool = False


def bars(rows: Sequence[Bar], unit: str) -> Markup:
    """Draw horizontal bars from zero, each with its name, its number and its interval."""
    top = max([row.high or row.value for row in rows], default=1.0)
    largest = ticks(0, top * 1.02)[-1]
    height = _ROW * len(rows) + 30
    scale = (WIDTH - 16) / largest
    drawn = [_bar(row, place * _ROW, scale) for place, row in enumerate(rows)]
    axis = [
        Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(
            round(8 + tick * scale, 1),
            height - 8,
            "start" if tick == 0 else "end" if tick == largest else "middle",
            label,
        )
        for tick, label in _apart(_labelled(ticks(0, largest), unit), scale)
    ]
    return _svg(height, f"Comparison in {unit}", [*drawn, *axis])


def line_chart(line: Line, x_unit: str, y_unit: str) -> Markup:
    """Draw one line with labelled axes, its last value at its end and its raw points faintly behind."""
    everything = [*line.points, *line.raw]
    if len(line.points) < 2:
        return Markup("")
    end = max([*(x for x, _ in everything), *(x for x, *_ in line.band)])
    x_ticks = [tick for tick in ticks(0, end) if tick <= end * 1.001]
    y_ticks = ticks(min([*(y for _, y in line.points), *(low for _, low, _ in line.band)]), _high(line))
    frame = _Frame(0, end, y_ticks[0], y_ticks[-1])
    last_x, last_y = line.points[-1]
    parts = [
        *[_horizontal(frame, tick, _plain(tick, y_ticks)) for tick in y_ticks],
        *[_tick_below(frame, tick, label) for tick, label in _scaled(x_ticks)],
        Markup('<text class="unit" x="0" y="10">{}</text>').format(y_unit),
        Markup('<text class="unit" x="{}" y="{}" text-anchor="end">{}</text>').format(
            WIDTH - _RIGHT, HEIGHT - 4, _with_scale(x_unit, x_ticks)
        ),
        _area(frame, line.band),
        _path("raw", frame, line.raw),
        _path("line", frame, line.points),
        Markup('<circle class="end" cx="{}" cy="{}" r="3"/>').format(frame.x(last_x), frame.y(last_y)),
        Markup('<text class="value" x="{}" y="{}">{}</text>').format(
            round(frame.x(last_x) + 7, 1), round(frame.y(last_y) + 4, 1), f"{last_y:.2f}"
        ),
    ]
    return _svg(HEIGHT, f"{line.name}: {y_unit} over {x_unit}, last value {last_y:.2f}", parts)


def histogram(drawn: Histogram, y_unit: str) -> Markup:
    """Draw bars side by side, each high enough to be seen when it counts anything, and lines at the marks."""
    if not drawn.counts:
        return Markup("")
    scale = math.log10 if drawn.is_logarithmic else float
    y_ticks = ticks(0, max(*drawn.counts, 1))
    top = _TOP + _MARK_ROW * max(len(drawn.marks) - 1, 0)
    frame = _Frame(scale(drawn.edges[0]), scale(drawn.edges[-1]), 0, y_ticks[-1], _NARROW, _LOW_HEIGHT + top, top)
    places = [frame.x(scale(edge)) for edge in drawn.edges]
    shown = sorted({y_ticks[0], y_ticks[-1]})
    parts = [
        *[_horizontal(frame, tick, label) for tick, label in _scaled(shown)],
        *[_column(frame, *each) for each in zip(places, places[1:], drawn.counts, strict=False)],
        *[_tick_below(frame, scale(tick), label) for tick, label in drawn.ticks],
        *[_mark(frame, scale(value), label, row) for row, (value, label) in enumerate(drawn.marks)],
        Markup('<text class="unit" x="0" y="10">{}</text>').format(_with_scale(y_unit, shown)),
    ]
    return _svg(frame.height - _UNIT_ROW, f"{drawn.name}: {y_unit} by value", parts, _NARROW)


def smoothed(points: Sequence[Point], window: int) -> list[Point]:
    """Return the running mean over the last `window` points."""
    values = [y for _, y in points]
    return [
        (x, sum(values[max(0, place - window + 1) : place + 1]) / min(place + 1, window))
        for place, (x, _) in enumerate(points)
    ]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most about `most` of the points, evenly, with the first and the last."""
    step = max(math.ceil(len(points) / most), 1)
    kept = list(points[::step])
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]


def ticks(low: float, high: float) -> list[float]:
    """Return three to seven round numbers that enclose the range.

    >>> ticks(1.3, 8)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    span = max(high - low, abs(high) * 1e-6, 1e-9)
    rough = span / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [round(place * step, 12) for place in range(first, last + 1)]


@dataclass(frozen=True)
class _Frame:
    """Data to drawing coordinates."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    width: int = WIDTH
    height: int = HEIGHT
    top: int = _TOP

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return round(_LEFT + share * (self.right - _LEFT), 1)

    def y(self, value: float) -> float:
        share = (min(max(value, self.y_low), self.y_high) - self.y_low) / (self.y_high - self.y_low)
        return round(self.bottom - share * (self.bottom - self.top), 1)

    @property
    def right(self) -> int:
        return self.width - _RIGHT

    @property
    def bottom(self) -> int:
        return self.height - _BOTTOM


def _svg(height: int, description: str, parts: Sequence[Markup], width: int = WIDTH) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        width, height, description
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _bar(row: Bar, top: int, scale: float) -> Markup:
    css = "bar own" if row.is_own else "bar"
    interval = f" ({row.low:.2f} to {row.high:.2f})" if row.low is not None and row.high is not None else ""
    drawn = Markup(
        '<text class="name" x="8" y="{}">{}</text><text class="value" x="{}" y="{}" text-anchor="end">{}'
        '<tspan class="tick">{}</tspan></text><rect class="{}" x="8" y="{}" width="{}" height="12" rx="2"/>'
    ).format(
        top + 16,
        row.name,
        WIDTH - 8,
        top + 16,
        f"{row.value:.2f}",
        interval,
        css,
        top + 25,
        round(row.value * scale, 1),
    )
    return drawn + _whisker(row, top + 31, scale)


def _whisker(row: Bar, middle: int, scale: float) -> Markup:
    if row.low is None or row.high is None:
        return Markup("")
    left, right = round(8 + row.low * scale, 1), round(8 + row.high * scale, 1)
    path = f"M{left} {middle - 5}v10M{left} {middle}H{right}M{right} {middle - 5}v10"
    return Markup('<path class="whisker" d="{}"/>').format(path)


def _horizontal(frame: _Frame, tick: float, label: str) -> Markup:
    return Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(_LEFT, frame.right, frame.y(tick), frame.y(tick), _LEFT - 6, round(frame.y(tick) + 4, 1), label)


def _tick_below(frame: _Frame, tick: float, label: str) -> Markup:
    return Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        frame.x(tick), frame.bottom + 16, label
    )


def _column(frame: _Frame, left: float, right: float, count: int) -> Markup:
    if not count:
        return Markup("")
    height = max(frame.bottom - frame.y(count), _LEAST_COLUMN)
    return Markup('<rect class="column" x="{}" y="{}" width="{}" height="{}"/>').format(
        left, round(frame.bottom - height, 1), round(max(right - left - 1, 1), 1), round(height, 1)
    )


def _mark(frame: _Frame, value: float, label: str, row: int) -> Markup:
    place = frame.x(min(max(value, frame.x_low), frame.x_high))
    is_left = place < frame.width / 2
    top = _TOP - 4 + row * _MARK_ROW
    return Markup(
        '<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text class="tick" x="{3}" y="{4}" text-anchor="{5}">'
        "{6}</text>"
    ).format(place, top - 9, frame.bottom, place + (4 if is_left else -4), top, "start" if is_left else "end", label)


def _path(css: str, frame: _Frame, points: Sequence[Point]) -> Markup:
    if len(points) < 2:
        return Markup("")
    path = "M" + "L".join(f"{frame.x(x)} {frame.y(y)}" for x, y in points)
    return Markup('<path class="{}" d="{}"/>').format(css, path)


def _area(frame: _Frame, band: Sequence[tuple[float, float, float]]) -> Markup:
    if len(band) < 2:
        return Markup("")
    edge = [*((x, high) for x, _, high in band), *((x, low) for x, low, _ in reversed(band))]
    path = "M" + "L".join(f"{frame.x(x)} {frame.y(y)}" for x, y in edge) + "Z"
    return Markup('<path class="band" d="{}"/>').format(path)


def _high(line: Line) -> float:
    """The first steps of a training tower over the rest: the axis ends where nine tenths of the line lie, raw points
    cut.
    """
    values = sorted(y for _, y in line.points)
    return values[min(int(len(values) * 0.97), len(values) - 1)]


def _labelled(values: Sequence[float], unit: str) -> list[tuple[float, str]]:
    return [(value, _plain(value, values) + (f" {unit}" if value == values[-1] else "")) for value in values]


def _apart(labels: Sequence[tuple[float, str]], scale: float) -> list[tuple[float, str]]:
    """Leave out labels that the last one, which ends at its tick and bears the unit, would be written over."""
    *others, (last, text) = labels
    begins = last * scale - _LETTER * len(text)
    return [
        *((tick, label) for tick, label in others if tick * scale + _LETTER * len(label) / 2 < begins),
        (last, text),
    ]


def _scale(values: Sequence[float]) -> tuple[float, str]:
    top = max(abs(value) for value in values)
    return next((pair for pair in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")) if top >= pair[0]), (1.0, ""))


def _scaled(values: Sequence[float]) -> list[tuple[float, str]]:
    factor, _ = _scale(values)
    return [(value, _plain(value / factor, [other / factor for other in values])) for value in values]


def _with_scale(unit: str, values: Sequence[float]) -> str:
    _, word = _scale(values)
    return f"{word} {unit}".strip()


def _plain(value: float, among: Sequence[float]) -> str:
    """Format a tick with just the decimals that its step needs."""
    step = among[1] - among[0] if len(among) > 1 else 1.0
    for decimals in range(5):
        if abs(round(step, decimals) - step) < 1e-9 * max(step, 1):
            return f"{value:.{decimals}f}"
    return f"{value:.4g}"
