"""The four numbers at the top of the overview, for the last closed month, each with its move and its year."""

from collections.abc import Sequence

import streamlit as st

from dashboard import wording
from dashboard.months import Month

MARGIN_HELP = (
    f"(net revenue {wording.MINUS} AI cost) ÷ net revenue. Only AI usage counts as cost here: hosting, support and Stripe's fees do not. "
    "The range adds what this leaves out: usage without a price at its provider's cheap and dear prices and, for one customer, all cost "
    "without a customer."
)


def draw(closed: Sequence[Month], currency: str) -> None:
    """The tiles; `closed` are the closed months in order, the last one is the month that is told."""
    now = closed[-1]
    before = closed[-2] if len(closed) > 1 else None
    against = f"vs {wording.month_short(before.month)}" if before else "first closed month"
    with st.grid(4, min_column_width=150, gap="small", key="tiles"):
        _tile(
            "Gross margin (AI usage only)",
            wording.percent(now.share),
            wording.points(now.share - before.share)
            if before and now.share is not None and before.share is not None
            else None,
            against,
            [float(month.share) if month.share is not None else None for month in closed],
            help_text=MARGIN_HELP,
            has_before=before is not None,
        )
        _tile(
            "Gross profit",
            wording.money(now.gross_profit_minor, currency),
            _amount_move(now.gross_profit_minor, before.gross_profit_minor if before else None, currency),
            against,
            [wording.major(month.gross_profit_minor, currency) for month in closed],
            help_text="Net revenue minus AI cost.",
            has_before=before is not None,
        )
        _tile(
            "AI cost, % of net revenue",
            wording.percent(now.cost_share),
            wording.points(now.cost_share - before.cost_share)
            if before and now.cost_share is not None and before.cost_share is not None
            else None,
            against,
            [float(month.cost_share) if month.cost_share is not None else None for month in closed],
            help_text=f"AI cost of {wording.money_exact(now.cost_minor, currency)} ÷ net revenue.",
            has_before=before is not None,
            more_is_bad=True,
        )
        _tile(
            "Net revenue",
            wording.money(now.net_revenue_minor, currency),
            _growth(now.net_revenue_minor, before.net_revenue_minor if before else None),
            against,
            [wording.major(month.net_revenue_minor, currency) for month in closed],
            help_text="Without tax, after discounts, credits, refunds and lost disputes.",
            has_before=before is not None,
        )


def _amount_move(now: int | None, before: int | None, currency: str) -> str | None:
    """A profit can be negative, so its move is an amount and never a percentage."""
    return None if now is None or before is None or now == before else wording.money(now - before, currency, plus=True)


def _growth(now: int | None, before: int | None) -> str | None:
    return None if now is None or before is None else wording.growth(now, before)


def _tile(
    label: str,
    value: str,
    move: str | None,
    against: str,
    series: Sequence[float | None],
    *,
    help_text: str,
    has_before: bool,
    more_is_bad: bool = False,
) -> None:
    known = [point for point in series if point is not None]
    fell = bool(move) and str(move).startswith(wording.MINUS)
    st.metric(
        label,
        value,
        move or (0 if has_before else None),
        # Said in words, because Streamlit reads a direction off an ASCII minus only and we print the real one.
        delta_color="gray" if not move else "red" if fell != more_is_bad else "green",
        delta_arrow="off" if not move else "down" if fell else "up",
        delta_description=against if move or not has_before else f"no change {against}",
        help=help_text,
        border=True,
        height="stretch",
        chart_data=known if len(known) > 1 else None,
        chart_type="area",
    )
