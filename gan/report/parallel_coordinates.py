"""Parallel coordinates plot (Inselberg 1985): one axis per setting, one for the metric, and one line per run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gan.report.importance import number

LEFT, TOP, HEIGHT, GAP = 80, 44, 260, 170
LOG_FROM = 8  # an axis is logarithmic if its maximum divided by its minimum is at least this
MOST_TICKS = 8
# From best to worst: medium tones, for light and dark pages, of cividis (Nuñez et al. 2018), which looks the same to
# people with colour blindness.
SCALE = ((0, 92, 197), (60, 122, 156), (124, 123, 120), (168, 146, 84), (214, 160, 20))
HALO = 'stroke="var(--page, #fff)" stroke-width="4" paint-order="stroke"'  # keeps text readable on top of lines
UNMEASURED = "rgb(140,140,140)"


@dataclass(frozen=True)
class Axis:
    """An axis: title, position of each run (0 bottom, 1 top; None: no position), and ticks on the same scale."""

    title: str
    places: list[float | None]
    ticks: list[tuple[float, str]]


def setting_axis(title: str, texts: Sequence[str]) -> Axis:
    """An axis of a setting: numbers to scale, other values evenly spaced."""
    numbers = [number(text) for text in texts]
    if None not in numbers:
        return number_axis(title, numbers)
    values = sorted(set(texts), key=lambda text: (number(text) is None, number(text) or 0, text))
    place = {value: index / max(1, len(values) - 1) for index, value in enumerate(values)}
    return Axis(title, [place[text] for text in texts], _few([(place[value], value) for value in values]))


def number_axis(title: str, values: Sequence[float | None], *, turned: bool = False) -> Axis:
    """A linear axis, or a logarithmic one for a wide range; ``turned``: the minimum is at the top."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return Axis(title, [None] * len(values), [])
    low, high = min(known), max(known)
    logarithmic = low > 0 and high / low >= LOG_FROM

    def place(value: float) -> float:
        scaled = [math.log(each) if logarithmic else each for each in (value, low, high)]
        share = (scaled[0] - scaled[1]) / (scaled[2] - scaled[1]) if high > low else 0.5
        return 1 - share if turned else share

    places = [place(value) if value is not None and math.isfinite(value) else None for value in values]
    ticks = [(place(value), f"{value:.4g}") for value in sorted(set(known))]
    return Axis(f"{title} (log)" if logarithmic else title, places, _few(ticks))


def _few(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """The ticks that do not overlap, including the first and the last."""
    kept = [ticks[0]]
    for tick in ticks[1:]:
        if abs(tick[0] - kept[-1][0]) >= 1 / MOST_TICKS:
            kept.append(tick)
    if kept[-1] != ticks[-1]:
        kept[-1 if len(kept) > 1 else len(kept) :] = [ticks[-1]]
    return kept


def draw(names: Sequence[str], axes: Sequence[Axis], measure: Axis) -> str:
    """The plot as SVG. Better runs are higher on the axis of the metric, which also sets the colour of their line."""
    every = [*axes, measure]
    width = 2 * LEFT + GAP * (len(every) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 24}" width="{width}" role="img" '
        f'aria-label="parallel coordinates: {escape(", ".join(axis.title for axis in every))}" '
        'font-family="system-ui, sans-serif" font-size="12">'
    ]
    order = sorted(range(len(names)), key=lambda index: -1 if (place := measure.places[index]) is None else place)
    parts += [_run(names[index], [axis.places[index] for axis in every]) for index in order]
    parts += [_axis(axis, LEFT + GAP * number) for number, axis in enumerate(every)]
    return "\n".join([*parts, "</svg>"])


def _run(name: str, places: Sequence[float | None]) -> str:
    points = [f"{LEFT + GAP * at},{_y(place):.1f}" for at, place in enumerate(places) if place is not None]
    good = places[-1]
    look = f'stroke="{UNMEASURED}" stroke-dasharray="3 4"' if good is None else f'stroke="{_colour(1 - good)}"'
    width = 3.5 if good == 1 else 1.8
    return (
        f'<polyline class="run" points="{" ".join(points)}" fill="none" stroke-width="{width}" stroke-opacity="0.85" '
        f"{look}><title>{escape(name)}</title></polyline>"
    )


def _axis(axis: Axis, x: int) -> str:
    title = (
        f'<text x="{x}" y="18" text-anchor="middle" font-weight="600" fill="currentColor">{escape(axis.title)}</text>'
    )
    line = f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="currentColor" stroke-opacity="0.5"/>'
    ticks = [
        f'<text x="{x + 6}" y="{_y(place) + 4:.1f}" fill="currentColor" {HALO}>{escape(text[:24])}</text>'
        for place, text in axis.ticks
    ]
    return "\n".join([title, line, *ticks])


def _y(place: float) -> float:
    return TOP + HEIGHT * (1 - place)


def _colour(worse: float) -> str:
    """The colour of a line, from 0 (best) to 1 (worst)."""
    position = worse * (len(SCALE) - 1)
    index = min(int(position), len(SCALE) - 2)
    mixed = [
        round(low + (high - low) * (position - index)) for low, high in zip(SCALE[index], SCALE[index + 1], strict=True)
    ]
    return f"rgb({','.join(map(str, mixed))})"
