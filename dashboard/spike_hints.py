"""What other pages say of open alerts: the newest on the overview, a customer's own on their page, each with the way to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from dashboard import margin_reading, reading, shell, wording
from dashboard.books import books_at_hand
from dashboard.spike_rows import Row, badge, first_clause, headline, rows
from dashboard.spike_words import KINDS
from store import alert_list
from store.database import tenant_transaction

SHOWN = 3


def open_rows(current: reading.Reading) -> list[Row]:
    """The open alerts that do not sleep, the newest first; none where there is no database."""
    opened = books_at_hand()
    if opened is None:
        return []
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = alert_list.open_lines(connection)
    every = rows(found, margin_reading.names(current), current.tenant_name, datetime.now(UTC))
    return [row for row in every if row.is_open]


def show(alert_id: UUID) -> None:
    """Leave for the Spikes page, with that alert opened."""
    st.switch_page(shell.spikes_page(), query_params={"alert": str(alert_id)})


def lines(found: Sequence[Row]) -> None:
    """The newest alerts as lines of the card *What needs attention*, and the way to all of them."""
    for place, row in enumerate(found[:SHOWN]):
        _line(row, place)
    if len(found) > SHOWN and st.button(
        f"All {wording.count(len(found), 'open alert')}", key="all_alerts", type="tertiary", icon=":material/bolt:"
    ):
        st.switch_page(shell.spikes_page())


def _line(row: Row, place: int) -> None:
    kind = KINDS[row.line.detector]
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
        key=f"attention_alert_{place}",
    ):
        st.markdown(
            f"{badge(row, f'{kind.icon} {kind.name}')} **{wording.escape(row.name)}**  \n"
            f":small[:gray[{wording.escape(first_clause(row.line.sentence))}]]",
            width="content",
        )
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            st.markdown(f"**{wording.escape(headline(row))}**", width="content")
            if st.button("Open", key=f"open_alert_{place}", type="tertiary"):
                show(row.line.alert_id)


def of_customer(current: reading.Reading, customer_id: str) -> None:
    """A band on a customer's page: the newest open alert of theirs, and the way to it."""
    found = [row for row in open_rows(current) if row.line.subject.customer_id == customer_id]
    if not found:
        return
    newest = found[0]
    more = f" And {wording.count(len(found) - 1, 'more alert')}." if len(found) > 1 else ""
    with st.container(key="jump", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"{KINDS[newest.line.detector].icon} {wording.escape(newest.line.sentence)}{more}", width="content")
        if st.button("Open the spike", key="open_spike", type="tertiary"):
            show(newest.line.alert_id)
