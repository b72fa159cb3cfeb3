"""The tab *Usage and bills*: usage log, providers' bills and what customers were charged for, the gaps and their causes."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from dashboard import bill_charts, charts, reading, shell, usage_bill_rows, wording
from pricing.usage_reconciliation import BillState
from store import warehouse_bill_reads

MONTHS_SHOWN = 14
INVOICED_SHOWN = 200
HOW_TO_CONNECT = (
    "Nothing is compared, and nothing is taken as agreed. Connect what the provider reports with an admin key, "
    "`metering usage connect openai` (or anthropic, openrouter …), or import a bill as a file, `metering import-bill FILE`."
)


def draw() -> None:
    """The whole tab for one month, chosen in the address."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    months = warehouse_bill_reads.bill_months(current.warehouse)
    if months.is_empty():
        shell.not_found("No usage and no bill yet", "Gaps appear here when usage was imported and a bill is connected.")
        return
    month = _month(months, current.as_of.date().replace(day=1))
    rows = months.filter(pl.col("month") == month).rows(named=True)
    _tiles(rows)
    with shell.card("usage_bills", "Providers", "Usage log and bill of the same days, tax left out, in dollars"):
        st.dataframe(
            pl.DataFrame(usage_bill_rows.provider_rows(rows)),
            hide_index=True,
            key="bill_providers",
            column_config=_right("Logged", "Billed", "Gap", "Of the bill"),
            column_order=("Provider", "State", "Gap", "Of the bill", "Billed", "Logged")
            if reading.is_phone()
            else None,
            alt="Each provider with what was logged, billed, the gap and its state",
        )
        lacking = [row["provider"] for row in rows if row["state"] == BillState.NO_BILL]
        if lacking:
            named = ", ".join(wording.escape(name) for name in lacking)
            st.markdown(f":material/link_off: **No bill is connected for {named}.** {HOW_TO_CONNECT}")
    billed = [row for row in rows if row["state"] != BillState.NO_BILL]
    if billed:
        _provider(current, month, billed)
    _invoiced(current, month)
    reading.freshness_line(current)


def _month(months: pl.DataFrame, running: date) -> date:
    """The month that the address names, or else the last one with a bill that is over."""
    known: list[date] = months["month"].unique(maintain_order=True).to_list()[:MONTHS_SHOWN]
    closed = months.filter(pl.col("billed_pico_usd").is_not_null(), pl.col("month") < running)["month"].to_list()
    labels = {f"{month:%Y-%m}": month for month in known}
    first = f"{closed[0]:%Y-%m}" if closed else next(iter(labels))
    chosen = st.selectbox(
        "Month",
        list(labels),
        index=list(labels).index(first) if first in labels else 0,
        format_func=lambda key: usage_bill_rows.month_label(labels[key], running),
        key="bill_month",
        bind="query-params",
        width=260,
    )
    return labels.get(chosen, known[0])


def _tiles(rows: Sequence[dict[str, Any]]) -> None:
    billed = [row for row in rows if row["billed_pico_usd"] is not None]
    logged_sum, billed_sum, matched, compared = (
        sum(int(row[name] or 0) for row in billed)
        for name in ("logged_pico_usd", "billed_pico_usd", "matched_pico_usd", "compared_pico_usd")
    )
    open_ones = sum(row["state"] == BillState.OPEN for row in rows)
    tiles = (
        ("Billed", wording.usd(billed_sum) if billed else wording.UNKNOWN, f"logged {wording.usd(logged_sum)}" if billed else None),
        ("Gap", usage_bill_rows.signed_usd(billed_sum - logged_sum) if billed else wording.UNKNOWN,
         f"{usage_bill_rows.gap_share(logged_sum, billed_sum)} of the bills" if billed else None),
        ("Log and bills agree", usage_bill_rows.agreed(matched, compared), "model by model"),
        ("Open gaps", f"{open_ones:,}", f"of {wording.count(len(rows), 'provider')}"),
    )  # fmt: skip
    with st.grid(4, min_column_width=140, gap="small") as grid:
        for label, value, more in tiles:
            with grid.cell():
                st.metric(label, value, more, delta_color="off", delta_arrow="off", border=True, height="stretch")


def _provider(current: reading.Reading, month: date, billed: Sequence[dict[str, Any]]) -> None:
    by_name = {row["provider"]: row for row in billed}
    # The largest gap first: that is what somebody comes here for.
    names = sorted(by_name, key=lambda name: -abs(by_name[name]["billed_pico_usd"] - by_name[name]["logged_pico_usd"]))
    chosen: Any = st.pills(
        "Provider", names, default=names[0], key="bill_provider", bind="query-params", label_visibility="collapsed"
    )
    provider: str = chosen if chosen in by_name else names[0]
    row = by_name[provider]
    gap = int(row["billed_pico_usd"] - row["logged_pico_usd"])
    span = f"{wording.day_of(row['first_day'])} to {wording.day_of(row['last_day'])}"
    left, right = st.columns([1, 1.15], gap="small")
    with left, shell.card("bill_causes", f"Why {wording.escape(provider)} differs", f"Billed less logged, {span}"):
        st.markdown(
            f"{usage_bill_rows.state_badge(row['state'])} **{wording.escape(usage_bill_rows.signed_usd(gap))}** "
            f"({wording.escape(usage_bill_rows.gap_share(row['logged_pico_usd'], row['billed_pico_usd']))} of the bill)"
        )
        causes = warehouse_bill_reads.bill_causes(current.warehouse, month).filter(pl.col("provider") == provider)
        lines = usage_bill_rows.cause_lines(
            (one["cause"], int(one["part_pico_usd"]), int(one["moved_pico_usd"]))
            for one in causes.iter_rows(named=True)
        )
        for line in lines:
            st.markdown(
                f"**{wording.escape(line.cause.capitalize())}** {wording.escape(line.amount)}  \n:small[:gray[{wording.escape(line.sentence)}]]"
            )
        if not lines:
            st.markdown("Log and bill agree in every model, unit and day.")
    with (
        right,
        shell.card("bill_days", "Day by day", "Bars are billed (paler where the bill still grows), the line is logged"),
    ):
        _days(current, provider, month)
    _cells(current, provider, month)


def _days(current: reading.Reading, provider: str, month: date) -> None:
    rows = warehouse_bill_reads.bill_days(current.warehouse, provider, month)
    shown = [
        bill_charts.BillDay(row["day"], int(row["logged_pico_usd"]), int(row["billed_pico_usd"]), row["is_settled"])
        for row in rows.iter_rows(named=True)
    ]
    figure = reading.kept_figure(
        ("bill_days", str(current.warehouse.file), provider, month), lambda: bill_charts.days(shown)
    )
    st.plotly_chart(figure, config=charts.CONFIG, key="bill_days_chart", alt=f"Logged and billed at {provider} by day")


def _cells(current: reading.Reading, provider: str, month: date) -> None:
    days = warehouse_bill_reads.bill_days(current.warehouse, provider, month)["day"].to_list()
    with shell.card("bill_cells", "Models and units", "Where the gap is; the largest first"):
        keys = ["", *(f"{day:%Y-%m-%d}" for day in days)]
        chosen = st.selectbox(
            "Day",
            keys,
            format_func=lambda key: key or "The whole month",
            key="bill_day",
            bind="query-params",
            width=220,
        )
        day = date.fromisoformat(chosen) if chosen else None
        cells = warehouse_bill_reads.bill_cells(current.warehouse, provider, month, day)
        st.dataframe(
            pl.DataFrame(usage_bill_rows.cell_rows(cells.iter_rows(named=True))),
            hide_index=True,
            key="bill_cells_table",
            column_config=_right("Gap", "Logged", "Billed", "Units logged", "Units billed"),
            alt="Each model and unit with both sides, the gap and its main cause",
        )


def _invoiced(current: reading.Reading, month: date) -> None:
    """The third side: what customers were charged for by quantity."""
    lines = warehouse_bill_reads.invoiced_units(current.warehouse).filter(pl.col("month") == month)
    with shell.card(
        "invoiced",
        "Charged to customers by quantity",
        "Metered prices at Stripe beside the usage log of the same period",
    ):
        if lines.is_empty():
            st.markdown(
                ":gray[:material/receipt_long:] No invoice of this month charges by quantity: there is nothing to hold against the log."
            )
            return
        st.markdown(wording.escape(usage_bill_rows.invoiced_summary(lines.iter_rows(named=True))))
        st.dataframe(
            pl.DataFrame(usage_bill_rows.invoiced_rows(lines.head(INVOICED_SHOWN).iter_rows(named=True))),
            hide_index=True,
            key="invoiced_table",
            column_config=_right("Invoiced", "Logged", "Difference", "Charged"),
            alt="Each charge by quantity beside what was logged",
        )


def _right(*names: str) -> dict[str, Any]:
    return {name: st.column_config.TextColumn(name, alignment="right") for name in names}
