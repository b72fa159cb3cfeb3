"""The report's charts as a few marks in points, drawn the same way on paper and on a page; nothing here knows either."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from billing.report_words import number, percent
from pricing.report_view import View, ViewMonth

Tone = Literal[
    "revenue", "cost", "profit", "healthy", "watch", "at_risk", "negative", "unknown", "grid", "muted", "ink", "band"
]
Point = tuple[float, float]
STATUSES: tuple[tuple[str, Tone], ...] = (
    ("healthy", "healthy"), ("watch", "watch"), ("at risk", "at_risk"), ("negative", "negative"), ("unknown", "unknown"),
)  # fmt: skip
LABEL = 7.0


@dataclass(frozen=True)
class Bar:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    tone: Tone


@dataclass(frozen=True)
class Path:
    """A line through points, dashed where it says something weaker."""

    points: tuple[Point, ...]
    tone: Tone
    width: float = 1.4
    is_dashed: bool = False


@dataclass(frozen=True)
class Area:
    """A filled shape."""

    points: tuple[Point, ...]
    tone: Tone


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    tone: Tone


@dataclass(frozen=True)
class Label:
    """Text on its base line."""

    x: float
    y: float
    text: str
    tone: Tone = "muted"
    size: float = LABEL
    anchor: Literal["start", "middle", "end"] = "start"
    is_bold: bool = False


Mark = Bar | Path | Area | Dot | Label


@dataclass(frozen=True)
class Drawing:
    """Marks within a width and height in points, y downwards; `words` say the same to who does not see it."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    words: str


def margin_trend(shown: View, width: float = 250, height: float = 118) -> Drawing:
    """The gross margin of up to twelve months as a line in its range."""
    months = shown.trend
    known = [share for month in months for share in (month.margin, month.low) if share is not None]
    if not known:
        return Drawing(width, height, (Label(0, height / 2, "No month has a margin."),), "No month has a margin.")
    floor_at, step, steps = _scale(min(known), max(known))
    left, top, bottom = 26.0, 8.0, height - 14
    right = width - 12

    def at(place: int, share: Fraction) -> Point:
        across = left + (right - left) * (place / max(1, len(months) - 1))
        return across, bottom - (bottom - top) * float((share - floor_at) / (step * steps))

    marks: list[Mark] = []
    for number_ in range(steps + 1):
        share = floor_at + step * number_
        y = at(0, share)[1]
        marks += [
            Path(((left, y), (right, y)), "grid", 0.5),
            Label(left - 4, y + 2.4, f"{int(share * 100)}%", anchor="end"),
        ]
    ranged = [(place, m.low, m.high) for place, m in enumerate(months) if m.low is not None and m.high is not None]
    if len(ranged) > 1:
        edge = [at(place, high) for place, _, high in ranged] + [at(place, low) for place, low, _ in reversed(ranged)]
        marks.append(Area(tuple(edge), "band"))
    # A month without a margin is a gap in the line, not a bridge over it.
    marks += [Path(tuple(run), "profit", 1.8) for run in _runs(months, at) if len(run) > 1]
    marks += _month_labels(months, left, right, height - 3)
    last = next((place for place in range(len(months) - 1, -1, -1) if months[place].margin is not None), None)
    if last is not None:
        share = months[last].margin or Fraction(0)
        x, y = at(last, share)
        before = months[last - 1].margin if last else None
        is_steep = before is not None and at(last - 1, before)[1] < y - 8
        # Beside the end of a line that falls, above that of any other: the words never lie on the line.
        label_x, label_y = (x - 7, y + 2.5) if is_steep else (min(x + 6, width), y - 5 if y > top + 8 else y + 11)
        marks += [Dot(x, y, 2.2, "profit"), Label(label_x, label_y, percent(share), "ink", 7.5, "end", is_bold=True)]
    said = ", ".join(f"{month.month:%b %Y} {percent(month.margin)}" for month in months)
    return Drawing(width, height, tuple(marks), f"Gross margin by month: {said}")


def _runs(months: Sequence[ViewMonth], at: Callable[[int, Fraction], Point]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for place, month in enumerate(months):
        if month.margin is None:
            runs.append([])
        else:
            runs[-1].append(at(place, month.margin))
    return runs


def revenue_and_cost(shown: View, width: float = 250, height: float = 118) -> Drawing:
    """Net revenue with the LLM cost in it by month; where amounts are hidden, the cost's share of revenue."""
    months = shown.trend
    if shown.amounts is None:
        return _cost_shares(shown, width, height)
    top, bottom = 14.0, height - 14
    tallest = max((max(month.net_revenue or 0, month.cost or 0) for month in months), default=Fraction(0)) or Fraction(
        1
    )
    slot = width / max(1, len(months))
    marks: list[Mark] = [Path(((0, bottom), (width, bottom)), "grid", 0.5)]
    for place, month in enumerate(months):
        for value, tone, share in ((month.net_revenue, "revenue", 0.62), (month.cost, "cost", 0.3)):
            if value is not None and value > 0:
                tall = (bottom - top) * float(value / tallest)
                wide = slot * share
                marks.append(Bar(slot * place + (slot - wide) / 2, bottom - tall, wide, tall, tone))  # type: ignore[arg-type]  # literals above
        if place == len(months) - 1 and month.net_revenue is not None:
            words = number(month.net_revenue, shown.amounts, shown.currency)
            high = max(month.net_revenue, Fraction(0)) / tallest
            label_y = bottom - (bottom - top) * float(high) - 3
            marks.append(Label(slot * (place + 1) - slot * 0.1, label_y, words, "ink", 7.5, "end", is_bold=True))
    marks += _month_labels(months, slot / 2, width - slot / 2, height - 3)
    said = ", ".join(
        f"{month.month:%b %Y} {number(month.net_revenue, shown.amounts, shown.currency)} and "
        f"{number(month.cost, shown.amounts, shown.currency)}"
        for month in months
    )
    return Drawing(width, height, tuple(marks), f"Net revenue and LLM cost by month: {said}")


def _cost_shares(shown: View, width: float, height: float) -> Drawing:
    months = shown.trend
    shares = [None if month.margin is None else 1 - month.margin for month in months]
    tallest = max((share for share in shares if share is not None), default=Fraction(0)) or Fraction(1)
    top, bottom, slot = 14.0, height - 14, width / max(1, len(months))
    marks: list[Mark] = [Path(((0, bottom), (width, bottom)), "grid", 0.5)]
    for place, share in enumerate(shares):
        if share is not None and share > 0:
            tall = (bottom - top) * float(share / tallest)
            marks.append(Bar(slot * place + slot * 0.2, bottom - tall, slot * 0.6, tall, "cost"))
            if place == len(shares) - 1:
                marks.append(
                    Label(
                        slot * (place + 1) - slot * 0.1,
                        bottom - tall - 3,
                        percent(share),
                        "ink",
                        7.5,
                        "end",
                        is_bold=True,
                    )
                )
    marks += _month_labels(months, slot / 2, width - slot / 2, height - 3)
    said = ", ".join(f"{month.month:%b %Y} {percent(share)}" for month, share in zip(months, shares, strict=True))
    return Drawing(width, height, tuple(marks), f"LLM cost as a share of revenue by month: {said}")


def status_bar(shown: View, width: float = 140, height: float = 9) -> Drawing:
    """How many customers are in which state, as one bar."""
    counted = statuses(shown)
    whole = sum(count for _, count, _ in counted)
    marks: list[Mark] = []
    x = 0.0
    for _, count, tone in counted:
        wide = width * count / whole if whole else 0.0
        marks.append(Bar(x, 0, max(0.0, wide - 1), height, tone))
        x += wide
    return Drawing(
        width, height, tuple(marks), ", ".join(f"{count} {name}" for name, count, _ in counted) or "no customers"
    )


def statuses(shown: View) -> list[tuple[str, int, Tone]]:
    """Customers by status, those that occur, best first."""
    states = [row.status for row in shown.customers if row.is_known]
    return [(name, states.count(name), tone) for name, tone in STATUSES if name in states]


def sparkline(history: Sequence[Fraction | None], width: float = 60, height: float = 12) -> Drawing:
    """A customer's margins as a small line; red where the last one is below zero."""
    known = [(place, share) for place, share in enumerate(history) if share is not None]
    words = "12 months: " + ", ".join(percent(share) for share in history)
    if len(known) < 2:
        return Drawing(width, height, tuple(Dot(width - 2, height / 2, 1.3, "muted") for _ in known), words)
    low, high = min(share for _, share in known), max(share for _, share in known)
    # Small movements stay small: the line is never stretched over less than ten points of margin.
    spread = max(high - low, Fraction(1, 10))
    middle = (high + low) / 2
    points = tuple(
        (
            2 + (width - 4) * place / max(1, len(history) - 1),
            height / 2 - (height - 4) * float((share - middle) / spread),
        )
        for place, share in known
    )
    tone: Tone = "negative" if known[-1][1] < 0 else "profit"
    return Drawing(width, height, (Path(points, tone, 1.1), Dot(*points[-1], 1.4, tone)), words)


def _scale(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction, int]:
    """Where an axis begins, its step and how many steps: whole per cents around the values, at most five."""
    step = next(
        size
        for size in (Fraction(per, 100) for per in (2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 10**9))
        if (high - low) / size <= 4
    )
    first = floor(low / step) * step
    return first, step, max(1, ceil((high - first) / step))


def _month_labels(months: Sequence[ViewMonth], left: float, right: float, y: float) -> list[Mark]:
    """Every third month counted from the last, so that the last one always has its name."""
    last = len(months) - 1
    return [
        Label(left + (right - left) * place / max(1, last), y, f"{each.month:%b} {each.month:%y}", anchor="middle")
        for place, each in enumerate(months)
        if (last - place) % 3 == 0
    ]


def legend(shown: View) -> list[tuple[str, Tone]]:
    """What the bars of the second chart are."""
    if shown.amounts is None:
        return [("LLM cost, % of revenue", "cost")]
    unit = "" if shown.amounts == "money" else ", index"
    return [(f"Net revenue{unit}", "revenue"), (f"LLM cost{unit}", "cost")]
