"""Plots of curves as one PNG: losses.png of a run, and the charts of a Markdown report."""

import io
import math
from collections.abc import Mapping, Sequence

from gan.runs.curves import Curve
from gan.runs.series import Chart

Line = tuple[str, Curve, Mapping[str, str]]  # name, points, and style arguments for matplotlib


def draw(
    panels: Sequence[tuple[Chart, Sequence[Line]]],
    *,
    columns: int,
    size: tuple[float, float],
    dpi: int,
    axis: str = "",
    one_legend: bool = False,
) -> bytes:
    """Draw a PNG with one panel per chart.

    Args:
        columns: panels side by side. size: in inches. dpi: pixels per inch.
        axis: label of the x axis.
        one_legend: draw one legend below all panels, which have the same lines, instead of one in each panel.
    """
    from matplotlib.figure import Figure  # half a second to import

    figure = Figure(figsize=size, layout="constrained")
    places = list(figure.subplots(math.ceil(len(panels) / columns), columns, squeeze=False).flat)
    drawn = {}
    for axes, (chart, lines) in zip(places, panels, strict=False):
        for name, curve, look in lines:
            label, marker = name.replace("$", r"\$"), "." if len(curve.x) <= 40 else None
            (drawn[label],) = axes.plot(curve.x, curve.values, label=label, linewidth=1, marker=marker, **look)
        if chart.line is not None:
            axes.axhline(chart.line, color="grey", linestyle=":", label=chart.line_title)
        if chart.low is not None and chart.high is not None:
            room = 0.02 * (chart.high - chart.low)
            axes.set_ylim(chart.low - room, chart.high + room)
        axes.set_title(chart.title.replace("$", r"\$"), fontsize=10)
        axes.set_xlabel(axis)
        axes.grid(alpha=0.3)
        if axes.get_lines() and not one_legend:
            axes.legend(loc="best", fontsize="small")
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    if one_legend:
        beside = max(1, 150 // max(map(len, drawn), default=1))
        figure.legend(list(drawn.values()), list(drawn), loc="outside lower center", ncols=beside, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
