"""Figures of the Margins page: the bridge as a waterfall, margins side by side, MRR's movements. Colors as in charts.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts import COST, GREY, INK, MUTED, PROFIT, REVENUE, ROSE, SKY, base, key_line, month_ticks
from pricing.mrr import Movement


@dataclass(frozen=True)
class BridgeBar:
    """One bar: a level (`is_level`) or a move from the level before it; `text` is what its label says."""

    key: str
    label: str
    size: float
    text: str
    is_level: bool = False


def bridge(bars: Sequence[BridgeBar], *, is_phone: bool = False) -> go.Figure:
    """From one margin or profit to another, every bar labelled. Levels are cut off below, so that the moves can be seen."""
    starts, ends, level = [], [], 0.0
    for bar in bars:
        starts.append(0.0 if bar.is_level else level)
        level = bar.size if bar.is_level else level + bar.size
        ends.append(level)
    moves = [(start, end) for bar, start, end in zip(bars, starts, ends, strict=True) if not bar.is_level]
    reached = [point for move in moves for point in move] or ends
    low, high = min([*reached, *ends]), max([*reached, *ends])
    room = (high - low) or abs(high) or 1.0
    floor = min(low - room * 0.35, 0.0) if low <= 0 else max(0.0, low - room * 0.35)
    starts = [floor if bar.is_level else start for bar, start in zip(bars, starts, strict=True)]
    lengths = [end - start for start, end in zip(starts, ends, strict=True)]
    figure = base(60 + 30 * len(bars) if is_phone else 380)
    marker = {
        "color": [REVENUE if bar.is_level else PROFIT if bar.size >= 0 else ROSE for bar in bars],
        "opacity": [0.55 if place == 0 else 1.0 for place in range(len(bars))],
        "cornerradius": 3,
        "line": {"width": 0},
    }
    common: dict[str, Any] = {
        "base": starts,
        "marker": marker,
        "customdata": [[bar.key, bar.text] for bar in bars],
        "cliponaxis": False,
    }
    names = [bar.label for bar in bars]
    span = [floor, high + room * (0.34 if is_phone else 0.16)]
    if is_phone:
        figure.add_bar(
            y=names, x=lengths, orientation="h", hovertemplate="%{y}: %{customdata[1]}<extra></extra>", **common
        )
        figure.update_yaxes(autorange="reversed", showgrid=False, ticklen=0, automargin=True)
        figure.update_xaxes(visible=False, range=span)
    else:
        figure.add_bar(x=names, y=lengths, hovertemplate="%{x}: %{customdata[1]}<extra></extra>", **common)
        figure.update_yaxes(visible=False, range=span)
        figure.update_xaxes(showgrid=False, tickangle=0, ticklen=0, tickfont={"size": 11})
        _joints(figure, names, ends, bars)
    figure.update_layout(hovermode="closest", margin={"l": 0, "r": 8, "t": 8, "b": 0}, bargap=0.28)
    for name, bar, start, end in zip(names, bars, starts, ends, strict=True):
        top = max(start, end)
        at: dict[str, Any] = (
            {"x": top, "y": name, "xanchor": "left", "xshift": 4} if is_phone else {"x": name, "y": top, "yshift": 11}
        )
        font = {"size": 13 if bar.is_level else 12, "color": INK, "weight": 600 if bar.is_level else 400}
        figure.add_annotation(text=bar.text, showarrow=False, font=font, **at)
    return figure


def _joints(figure: go.Figure, names: Sequence[str], ends: Sequence[float], bars: Sequence[BridgeBar]) -> None:
    """A hairline from each bar's end to the next bar: the eye follows the steps."""
    for place in range(len(bars) - 1):
        figure.add_shape(
            type="line",
            x0=place + 0.36,
            x1=place + 0.64,
            y0=ends[place],
            y1=ends[place],
            line={"color": MUTED, "width": 1},
            layer="below",
        )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(names))


def shares(rows: Sequence[tuple[str, Fraction | None, str]], *, target: Fraction, is_phone: bool = False) -> go.Figure:
    """A margin for each name, with what stands beside it (its revenue), and a target line; without a margin there is no bar."""
    figure = base(70 + 34 * len(rows))
    names = [name for name, _, _ in rows]
    drawn = [max(-1.0, float(share)) if share is not None else None for _, share, _ in rows]
    low = min([0.0, *(share for share in drawn if share is not None)])
    figure.add_bar(
        y=names,
        x=drawn,
        orientation="h",
        marker={
            "color": [REVENUE if share is None or share >= 0 else ROSE for share in drawn],
            "cornerradius": 3,
            "line": {"width": 0},
        },
        customdata=[f"{wording.percent(share)} of {beside}" for _, share, beside in rows],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    figure.add_shape(
        type="line",
        x0=float(target), x1=float(target), y0=0, y1=1, yref="paper",
        line={"color": MUTED, "width": 1.5, "dash": "dot"},
    )  # fmt: skip
    figure.add_annotation(
        text=f"healthy from {wording.percent(target, 0)}", x=float(target), y=1, yref="paper", yanchor="bottom", showarrow=False,
        font={"size": 12, "color": MUTED},
    )  # fmt: skip
    for name, share, beside in rows:
        text = f"<b>{wording.percent(share)}</b>" + ("" if is_phone else f"  {beside}")
        figure.add_annotation(
            text=text, x=1.03, y=name, xanchor="left", showarrow=False, font={"size": 12, "color": INK}
        )
    figure.update_layout(hovermode="closest", margin={"l": 0, "r": 0, "t": 26, "b": 0}, bargap=0.42)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklen=0, automargin=True)
    figure.update_xaxes(visible=False, range=[low, 1.28 if is_phone else 1.42])
    return figure


MOVEMENTS: tuple[tuple[Movement, str, str], ...] = (
    ("new", "New", REVENUE),
    ("expansion", "Expansion", PROFIT),
    ("reactivation", "Back", SKY),
    ("contraction", "Contraction", COST),
    ("churn", "Churn", ROSE),
    ("exchange_rate", "Exchange rates", GREY),
)


def movements(
    months: Sequence[date], moved: Sequence[Mapping[Movement, int]], currency: str, *, is_phone: bool = False
) -> go.Figure:
    """What came to MRR above the line and what went below it, by month."""
    figure = base(300)
    ticks, labels = month_ticks(months, is_phone=is_phone)
    present = [entry for entry in MOVEMENTS if any(each.get(entry[0]) for each in moved)]
    for key, name, color in present:
        minors = [each.get(key, 0) for each in moved]
        figure.add_bar(
            x=ticks,
            y=[wording.major(minor, currency) for minor in minors],
            name=name,
            width=0.6,
            marker={"color": color, "line": {"width": 0}},
            customdata=[f"{name}: {wording.money_exact(minor, currency, plus=True)}" for minor in minors],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(barmode="relative", margin={"l": 0, "r": 0, "t": 44 if is_phone else 30, "b": 0})
    figure.update_yaxes(
        tickprefix=wording.SYMBOLS.get(currency, ""), tickformat="~s", nticks=5, zeroline=True, zerolinecolor=MUTED
    )
    figure.update_xaxes(type="category", tickvals=ticks, ticktext=labels, showgrid=False, tickangle=0)
    entries = [(color, name) for _, name, color in present]
    if is_phone and len(entries) > 3:
        key_line(figure, entries[:3], y=1.1)
        key_line(figure, entries[3:], y=1.02)
    else:
        key_line(figure, entries, y=1.02)
    return figure
