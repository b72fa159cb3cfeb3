"""Figures of the Spikes page: a subject's days against what was expected of them, and the small line of a row in the list."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

import plotly.graph_objects as go

from dashboard.charts import COST, GREY, INK, base, key_line

USUAL_OPACITY, RUNNING_OPACITY = 0.4, 0.6
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 92, 26, 3
SPARK_COLOR = "#C77700"  # of an image, which knows no theme; 3.4:1 on white, 5.6:1 on the dark ground


@dataclass(frozen=True)
class ChartDay:
    """One UTC day in the axis' unit, floats for drawing only; None is unknown and stays a gap. `words` is what the pointer is told."""

    day: date
    actual: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    is_unusual: bool
    is_running: bool
    words: str


@dataclass(frozen=True)
class Axis:
    """How the amounts are written beside the figure: a currency's sign before, a unit after, d3's format between them."""

    prefix: str = ""
    suffix: str = ""
    tick_format: str = "~s"


def days(shown: Sequence[ChartDay], axis: Axis, what: str, label: str, *, is_phone: bool = False) -> go.Figure:
    """Each day as a bar, what was expected as a dashed line with its range behind; unusual days are strong, shaded and labelled.

    `what` names the bars in the key, `label` stands at the top of the stretch of unusual days.
    """
    figure = base(250 if is_phone else 270)
    _band(figure, shown)
    figure.add_bar(
        x=[each.day for each in shown],
        y=[each.actual for each in shown],
        marker={"color": COST, "opacity": [_opacity(each) for each in shown], "line": {"width": 0}, "cornerradius": 2},
        customdata=[escape(each.words) for each in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
    known = [each for each in shown if each.expected is not None]
    figure.add_scatter(
        x=[each.day for each in known],
        y=[each.expected for each in known],
        mode="lines",
        line={"color": INK, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    _unusual(figure, shown, label)
    reached = [value for each in shown for value in (each.actual, each.upper, each.expected) if value is not None]
    lowest = min([0.0, *(each.actual for each in shown if each.actual is not None)])
    figure.update_layout(margin={"l": 0, "r": 8, "t": 34, "b": 0}, hovermode="x", bargap=0.22)
    figure.update_xaxes(type="date", tickformat="%-d %b", nticks=4 if is_phone else 8, showgrid=False, tickangle=0)
    figure.update_yaxes(
        tickprefix=axis.prefix,
        ticksuffix=axis.suffix,
        tickformat=axis.tick_format,
        nticks=5,
        range=[lowest * 1.1, (max(reached, default=1.0) or 1.0) * 1.18],
    )
    has_band = any(each.lower is not None for each in shown)
    band = "expected, with its range" if is_phone else "expected, dotted; its usual range, shaded"
    expected = band if has_band else "expected, dotted"
    key_line(figure, [(COST, what), (GREY, expected)], y=1.03)
    return figure


def _opacity(each: ChartDay) -> float:
    if each.is_unusual:
        return 1.0
    return RUNNING_OPACITY if each.is_running else USUAL_OPACITY


def _band(figure: go.Figure, shown: Sequence[ChartDay]) -> None:
    banded = [each for each in shown if each.lower is not None and each.upper is not None]
    for edge, fill in (([each.upper for each in banded], None), ([each.lower for each in banded], "tonexty")):
        figure.add_scatter(
            x=[each.day for each in banded],
            y=edge,
            mode="lines",
            line={"width": 0, "color": GREY},
            fill=fill,
            fillcolor=f"{GREY}40",
            hoverinfo="skip",
        )


def _unusual(figure: go.Figure, shown: Sequence[ChartDay], label: str) -> None:
    """Shade the stretch of unusual days and say above them how much it is about."""
    found = [each for each in shown if each.is_unusual]
    if not found:
        return
    figure.add_shape(
        type="rect",
        xref="x",
        yref="paper",
        x0=f"{found[0].day - timedelta(days=1)}T12:00:00",
        x1=f"{found[-1].day}T12:00:00",
        y0=0,
        y1=1,
        fillcolor=COST,
        opacity=0.1,
        line={"width": 0},
        layer="below",
    )
    is_late = shown.index(found[-1]) > len(shown) * 0.55
    figure.add_annotation(
        x=(found[-1] if is_late else found[0]).day,
        y=1.0,
        yref="paper",
        yanchor="top",
        yshift=-3,
        text=f"<b>{escape(label)}</b>",
        showarrow=False,
        xanchor="right" if is_late else "left",
        xshift=8 if is_late else -8,
        font={"size": 12, "color": INK},
    )


def spark(values: Sequence[int | None], *, words: str) -> str:
    """The last days as an image of a line with a dot on the last, from zero up; `words` for who cannot see it. Empty without two days."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    top = max(1, *(value for _, value in known))
    across = (SPARK_WIDTH - 2 * SPARK_EDGE) / (len(values) - 1)
    down = SPARK_HEIGHT - 2 * SPARK_EDGE
    points = [(SPARK_EDGE + place * across, SPARK_EDGE + down * (1 - max(0, value) / top)) for place, value in known]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}">'
        f'<polyline points="{line}" fill="none" stroke="{SPARK_COLOR}" stroke-width="1.5"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{SPARK_COLOR}"/></svg>'
    )
    # As an image: Streamlit takes drawings out of HTML.
    source = f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"
    return f'<img src="{source}" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}" alt="{escape(words)}">'
