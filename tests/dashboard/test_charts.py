"""Figures carry the right lengths and labels, and no color of their own."""

import json
import re
from datetime import date

from dashboard import charts

MONTHS = [date(2026, month, 1) for month in range(6, 12)]


def placeholders_only(figure: charts.go.Figure) -> bool:
    """Every color is one that Streamlit replaces in the browser (#000001 to #000040)."""
    text = json.dumps(figure.to_plotly_json(), default=str)
    return all(color.startswith("#0000") for color in re.findall(r"#[0-9a-fA-F]{6}", text.split('"template"')[0]))


def test_the_waterfall_ends_at_the_profit() -> None:
    """1,000.00 gross - 100.00 discount = 900.00 net; - 300.00 AI cost = 600.00 profit."""
    steps = [
        charts.Step("Gross", 100_000, charts.REVENUE, is_total=True),
        charts.Step("Discounts", 10_000, charts.GREY),
        charts.Step("Net", 90_000, charts.REVENUE, is_total=True),
        charts.Step("AI cost", 30_000, charts.COST),
        charts.Step("Profit", 60_000, charts.PROFIT, is_total=True),
    ]
    bars = charts.waterfall(steps, "usd").data[0]
    ends = [base + length for base, length in zip(bars.base, bars.y, strict=True)]
    assert list(bars.base) == [0.0, 1000.0, 0.0, 900.0, 0.0]
    assert ends == [1000.0, 900.0, 900.0, 600.0, 600.0]
    assert list(bars.customdata) == ["$1,000", "\u2212$100", "$900", "\u2212$300", "$600"]


def test_a_loss_hangs_below_zero() -> None:
    """100.00 net - 250.00 AI cost = 150.00 lost."""
    steps = [
        charts.Step("Net", 10_000, charts.REVENUE, is_total=True),
        charts.Step("AI cost", 25_000, charts.COST),
        charts.Step("Profit", -15_000, charts.PROFIT, is_total=True),
    ]
    for is_phone in (False, True):
        bars = charts.waterfall(steps, "usd", is_phone=is_phone).data[0]
        lengths = bars.x if is_phone else bars.y
        assert [base + length for base, length in zip(bars.base, lengths, strict=True)] == [100.0, -150.0, -150.0]


def test_the_running_month_is_dotted_and_a_gap_stays_a_gap() -> None:
    rows = [
        charts.TrendMonth(month, 100_000, 40_000, None if place == 2 else 0.6, 0.55, 0.62, place == 5)
        for place, month in enumerate(MONTHS)
    ]
    figure = charts.trend(rows, "usd")
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines+markers"]
    assert [trace.line.dash for trace in lines] == ["dot", "solid"]
    assert list(lines[0].x) == ["2026-10", "2026-11"]
    assert list(lines[1].y) == [0.6, 0.6, None, 0.6, 0.6]  # nothing sold in August: unknown, not zero
    assert placeholders_only(figure)


def test_after_a_fall_the_label_does_not_stand_on_the_line() -> None:
    """83 % fell to 77 %, and the running month is lower still: the label above the point goes to its right."""
    shares = {date(2026, 9, 1): 0.83, date(2026, 10, 1): 0.77, date(2026, 11, 1): 0.76}
    fallen = [
        charts.TrendMonth(month, 100_00, 20_00, share, None, None, is_partial=month == date(2026, 11, 1))
        for month, share in shares.items()
    ]
    labels = {note.text: note for note in charts.trend(fallen, "usd").layout.annotations}
    assert (labels["77.0%"].xanchor, labels["77.0%"].yshift) == ("left", 16)
    assert (labels["76.0% to date"].xanchor, labels["76.0% to date"].yshift) == ("center", -16)


def test_stacked_months_say_their_sum() -> None:
    """10.00 + 5.00 in the first month, nothing in the second."""
    figure = charts.stacked_months(MONTHS[:2], [("A", charts.SKY, [1_000, 0]), ("B", charts.ROSE, [500, 0])], "usd")
    sums = [note.text for note in figure.layout.annotations if note.text.startswith("$")]
    assert sums == ["$15.00"]
    assert placeholders_only(figure)


def test_paired_shares_are_labelled_in_percent() -> None:
    figure = charts.paired_shares([("Northwind", 0.4, 0.1)], "Calls", "Net revenue")
    assert [list(trace.text) for trace in figure.data] == [["40.0%"], ["10.0%"]]
