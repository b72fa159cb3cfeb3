"""Tables of the price book: texts as they are, numbers to the right, links by their host, and a row that can be chosen."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboard import reading


def table(
    rows: Sequence[dict[str, str]], *, key: str, alt: str, right: Sequence[str] = (), phone: Sequence[str] = ()
) -> None:
    """Draw the rows in their order; `phone` are the columns that come first on a phone, the others behind them."""
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        key=f"{key}_table",
        column_order=_order(rows, phone),
        column_config=_config(rows, right),
        height="content",
        row_height=36,
        alt=alt,
    )


def pick(
    key: str, rows: Sequence[dict[str, str]], *, alt: str, right: Sequence[str] = (), phone: Sequence[str] = ()
) -> int | None:
    """Draw the rows and return the place of the chosen one; None where none is chosen."""
    state: Any = st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        key=f"{key}_table",
        column_order=_order(rows, phone),
        column_config=_config(rows, right),
        height="content",
        on_select="rerun",
        selection_mode="single-row",
        row_height=36,
        alt=alt,
    )
    chosen: list[int] = state.selection.rows
    return chosen[0] if chosen and chosen[0] < len(rows) else None


def _order(rows: Sequence[dict[str, str]], phone: Sequence[str]) -> list[str] | None:
    if not phone or not rows or not reading.is_phone():
        return None
    return [*phone, *(name for name in rows[0] if name not in phone)]


def _config(rows: Sequence[dict[str, str]], right: Sequence[str]) -> dict[str, Any]:
    config: dict[str, Any] = {name: st.column_config.TextColumn(name, alignment="right") for name in right}
    # A source that is no link (a catalogue's name) stays a text.
    if rows and "Source" in rows[0] and all(row["Source"].startswith("http") for row in rows):
        config["Source"] = st.column_config.LinkColumn("Source", display_text=r"https?://([^/]+)")
    return config
