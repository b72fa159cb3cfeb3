"""Plotly figures of the pages, drawn without any color of their own.

Streamlit replaces its placeholder colors (`#000001` is the theme's first series color, and so on) in the browser, so a figure
is the same object in light and dark; theme_switch.py lets one that is drawn follow a switch, without a rerun.
Amounts arrive in major units: floats are for drawing only, every label is worded from the exact integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import plotly.graph_objects as go

from dashboard import wording

REVENUE, COST, PROFIT, ROSE, SKY, BROWN, GREY = (f"#00000{place}" for place in range(1, 8))
INK, MUTED, GRID = "#000037", "#000036", "#000039"
CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
SQUARE = "\u25a0"


@dataclass(frozen=True)
class TrendMonth:
    """One month of the trend; revenue and shares are None when unknown, `is_partial` marks the month to date."""

    month: date
    net_revenue_minor: int | None
    cost_minor: int
    share: float | None
    low: float | None
    high: float | None
    is_partial: bool


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall: a total stands on zero, any other step is taken off what is left."""

    label: str
    amount_minor: int
    color: str
    is_total: bool = False
    opacity: float = 1.0


def base(height: int) -> go.Figure:
    """An empty figure that neither zooms nor drags, without legend and axis titles."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        showlegend=False,
        dragmode=False,
        hovermode="x unified",
        bargap=0.3,
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(fixedrange=True, title=None)
    figure.update_yaxes(fixedrange=True, title=None)
    return figure


def key_line(figure: go.Figure, entries: Sequence[tuple[str, str]], *, y: float, x: float = 0.0) -> None:
    """A one-line key: a colored square and its word, in place of a legend box."""
    text = "&nbsp;&nbsp;&nbsp;".join(f'<span style="color:{color}">{SQUARE}</span> {word}' for color, word in entries)
    figure.add_annotation(
        text=text,
        x=x,
        y=y,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font={"size": 12, "color": MUTED},
        align="left",
    )


def month_ticks(months: Sequence[date], *, is_phone: bool) -> tuple[list[str], list[str]]:
    """Category values and labels; the year stands under the first month and under each January."""
    labels = []
    step = 2 if is_phone and len(months) > 6 else 1
    for place, month in enumerate(months):
        year = f"<br>{month.year}" if place == 0 or month.month == 1 else ""
        if is_phone and place == 0 and len(months) > 1 and months[1].month == 1:
            year = ""  # it would run into January's
        shown = (len(months) - 1 - place) % step == 0 or year
        labels.append(f"{wording.month_short(month)}{year}" if shown else "")
    return [f"{month:%Y-%m}" for month in months], labels


def trend(months: Sequence[TrendMonth], currency: str, *, is_phone: bool = False) -> go.Figure:
    """Margin with its band above, net revenue and AI cost below, on one time axis."""
    figure = base(400)
    ticks, labels = month_ticks([each.month for each in months], is_phone=is_phone)
    _margin_lines(figure, months, ticks)
    _revenue_bars(figure, months, ticks, currency)
    figure.update_layout(
        barmode="overlay",
        margin={"l": 0, "r": 30, "t": 30, "b": 0},
        xaxis={"type": "category", "tickvals": ticks, "ticktext": labels, "showgrid": False, "tickangle": 0},
        yaxis={"domain": [0.56, 1.0], "tickformat": ".0%", "nticks": 5, "zeroline": False},
        yaxis2={
            "domain": [0.0, 0.42],
            "tickprefix": wording.SYMBOLS.get(currency, ""),
            "tickformat": "~s",
            "nticks": 4,
        },
    )
    figure.update_xaxes(range=[-0.5, len(months) - 0.5], anchor="y2")
    band = "Gross margin; band: not known" if is_phone else "Gross margin (AI usage only); band: what is not known"
    key_line(figure, [(PROFIT, band)], y=1.02)
    key_line(figure, [(REVENUE, "Net revenue"), (COST, "AI cost")], y=0.44)
    return figure


def _margin_lines(figure: go.Figure, months: Sequence[TrendMonth], ticks: Sequence[str]) -> None:
    known = [(tick, each) for tick, each in zip(ticks, months, strict=True) if each.share is not None]
    banded = [(tick, each) for tick, each in known if each.low is not None and each.high is not None]
    for edge, fill in (([each.high for _, each in banded], None), ([each.low for _, each in banded], "tonexty")):
        figure.add_scatter(
            x=[tick for tick, _ in banded],
            y=edge,
            mode="lines",
            line={"width": 0, "color": PROFIT},
            fill=fill,
            fillcolor=f"{PROFIT}33",
            hoverinfo="skip",
            opacity=0.25,
        )
    # An unknown month stays in the line as a gap: nothing sold is neither zero nor the mean of its neighbours.
    closed = [pair for pair in zip(ticks, months, strict=True) if not pair[1].is_partial]
    running = known[-2:] if known and known[-1][1].is_partial else []
    hover = "%{customdata}<extra></extra>"
    for pairs, dash, symbol in ((running, "dot", "circle-open"), (closed, "solid", "circle")):
        if not pairs:
            continue
        figure.add_scatter(
            x=[tick for tick, _ in pairs],
            y=[each.share for _, each in pairs],
            mode="lines+markers",
            line={"color": PROFIT, "width": 2.5, "dash": dash},
            marker={"size": 7, "symbol": symbol, "color": PROFIT},
            customdata=[_margin_hover(each) for _, each in pairs],
            hovertemplate=hover,
            hoverinfo="skip" if dash == "dot" else None,
        )
    # Two neighbours' labels would collide: the lower point has its label below, away from the line between them.
    has_risen = not running or (running[-1][1].share or 0) >= (running[0][1].share or 0)
    for pairs, shift in ((closed, -16 if running and has_risen else 16), (running, 16 if has_risen else -16)):
        if pairs and pairs[-1][1].share is not None:
            tick, each = pairs[-1]
            suffix = " to date" if each.is_partial else ""
            figure.add_annotation(
                x=tick,
                y=each.share,
                yshift=shift,
                # After a fall the line comes from the upper left: a label above the point goes to its right.
                xanchor="left" if shift > 0 and (pairs[-2:][0][1].share or 0) > (each.share or 0) else "center",
                text=f"{wording.percent(each.share)}{suffix}",
                showarrow=False,
                font={"size": 12, "color": INK},
            )


def _margin_hover(each: TrendMonth) -> str:
    state = " (month to date)" if each.is_partial else ""
    return (
        f"{wording.month(each.month)}{state}: margin {wording.percent(each.share)}, {wording.band(each.low, each.high)}"
    )


def _revenue_bars(figure: go.Figure, months: Sequence[TrendMonth], ticks: Sequence[str], currency: str) -> None:
    shade = [0.45 if each.is_partial else 1.0 for each in months]
    series = (
        ("Net revenue", REVENUE, 0.62, [each.net_revenue_minor for each in months]),
        ("AI cost", COST, 0.3, [each.cost_minor for each in months]),
    )
    for name, color, width, minors in series:
        figure.add_bar(
            x=list(ticks),
            y=[wording.major(minor, currency) for minor in minors],
            yaxis="y2",
            width=width,
            name=name,
            marker={"color": color, "opacity": shade, "cornerradius": 3, "line": {"width": 0}},
            customdata=[f"{name} {wording.money_exact(minor, currency)}" for minor in minors],
            hovertemplate="%{customdata}<extra></extra>",
        )


def waterfall(steps: Sequence[Step], currency: str, *, is_phone: bool = False) -> go.Figure:
    """Where each dollar goes, every bar labelled; lies down on a phone so that the labels stay readable."""
    bases, lengths, ends = [], [], []
    left = 0
    for step in steps:
        start, left = (0, step.amount_minor) if step.is_total else (left, left - step.amount_minor)
        bases.append(wording.major(start, currency) or 0.0)
        lengths.append((wording.major(left, currency) or 0.0) - bases[-1])
        ends.append(wording.major(left, currency) or 0.0)
    texts = [wording.money(step.amount_minor if step.is_total else -step.amount_minor, currency) for step in steps]
    names = [step.label for step in steps]
    tops = [max(base, base + length, 0.0) for base, length in zip(bases, lengths, strict=True)]
    span = max(tops, default=0.0) - min([*ends, 0.0])
    figure = base(400 if is_phone else 360)
    marker = {
        "color": [step.color for step in steps],
        "opacity": [step.opacity for step in steps],
        "cornerradius": 3,
        "line": {"width": 0},
    }
    common: dict[str, Any] = {"base": bases, "marker": marker, "customdata": texts, "cliponaxis": False}
    if is_phone:
        figure.add_bar(
            y=names, x=lengths, orientation="h", hovertemplate="%{y}: %{customdata}<extra></extra>", **common
        )
        figure.update_layout(hovermode="closest", margin={"l": 0, "r": 56, "t": 0, "b": 0}, bargap=0.35)
        figure.update_yaxes(autorange="reversed", showgrid=False, ticklen=0)
        figure.update_xaxes(visible=False, range=[min([*ends, 0.0]), max(tops, default=1.0)])
    else:
        figure.add_bar(x=names, y=lengths, hovertemplate="%{customdata}<extra></extra>", **common)
        figure.update_yaxes(visible=False, range=[min([*ends, 0.0]) - span * 0.02, max(tops, default=1.0) + span * 0.1])
        figure.update_xaxes(showgrid=False, tickangle=0, ticklen=0)
        figure.update_layout(hovermode="closest")
    for name, top, text in zip(names, tops, texts, strict=True):
        place = (
            {"x": top, "y": name, "xanchor": "left", "xshift": 4} if is_phone else {"x": name, "y": top, "yshift": 11}
        )
        figure.add_annotation(text=text, showarrow=False, font={"size": 12, "color": INK}, **place)
    return figure


def stacked_months(
    months: Sequence[date], series: Sequence[tuple[str, str, Sequence[int]]], currency: str, *, is_phone: bool = False
) -> go.Figure:
    """Months as stacked bars of (label, color, amounts), the month's sum above each bar."""
    figure = base(300)
    ticks, labels = month_ticks(months, is_phone=is_phone)
    for name, color, minors in series:
        figure.add_bar(
            x=ticks,
            y=[wording.major(minor, currency) for minor in minors],
            name=name,
            width=0.6,
            marker={"color": color, "line": {"width": 0}},
            customdata=[f"{name}: {wording.money_exact(minor, currency)}" for minor in minors],
            hovertemplate="%{customdata}<extra></extra>",
        )
    totals = [sum(minors[place] for _, _, minors in series) for place in range(len(months))]
    for place, (tick, total) in enumerate(zip(ticks, totals, strict=True)):
        # On a phone two neighbours' sums would run into each other.
        if total and (not is_phone or (len(months) - 1 - place) % 2 == 0):
            figure.add_annotation(
                x=tick,
                y=wording.major(total, currency),
                yshift=10,
                text=wording.money(total, currency),
                showarrow=False,
                font={"size": 11, "color": INK},
            )
    figure.update_layout(barmode="stack", margin={"l": 0, "r": 0, "t": 34, "b": 0})
    figure.update_yaxes(
        visible=False, rangemode="tozero", range=[0, (wording.major(max(totals, default=1), currency) or 1) * 1.15]
    )
    figure.update_xaxes(type="category", tickvals=ticks, ticktext=labels, showgrid=False, tickangle=0)
    key_line(figure, [(color, name) for name, color, _ in series], y=1.03)
    return figure


def paired_shares(rows: Sequence[tuple[str, float, float]], first: str, second: str) -> go.Figure:
    """Two shares side by side for each name: who uses most against what they pay."""
    figure = base(60 + 46 * len(rows))
    names = [name for name, _, _ in rows]
    for label, color, shares, offset in (
        (first, COST, [row[1] for row in rows], -0.36),
        (second, REVENUE, [row[2] for row in rows], 0.02),
    ):
        figure.add_bar(
            y=names,
            x=shares,
            orientation="h",
            width=0.34,
            offset=offset,
            name=label,
            marker={"color": color, "cornerradius": 3, "line": {"width": 0}},
            cliponaxis=False,
            text=[wording.percent(share) for share in shares],
            textposition="outside",
            textfont={"size": 12},
            hovertemplate="%{y}: " + label + " %{text}<extra></extra>",
        )
    figure.update_layout(hovermode="closest", margin={"l": 0, "r": 44, "t": 30, "b": 0})
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklen=0, automargin=True)
    figure.update_xaxes(visible=False, range=[0, max([max(row[1], row[2]) for row in rows], default=1.0) * 1.02])
    key_line(figure, [(COST, first), (REVENUE, second)], y=1.01)
    return figure
