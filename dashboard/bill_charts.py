"""The figure of the tab *Usage and bills*: what was logged and what was billed, day by day, without a color of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import plotly.graph_objects as go

from dashboard import charts, wording


@dataclass(frozen=True)
class BillDay:
    """Both sides of a day in pico-USD; a bill that still grows is not settled."""

    day: date
    logged_pico_usd: int
    billed_pico_usd: int
    is_settled: bool


def days(shown: Sequence[BillDay]) -> go.Figure:
    """Billed as bars, paler where the bill still grows; logged as a line with dots over them."""
    figure = go.Figure()
    labels = [f"{each.day:%b} {each.day.day}" for each in shown]
    billed, logged = ([_dollars(each) for each in side] for side in _sides(shown))
    words = [
        f"{wording.day_of(each.day)}: billed {wording.usd(each.billed_pico_usd)}, logged {wording.usd(each.logged_pico_usd)}"
        + ("" if each.is_settled else ", the bill still grows")
        for each in shown
    ]
    figure.add_bar(
        x=labels, y=billed, marker={"color": charts.COST, "opacity": [1.0 if each.is_settled else 0.45 for each in shown]},
        hovertext=words, hoverinfo="text", name="Billed",
    )  # fmt: skip
    figure.add_scatter(
        x=labels, y=logged, mode="lines+markers", line={"color": charts.REVENUE, "width": 2}, marker={"size": 5},
        hoverinfo="skip", name="Logged",
    )  # fmt: skip
    figure.update_layout(
        height=260, margin={"l": 0, "r": 0, "t": 8, "b": 0}, dragmode=False, hovermode="x unified", bargap=0.3,
        legend={"orientation": "h", "y": 1.12, "x": 0}, showlegend=True,
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, title=None, tickfont={"color": charts.INK}, nticks=8)
    figure.update_yaxes(
        fixedrange=True, title=None, tickprefix="$", gridcolor=charts.GRID, tickfont={"color": charts.INK}
    )
    return figure


def _sides(shown: Sequence[BillDay]) -> tuple[list[int], list[int]]:
    return [each.billed_pico_usd for each in shown], [each.logged_pico_usd for each in shown]


def _dollars(pico_usd: int) -> float:
    """For the axis alone; every label is worded from the exact integer."""
    return pico_usd / 10**12
