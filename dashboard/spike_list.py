"""The list of alerts: who or what, one sentence, how much, since when; a click anywhere in a row opens it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import streamlit as st

from dashboard import spike_charts, wording
from dashboard.spike_rows import Row, badge, facts, headline
from dashboard.spike_words import KINDS

PER_PAGE = 12
PAGES = "spikes_pages"
Sparks = Mapping[UUID, Sequence[int | None]]


def shown(found: Sequence[Row]) -> Sequence[Row]:
    """The rows of the pages that were asked for."""
    return found[: PER_PAGE * int(st.session_state.get(PAGES, 1))]


def draw(found: Sequence[Row], chosen: UUID | None, sparks: Sparks) -> None:
    """The rows, the newest first; what is explained by one is folded under it."""
    on_show = shown(found)
    for row in on_show:
        _row(row, chosen, sparks)
        if row.children:
            number = wording.count(len(row.children), "alert")
            is_within = any(child.line.alert_id == chosen for child in row.children)
            with st.expander(f"{number} explained by it", expanded=is_within, key=f"under_{row.line.alert_id}"):
                for child in row.children:
                    _row(child, chosen, sparks)
    if len(on_show) < len(found):
        st.button(f"Show more of {len(found):,}", key="spikes_more", on_click=_more, width="stretch")


def _more() -> None:
    st.session_state[PAGES] = int(st.session_state.get(PAGES, 1)) + 1


def open_alert(alert_id: UUID) -> None:
    """Show that one; the address says which."""
    st.query_params["alert"] = str(alert_id)


def _row(row: Row, chosen: UUID | None, sparks: Sparks) -> None:
    line = row.line
    kind = KINDS[line.detector]
    is_chosen = line.alert_id == chosen
    with st.container(key=f"spike_{'chosen' if is_chosen else 'row'}_{line.alert_id}", gap=None):
        with _side_by_side():
            st.button(
                wording.escape(row.name),
                icon=kind.icon,
                type="tertiary",
                key=f"open_{line.alert_id}",
                on_click=open_alert,
                args=(line.alert_id,),
            )
            st.markdown(f"**{wording.escape(headline(row))}**", width="content")
        with st.container(key=f"spike_says_{line.alert_id}"):  # two lines of it; the whole stands in the alert opened
            st.markdown(f":small[{wording.escape(line.sentence)}]")
        with _side_by_side():
            st.markdown(f"{badge(row)} :small[:gray[{wording.escape(facts(row))}]]", width="content")
            drawn = spike_charts.spark(sparks.get(line.alert_id, ()), words=f"The last days of {row.name}")
            if drawn:
                st.html(drawn, width="content")


def _side_by_side() -> "st.delta_generator.DeltaGenerator":
    return st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small", wrap=False
    )
