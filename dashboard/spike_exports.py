"""The list of alerts as a CSV file: exact amounts with their units, one row each, also those that are folded."""

from collections.abc import Sequence

import streamlit as st

from dashboard import reading, wording
from dashboard.margin_exports import csv_text
from dashboard.spike_rows import Row

HEAD = ("alert_id", "detector", "scope", "subject", "customer_id", "state", "verdict", "assigned_to", "first_day", "last_day",
        "unit", "actual", "expected", "impact", "currency", "explained_by", "sentence")  # fmt: skip


def draw(current: reading.Reading, found: Sequence[Row]) -> None:
    """One button; the file is made when it is asked for."""
    st.download_button(
        "CSV",
        lambda: alerts_csv(found),
        file_name=f"{current.tenant_name.lower().replace(' ', '-')}-spikes.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key="export_spikes",
    )


def alerts_csv(found: Sequence[Row]) -> str:
    """The rows in the order of the list. `actual` and `expected` are whole numbers of `unit`, `impact` is an amount of `currency`."""
    return csv_text(HEAD, [_cells(row) for above in found for row in (above, *above.children)])


def _cells(row: Row) -> list[object]:
    line = row.line
    numbers = ["" if value is None else str(value) for value in (line.actual, line.expected)]
    return [
        line.alert_id, line.detector, line.subject.scope, row.name, line.subject.customer_id or "", line.state, line.verdict or "",
        line.assigned_to or "", line.first_day, line.last_day, line.unit, *numbers,
        wording.amount_text(line.impact_minor, line.currency), line.currency, line.parent_alert_id or "", line.sentence,
    ]  # fmt: skip
