"""The Spikes page: what is unusual, the newest first, what it costs, why, and what to say of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from billing.principals import Principal
from dashboard import (
    deeds,
    reading,
    shell,
    spike_detail,
    spike_exports,
    spike_filters,
    spike_list,
    spike_reading,
    spike_tiles,
    wording,
)
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.spike_reading import Board
from dashboard.spike_rows import Filters, Row, fitting, folded, verdict
from store.database import tenant_transaction

LOOK_AGAIN_SECONDS = 60


def draw() -> None:
    """The whole page; without a database it says so."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    principal = acting_as()
    opened = books()
    with shell.header("Spikes", f"{current.tenant_name} · what is unusual, what it costs and why"):
        pass
    if opened is None:
        return
    deeds.say_what_was_done("spikes")
    st.fragment(_board, run_every=LOOK_AGAIN_SECONDS)(opened, principal, current)
    reading.freshness_line(current)


def _board(opened: Books, principal: Principal, current: reading.Reading) -> None:
    """Everything that an answer or a new run changes."""
    board = spike_reading.board(opened, current, datetime.now(UTC))
    asked = _asked(board.every)
    if asked is not None and reading.is_phone():
        st.button("All spikes", icon=":material/arrow_back:", type="tertiary", key="to_list", on_click=_close)
        _detail(opened, principal, board, asked)
        return
    _story(board)
    spike_tiles.draw(board)
    if not board.every:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        filters = spike_filters.choose(board)
        found = folded(fitting(board.every, filters))
        spike_exports.draw(current, found)
    if not found and asked is None:
        spike_filters.nothing(board, filters)
        found = _lately_ended(board) if filters == Filters() else []
        if not found:
            return
        st.markdown("#### Ended lately")
    _list_and_detail(opened, principal, board, found, asked or (None if reading.is_phone() else found[0]))


def _lately_ended(board: Board) -> list[Row]:
    """What there is to look at while nothing is open."""
    return folded(fitting(board.every, Filters(view="resolved")))


def _list_and_detail(
    opened: Books, principal: Principal, board: Board, found: Sequence[Row], chosen: Row | None
) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        sparks = spike_reading.sparks(connection, spike_list.shown(found))
    chosen_id = None if chosen is None else chosen.line.alert_id
    if chosen is None:
        spike_list.draw(found, None, sparks)
        return
    left, right = st.columns([0.37, 0.63], gap="small")
    with left:
        spike_list.draw(found, chosen_id, sparks)
    with right:
        _detail(opened, principal, board, chosen)


def _detail(opened: Books, principal: Principal, board: Board, row: Row) -> None:
    found = spike_reading.opened(opened, row, board.names)
    if found is not None:
        spike_detail.draw(opened, principal, found)


def _story(board: Board) -> None:
    """What a founder needs to know, in front of every figure."""
    told = verdict(board.every, board.currency)
    with st.container(key="story"):
        if told is None:
            st.markdown(spike_tiles.all_quiet(board))
            return
        also = f"  \n:small[Also open: {wording.escape(told.also)}.]" if told.also else ""
        st.markdown(f"**{wording.escape(told.head)}.** {wording.escape(told.why)}{also}")


def _asked(every: Sequence[Row]) -> Row | None:
    """The alert that the address names; None where it names none, or none that is here."""
    try:
        asked = UUID(st.query_params.get("alert", ""))
    except ValueError:
        return None
    return next((row for row in every if row.line.alert_id == asked), None)


def _close() -> None:
    del st.query_params["alert"]
