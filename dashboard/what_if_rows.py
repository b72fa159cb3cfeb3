"""Outcomes of a what-if as rows: what the table shows, what the CSV file holds."""

import csv
import io
from collections.abc import Mapping, Sequence

import polars as pl

from dashboard import wording
from dashboard.customer_rows import STATES
from pricing.margin import Margin
from pricing.what_if import Outcome

SHOW = {"all": "All", "changed": "State changes", "negative": "Losing money"}
CSV_COLUMNS = (
    "customer_id",
    "customer",
    "months",
    "net_revenue_before",
    "net_revenue_after",
    "ai_cost_before",
    "ai_cost_after",
    "gross_profit_before",
    "gross_profit_after",
    "margin_before",
    "margin_after",
    "margin_after_low",
    "margin_after_high",
    "state_before",
    "state_after",
    "break_even_price_a_month",
    "price_a_month_for_target_margin",
)


def shown(outcomes: Sequence[Outcome], show: str) -> list[Outcome]:
    """Those that the view asks for: who turns negative first, then whose profit falls most."""
    kept = [each for each in outcomes if show != "changed" or each.before.status is not each.after.status]
    if show == "negative":
        kept = [each for each in kept if (each.after.gross_profit_minor or 0) < 0]
    return sorted(kept, key=lambda each: (not each.turns_negative, profit_change(each) or 0, each.customer_id or ""))


def profit_change(outcome: Outcome) -> int | None:
    """How much more is left, in minor units; None where either side is unknown."""
    before, after = outcome.before.gross_profit_minor, outcome.after.gross_profit_minor
    return None if before is None or after is None else after - before


def state_words(outcome: Outcome) -> str:
    """Healthy, or Healthy → Losing money."""
    before, after = STATES[outcome.before.status], STATES[outcome.after.status]
    return before if before == after else f"{before} → {after}"


def table(outcomes: Sequence[Outcome], names: Mapping[str, str], currency: str) -> pl.DataFrame:
    """Cells that sort: major units and shares; unknown is null."""
    return pl.DataFrame(
        {
            "name": [_name(each, names) for each in outcomes],
            "net": [wording.major(each.net_after_minor, currency) for each in outcomes],
            "cost_before": [wording.major(each.before.cost_minor, currency) for each in outcomes],
            "cost_after": [wording.major(each.after.cost_minor, currency) for each in outcomes],
            "share_before": [_share(each.before) for each in outcomes],
            "share_after": [_share(each.after) for each in outcomes],
            "break_even": [wording.major(each.break_even_minor, currency) for each in outcomes],
            "target": [wording.major(each.target_minor, currency) for each in outcomes],
            "state": [state_words(each) for each in outcomes],
        },
        schema_overrides={
            **dict.fromkeys(("net", "cost_before", "cost_after"), pl.Float64()),
            **dict.fromkeys(("share_before", "share_after", "break_even", "target"), pl.Float64()),
            **dict.fromkeys(("name", "state"), pl.String()),
        },
    )


def _share(margin: Margin) -> float | None:
    return None if margin.share is None else round(float(margin.share), 3)


def _name(outcome: Outcome, names: Mapping[str, str]) -> str:
    return "Company" if outcome.customer_id is None else names.get(outcome.customer_id, outcome.customer_id)


def csv_text(outcomes: Sequence[Outcome], names: Mapping[str, str], currency: str) -> str:
    """Every outcome with exact amounts in the reporting currency, which the headings name; unknown is empty."""
    amounts = {name for name in CSV_COLUMNS if name.startswith(("net_", "ai_", "gross_", "break", "price"))}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([f"{name}_{currency}" if name in amounts else name for name in CSV_COLUMNS])
    for each in outcomes:
        minors = (
            each.net_before_minor,
            each.net_after_minor,
            each.before.cost_minor,
            each.after.cost_minor,
            each.before.gross_profit_minor,
            each.after.gross_profit_minor,
        )
        shares = (each.before.share, each.after.share, each.after.low, each.after.high)
        writer.writerow(
            [
                each.customer_id or "",
                _spreadsheet_safe(_name(each, names)),
                each.months or "",
                *(wording.amount_text(minor, currency) for minor in minors),
                *("" if share is None else f"{float(share):.6f}" for share in shares),
                each.before.status.value,
                each.after.status.value,
                wording.amount_text(each.break_even_minor, currency),
                wording.amount_text(each.target_minor, currency),
            ]
        )
    return file.getvalue()


def _spreadsheet_safe(name: str) -> str:
    """A customer's own words are no formula."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@"} else name
