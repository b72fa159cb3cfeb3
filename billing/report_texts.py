"""What stands where on a report, in words: heading, the three questions, tiles and the customers that fit; the same on paper and on a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing import report_words as words
from pricing.report_view import View, ViewCustomer, ViewFigure

TITLE = "Unit economics"
# Whether more of it is good news; what is in neither is neither.
GOOD_UP = frozenset({"gross_margin", "profitable_customers", "net_revenue", "gross_profit", "inference_efficiency"})
GOOD_DOWN = frozenset({"llm_cost_share", "unprofitable_customers"})
TILES = (
    "net_revenue", "llm_cost", "gross_profit", "inference_efficiency", "top_revenue_share", "top_cost_share",
    "mrr", "arr", "nrr", "grr", "quick_ratio", "usage_run_rate",
)  # fmt: skip
SHORT = {
    "gross_profit": "Gross profit",
    "top_revenue_share": "Top 5, of revenue",
    "top_cost_share": "Top 5, of LLM cost",
    "usage_run_rate": "Usage run-rate",
}
LARGEST, LOSING = 9, 4


@dataclass(frozen=True)
class Question:
    """One of an investor's three questions with its answer; `is_good` says what the move means, None that it means nothing."""

    key: str
    asked: str
    answer: str
    delta: str
    is_good: bool | None
    more: str


@dataclass(frozen=True)
class Tile:
    """A figure's short name, its value and how it moved."""

    key: str
    name: str
    value: str
    delta: str


def heading(shown: View) -> tuple[str, str]:
    """What stands under the title, left and right."""
    in_ = f"in {shown.currency.upper()}" if shown.amounts == "money" else words.REDACTION_WORDS[shown.redaction].lower()
    left = f"{shown.tenant_name} \u00b7 net revenue by service period, {in_}"
    if shown.locked_at is None:
        return left, f"Preview of {words.day_of(shown.as_of)}, not locked"
    return left, f"Locked {words.day_of(shown.locked_at)} \u00b7 revision {shown.revision}"


def questions(shown: View) -> tuple[Question, Question, Question]:
    """Gross margin and its trend, which customers are profitable, LLM cost as a share of revenue."""
    margin, good, cost = (shown.stated(key) for key in ("gross_margin", "profitable_customers", "llm_cost_share"))
    bad, everybody, efficiency = (
        shown.stated(key) for key in ("unprofitable_customers", "customers", "inference_efficiency")
    )
    others = int((everybody.value or 0) - (good.value or 0) - (bad.value or 0))
    close = shown.figure("close_customers")
    unknown = f" \u00b7 {others} unknown" if others else ""
    unknown += f" \u00b7 {int(close.value):,} either way" if close and close.value else ""
    return (
        Question(
            key="margin",
            asked="What is the gross margin?",
            answer=words.percent(margin.value),
            delta=words.delta(margin),
            is_good=is_good(margin),
            more=f"AI usage only \u00b7 {_range(shown)}",
        ),
        Question(
            key="customers",
            asked="Which customers are profitable?",
            answer=f"{int(good.value or 0):,} of {int(everybody.value or 0):,}",
            delta=words.delta(good),
            is_good=is_good(good),
            more=f"{int(bad.value or 0):,} lose money{unknown}",
        ),
        Question(
            key="cost",
            asked="How much of revenue goes to LLMs?",
            answer=words.percent(cost.value),
            delta=words.delta(cost),
            is_good=is_good(cost),
            more=f"{words.number(efficiency.value, 'times', shown.currency)} inference efficiency",
        ),
    )


def _range(shown: View) -> str:
    return words.band(shown.confidence.low, shown.confidence.high)


def is_good(figure: ViewFigure) -> bool | None:
    """Whether the figure's move is good news; None where it did not move visibly or says nothing by itself."""
    if figure.value is None or figure.before is None or words.delta(figure) in {"", "no change"}:
        return None
    if figure.key in GOOD_UP:
        return figure.value > figure.before
    return figure.value < figure.before if figure.key in GOOD_DOWN else None


def tiles(shown: View) -> list[Tile]:
    """The other figures that the report has; amounts are left out where they are hidden."""
    found = []
    for key in TILES:
        figure = shown.figure(key)
        if figure is None or (figure.unit == "index" and shown.amounts is None):
            continue
        value = words.number(figure.value, figure.unit, shown.currency)
        found.append(Tile(key, SHORT.get(key, figure.name), value, words.delta(figure)))
    return found


def shown_customers(shown: View) -> tuple[list[ViewCustomer], str]:
    """The largest customers, the ones that lose most, and a word on the rest."""
    largest = list(shown.customers[:LARGEST])
    losing = sorted(
        (row for row in shown.customers[LARGEST:] if row.status == "negative" and row.is_known),
        key=lambda row: (row.gross_profit if row.gross_profit is not None else row.margin or 0, row.name),
    )
    chosen = largest + losing[:LOSING]
    rest = len(shown.customers) - len(chosen)
    by = "by revenue" + (", then those that lose most" if losing else "")
    return chosen, f"{by}; {rest} more in the spreadsheet" if rest else by


def customer_cells(shown: View) -> tuple[tuple[str, ...], list[Sequence[str]]]:
    """Titles and cells of the table of `shown_customers`; the sixth column is for the small chart."""
    unit = shown.amounts
    second = "% of revenue" if shown.redaction == "indexed" else "Plan"
    amounts = ("Net revenue", "LLM cost") if unit is not None else ("% of revenue", "LLM cost, %")
    rows: list[Sequence[str]] = []
    for row in shown_customers(shown)[0]:
        named = words.percent(row.revenue_share) if shown.redaction == "indexed" else row.plan or words.UNKNOWN
        if unit is None:
            share = None if row.margin is None else 1 - row.margin
            cells = (words.percent(row.revenue_share), words.percent(share))
        else:
            cells = (
                words.number(row.net_revenue, unit, shown.currency),
                words.number(row.cost, unit, shown.currency),
            )
        rows.append((row.name, named, *cells, words.percent(row.margin), "", row.status))
    return ("Customer", second, *amounts, "Margin", "12 months", "Status"), rows
