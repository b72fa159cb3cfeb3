"""The customers table: sortable, with sparklines, and a click anywhere in a row opens that customer."""

from collections.abc import Callable
from typing import Any

import polars as pl
import streamlit as st

from dashboard import reading, wording

MONEY_FORMATS = {"usd": "dollar", "eur": "euro", "jpy": "yen"}


def customers(
    rows: pl.DataFrame,
    currency: str,
    *,
    key: str,
    open_customer: Callable[[str], None],
    alt: str,
    height: int | None = None,
) -> None:
    """Draw `rows` of reading.customers in their order; the customer of a clicked cell is opened."""
    clicked = _clicked_customer(key)
    if clicked is not None:
        open_customer(clicked)
        return
    # A click names a position in the rows of the run that drew them: keep the ids that this run draws.
    st.session_state[f"{key}_ids"] = rows["customer_id"].to_list()
    is_phone = reading.is_phone()
    shown = ["name", "net_revenue", "profit", "share"] if is_phone else list(COLUMNS)
    st.dataframe(
        _displayed(rows, currency),
        hide_index=True,
        key=key,
        column_order=shown,
        column_config=_column_config(currency, is_phone=is_phone),
        on_select="rerun",
        selection_mode="single-cell",
        row_height=36,
        placeholder=wording.UNKNOWN,
        height=height or "content",
        alt=alt,
    )


COLUMNS = ("name", "plan", "net_revenue", "cost", "profit", "share", "move", "costs", "state")


def _clicked_customer(key: str) -> str | None:
    state: Any = st.session_state.get(key)
    cells = state.selection.cells if state is not None else []
    ids: list[str | None] = st.session_state.get(f"{key}_ids", [])
    if not cells:
        return None
    # Left in place, the same click would open the customer again on every return to this page.
    del st.session_state[key]
    row = int(cells[0][0])
    return ids[row] if row < len(ids) else None


def _displayed(rows: pl.DataFrame, currency: str) -> pl.DataFrame:
    """The rows as cells: whole major units (rounded, because the format truncates) and shares as numbers that sort."""
    money = {
        name: [_whole(minor, currency) for minor in rows[f"{column}_minor"]]
        for name, column in (("net_revenue", "net_revenue"), ("cost", "cost"), ("profit", "gross_profit"))
    }
    return pl.DataFrame(
        {
            "name": rows["name"],
            "plan": rows["plan"],
            **money,
            # The percent format truncates at its step: without rounding first, 48.06 % would read 48.0 % beside a tile of 48.1 %.
            "share": [None if share is None else round(float(share), 3) for share in rows["share"]],
            "move": [None if move is None else round(float(move) * 100, 1) for move in rows["share_move"]],
            "costs": rows["cost_series"],
            "state": rows["state"],
        }
    )


def _whole(minor: int | None, currency: str) -> int | None:
    amount = wording.major(minor, currency)
    return None if amount is None else round(amount)


def _column_config(currency: str, *, is_phone: bool) -> dict[str, Any]:
    column = st.column_config
    money_format = MONEY_FORMATS.get(currency, "%,.0f")

    narrow = 70 if is_phone else None

    def money(label: str, explanation: str) -> Any:
        return column.NumberColumn(label, format=money_format, step=1, help=explanation, width=narrow)

    unit = "" if currency in MONEY_FORMATS else f" ({currency.upper()})"
    revenue = "Revenue" if is_phone else "Net revenue"
    return {
        "name": column.TextColumn("Customer", width=118 if is_phone else "medium", pinned=False),
        "plan": column.TextColumn("Plan", width="small"),
        "net_revenue": money(f"{revenue}{unit}", "Without tax, after discounts, credits, refunds and lost disputes"),
        "cost": money(
            f"AI cost{unit}", "Priced usage only; where 1 % of the tokens or more has no price, the last column says so"
        ),
        "profit": money(f"Profit{unit}", "Net revenue minus AI cost"),
        "share": column.NumberColumn(
            "Margin",
            format="percent",
            step=0.001,
            width=narrow,
            help=f"(net revenue {wording.MINUS} AI cost) ÷ net revenue; empty when nothing was sold",
        ),
        "move": column.NumberColumn(
            "Δ pp", format="%+.1f", help="Margin against the month before, in percentage points"
        ),
        "costs": column.AreaChartColumn(
            "AI cost, 12 mo",
            color="orange",
            width=120,
            y_min=0,
            help="AI cost by month, the last twelve closed months",
        ),
        "state": column.TextColumn("State", width="medium"),
    }
