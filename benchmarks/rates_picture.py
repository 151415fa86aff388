"""Draw what train_rates.py measured: bits per byte over the learning rate, a line for each width.

    python benchmarks/rates_picture.py benchmarks/results/train_rates-amd-epyc-2-cores.json docs/images/rates.svg

On the left models that are brought to a base width, on the right as they are; the best rate of each line has a ring.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ingot.core.charts import ticks
from ingot.core.storage import write_atomically

TITLES = {"width": "brought to a base width", "standard": "as they are"}
COLOURS = ("#a9cfe6", "#5fa3d0", "#1f77b4", "#0b3c61")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 300, 44, 46, 50, 44
STYLE = "text{font:12px system-ui,sans-serif;fill:#211d19}.t{fill:#6b635a;font-size:11px}.g{stroke:#e4ded5}"
Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """Rates (as powers of two) and bits per byte to places in a panel that begins at `x`."""

    x: float
    powers: tuple[float, float]
    bits: tuple[float, float]

    def place(self, point: Point) -> Point:
        """Return where a point lies."""
        (low, high), (least, most) = self.powers, self.bits
        across = (point[0] - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        down = (most - point[1]) / (most - least) * (HEIGHT - TOP - BOTTOM)
        return round(self.x + LEFT + across, 1), round(TOP + down, 1)


def picture(curves: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Return the drawing as a file of its own."""
    lines = {side: {width: _points(tried) for width, tried in each.items()} for side, each in curves.items()}
    every = [point for each in lines.values() for points in each.values() for point in points]
    powers = [math.log2(rate) for rate, _ in every]
    marks = ticks(min(bits for _, bits in every), max(bits for _, bits in every))
    frames = {
        side: Frame(place * WIDTH, (min(powers) - 0.3, max(powers) + 0.3), (marks[0], marks[-1]))
        for place, side in enumerate(TITLES)
    }
    widths = sorted({int(width) for each in lines.values() for width in each})
    colours = dict(zip(widths, COLOURS, strict=False))
    panels = [_panel(TITLES[side], frames[side], lines[side], colours, marks) for side in TITLES]
    head = Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        2 * WIDTH, HEIGHT, "Bits per byte over the learning rate for several widths"
    )
    paper = Markup('<style>{}</style><rect width="100%" height="100%" fill="#fff"/>').format(STYLE)
    return str(head + paper + Markup("").join(panels) + Markup("</svg>\n"))


def _points(tried: Mapping[str, Any]) -> list[Point]:
    return sorted((float(one["rate"]), float(one["bits_per_byte"])) for one in tried.values())


def _panel(
    title: str, frame: Frame, lines: Mapping[str, Sequence[Point]], colours: Mapping[int, str], marks: Sequence[float]
) -> Markup:
    right = frame.x + WIDTH - RIGHT
    drawn = [Markup('<text x="{}" y="18" font-weight="600">{}</text>').format(frame.x + LEFT, title)]
    for mark in marks:
        _, y = frame.place((frame.powers[0], mark))
        drawn.append(
            Markup('<line class="g" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(frame.x + LEFT, right, y)
            + Markup('<text class="t" x="{}" y="{}" text-anchor="end">{}</text>').format(
                frame.x + LEFT - 6, y + 4, f"{mark:g}"
            )
        )
    for rate in sorted({rate for points in lines.values() for rate, _ in points}):
        x, _ = frame.place((math.log2(rate), marks[0]))
        drawn.append(_text("t", x, HEIGHT - BOTTOM + 16, f"{rate:g}"))
    drawn.append(_text("t", frame.x + (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "learning rate"))
    drawn.append(Markup('<text class="t" x="{}" y="32">bits per byte</text>').format(frame.x + 4))
    drawn += [_line(frame, int(width), lines[width], colours[int(width)]) for width in sorted(lines, key=int)]
    return Markup("").join(drawn)


def _line(frame: Frame, width: int, points: Sequence[Point], colour: str) -> Markup:
    places = [frame.place((math.log2(rate), bits)) for rate, bits in points]
    best = frame.place((math.log2(min(points, key=lambda point: point[1])[0]), min(bits for _, bits in points)))
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    dots = [Markup('<circle cx="{}" cy="{}" r="2.5" fill="{}"/>').format(x, y, colour) for x, y in places]
    return (
        Markup('<path d="{}" fill="none" stroke="{}" stroke-width="2"/>').format(path, colour)
        + Markup("").join(dots)
        + Markup('<circle cx="{}" cy="{}" r="6" fill="none" stroke="#b45309" stroke-width="1.5"/>').format(*best)
        + Markup('<text x="{}" y="{}">{}</text>').format(places[-1][0] + 8, places[-1][1] + 4, width)
    )


def _text(css: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="middle">{}</text>').format(css, x, y, text)


def main() -> None:
    """Read the results and write the picture."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("results", type=Path)
    arguments.add_argument("picture", type=Path)
    chosen = arguments.parse_args()
    curves = json.loads(chosen.results.read_text(encoding="utf-8"))["details"]["curves"]
    write_atomically(chosen.picture, picture(curves))


if __name__ == "__main__":
    main()
