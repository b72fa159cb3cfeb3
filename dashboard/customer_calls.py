"""The calls behind a customer's month: its days by model, feature and price entry, and of a chosen row every single call."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from dashboard import reading, wording
from pricing.cost_lines import cost_lines
from pricing.usage import BUCKETS
from store import warehouse_calls
from store.warehouse_calls import CallsGone, Cell

CALLS_ON_A_PAGE = 20
CELLS_HEIGHT = 320
DAY = "day"
TOKEN_BUCKET = "_tokens"  # noqa: S105 - a unit, not a secret


@st.fragment
def draw(current: reading.Reading, customer_id: str, month: date) -> None:
    """The section: a click in a row of the table opens the calls behind it."""
    cells = warehouse_calls.cells(current.warehouse, customer_id, month)
    if cells.height == 0:
        return
    st.markdown("#### By day, down to the single call")
    cells, day = _of_the_day(cells)
    rows = wording.count(cells.height, "row")
    if day is None:
        st.caption(f"{rows}, newest day first; click a row to see its calls")
    else:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{rows} of {wording.day_of(day)}; click a row to see its calls", width="content")
            st.button("Show the whole month", key="all_days", type="tertiary", on_click=_every_day)
    chosen = _table(cells, key=f"cells_{customer_id}_{day or month:%Y-%m-%d}")
    if chosen is None:
        return
    row = cells.row(chosen, named=True)
    cell = Cell(customer_id, row["day"], row["provider"], row["model"], row["feature"], row["price_id"])
    with st.container(border=True, key="calls"):
        st.markdown(f"**{_title(row)}**")
        _entry(current, row)
        _calls(current, cell, int(row["events"]))


def _of_the_day(cells: pl.DataFrame) -> tuple[pl.DataFrame, date | None]:
    """The rows of the day that the address names; all of them where it names none, or none of this month."""
    try:
        day = date.fromisoformat(st.query_params.get(DAY, ""))
    except ValueError:
        return cells, None
    found = cells.filter(pl.col("day") == day)
    return (cells, None) if found.height == 0 else (found, day)


def _every_day() -> None:
    del st.query_params[DAY]


def _title(row: Mapping[str, Any]) -> str:
    words = [wording.count(int(row["events"]), "call"), wording.day_of(row["day"]), _model(row), row["feature"]]
    return wording.escape(" · ".join(word for word in words if word))


def _model(row: Mapping[str, Any]) -> str:
    return "/".join(word for word in (row["provider"], row["model"]) if word) or wording.UNKNOWN


def _table(cells: pl.DataFrame, *, key: str) -> int | None:
    """Draw the rows; the place of the one that was clicked."""
    shown = [
        {
            "Day": wording.day_of(row["day"]),
            "Model": _model(row),
            "Price entry": row["price_key"] or "no price",
            "Feature": row["feature"] or wording.UNKNOWN,
            "Calls": f"{row['events']:,}",
            "Tokens": f"{row['tokens']:,}",
            "At the price entry": wording.usd(row["list_cost_pico_usd"]),
            "Counted": wording.usd(row["cost_pico_usd"]),
            "Cost by": _sources(row),
        }
        for row in cells.iter_rows(named=True)
    ]
    right = ("Calls", "Tokens", "At the price entry", "Counted")
    config = {name: st.column_config.TextColumn(name, alignment="right") for name in right}
    config["Price entry"] = st.column_config.TextColumn("Price entry", width=150 if reading.is_phone() else 240)
    on_a_phone = (
        "Day",
        "Model",
        "Counted",
        "Calls",
        "Price entry",
        "Feature",
        "Tokens",
        "At the price entry",
        "Cost by",
    )
    with st.container(key="why_cells"):
        st.dataframe(
            pl.DataFrame(shown),
            hide_index=True,
            key=key,
            column_order=on_a_phone if reading.is_phone() else None,
            column_config=config,
            height=min(CELLS_HEIGHT, 36 * (cells.height + 1)),
            on_select="rerun",
            selection_mode="single-cell",
            alt="Usage by day, model, price entry and feature",
        )
    return _clicked(key, cells.height)


def _clicked(key: str, height: int) -> int | None:
    """The row of the cell that is selected in a table; None where none is, or rows have become fewer since."""
    state: Any = st.session_state.get(key)
    selected = state.selection.cells if state is not None else []
    row = int(selected[0][0]) if selected else None
    return row if row is not None and row < height else None


def _sources(row: Mapping[str, Any]) -> str:
    contracts = ", ".join(row["contract_ids"] or [])
    words = [wording.cost_source(name, contracts if name == "contract" else None) for name in row["cost_sources"] or []]
    return "; ".join(words) or wording.UNKNOWN


def _entry(current: reading.Reading, row: Mapping[str, Any]) -> None:
    """Which price the calls have, who says so, and when that was checked last."""
    if row["price_id"] is None:
        st.markdown(
            f":orange[:material/sell: Not priced:] {wording.escape(row['unpriced_reason'] or 'no price entry')}"
        )
        return
    entry = _known_entry(current, row["price_id"])
    if entry is None:
        return
    prices = [
        f"{bucket.replace('_', ' ')} {_unit_price(bucket, entry[f'{bucket}_pico_usd'])}"
        for bucket in BUCKETS
        if entry[f"{bucket}_pico_usd"]
    ]
    source = wording.escape(entry["source"] or "source")
    link = f"[{source}]({entry['source_url']})" if entry["source_url"] else source
    checked = f", checked {wording.day_of(entry['checked_on'])}" if entry["checked_on"] else ""
    st.markdown(
        f"Price entry **{wording.escape(entry['price_key'])}** from {link}{checked}: {wording.escape(', '.join(prices))}"
    )


def _known_entry(current: reading.Reading, price_id: int) -> dict[str, Any] | None:
    rows = warehouse_calls.entry(current.warehouse, price_id)
    return rows.row(0, named=True) if rows.height else None


def _unit_price(bucket: str, price: int) -> str:
    if bucket.endswith(TOKEN_BUCKET):
        return f"{wording.unit_price(price)} / 1M"
    return f"{wording.each_price(price)} each"


def _calls(current: reading.Reading, cell: Cell, number: int) -> None:
    """One page of the calls, newest first, and the arithmetic of the one that was clicked."""
    key = f"calls_{abs(hash(cell))}"
    page: int = st.session_state.setdefault(f"{key}_page", 0)
    try:
        rows = warehouse_calls.calls(current.warehouse, cell, offset=page * CALLS_ON_A_PAGE, limit=CALLS_ON_A_PAGE)
    except CallsGone as problem:
        st.warning(wording.escape(str(problem)), icon=":material/update:")
        return
    if rows.height == 0:
        st.markdown(
            ":gray[:material/summarize: The provider's report has this usage by day: there are no single calls.]"
        )
        return
    st.caption("Newest first; click a call to see what it cost and why")
    with st.container(key="why_calls"):
        st.dataframe(
            _shown(rows),
            hide_index=True,
            key=f"{key}_table_{page}",
            column_config=_right_of(rows),
            on_select="rerun",
            selection_mode="single-cell",
            alt="Single calls, newest first",
        )
    if number > CALLS_ON_A_PAGE:
        _pager(f"{key}_page", page, rows.height, number)
    place = _clicked(f"{key}_table_{page}", rows.height) or 0
    _arithmetic(current, rows.row(place, named=True))


def _used(rows: pl.DataFrame) -> list[str]:
    return [bucket for bucket in BUCKETS if rows[bucket].sum()]


def _label(bucket: str) -> str:
    return bucket.removesuffix(TOKEN_BUCKET).replace("_", " ").capitalize()


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    used = _used(rows)
    return pl.DataFrame(
        [
            {
                "Time (UTC)": f"{row['occurred_at']:%H:%M:%S}",
                "Call": row["event_id"],
                "Cost": wording.usd(row["cost_pico_usd"]),
                **{_label(bucket): f"{row[bucket]:,}" for bucket in used},
                "Tier": row["service_tier"] or "standard",
            }
            for row in rows.iter_rows(named=True)
        ]
    )


def _right_of(rows: pl.DataFrame) -> dict[str, Any]:
    right = ("Cost", *(_label(bucket) for bucket in _used(rows)))
    return {name: st.column_config.TextColumn(name, alignment="right") for name in right}


def _pager(key: str, page: int, shown: int, number: int) -> None:
    first = page * CALLS_ON_A_PAGE

    def turn(to: int) -> None:
        st.session_state[key] = to

    with st.container(horizontal=True, vertical_alignment="center", key="calls_pager"):
        st.button(
            "Newer", icon=":material/chevron_left:", disabled=page == 0, on_click=turn, args=(page - 1,), key="newer"
        )
        st.caption(f"{first + 1:,} to {first + shown:,} of {number:,}", width="content")
        st.button(
            "Older",
            icon=":material/chevron_right:",
            disabled=first + shown >= number,
            on_click=turn,
            args=(page + 1,),
            key="older",
        )


def _arithmetic(current: reading.Reading, row: Mapping[str, Any]) -> None:
    """What the call's cost is made of, in a line for each unit."""
    called = f"**{wording.escape(row['event_id'])}** at {row['occurred_at']:%H:%M:%S} UTC"
    said = row["reported_cost_pico_usd"]
    reported = f" The log itself says {wording.escape(wording.usd(said))}." if said is not None else ""
    entry = None if row["price_id"] is None else _known_entry(current, row["price_id"])
    if entry is None:
        st.markdown(f"{called} has no price: {wording.escape(row['unpriced_reason'] or 'no price entry')}.{reported}")
        return
    lines = cost_lines(row, {bucket: entry[f"{bucket}_pico_usd"] for bucket in BUCKETS})
    written = [
        f"{line.quantity:,} {line.bucket.replace('_', ' ')} {wording.TIMES} {_unit_price(line.bucket, line.unit_pico_usd)} "
        f"= {wording.each_price(line.cost_pico_usd)}"
        for line in lines
        if line.unit_pico_usd is not None
    ]
    total = wording.escape(wording.each_price(row["cost_pico_usd"]))
    st.markdown(
        "\n".join([f"{called}: **{total}**.{reported}", "", *(f"- {wording.escape(line)}" for line in written)])
    )
