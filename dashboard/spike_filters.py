"""What the list of alerts is narrowed to: state, detector, customer, direction; all of it in the address."""

import streamlit as st

from dashboard import wording
from dashboard.spike_reading import Board
from dashboard.spike_rows import DIRECTIONS, VIEWS, Filters
from dashboard.spike_words import KINDS

EVERY_KIND, EVERYBODY = "All kinds", "All customers"
WIDTH = 168


def choose(board: Board) -> Filters:
    """Draw the questions that make sense for what there is, and return the answers."""
    kinds = {KINDS[row.line.detector].name: row.line.detector for row in board.every}
    ids = {row.line.subject.customer_id for row in board.every if row.line.subject.customer_id is not None}
    customers = {board.names.get(customer_id, customer_id): customer_id for customer_id in ids}
    view = st.segmented_control(
        "Show",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="open",
        required=True,
        key="spike_view",
        bind="query-params",
        label_visibility="collapsed",
    )
    kind = _pick("Kind", [EVERY_KIND, *sorted(kinds)], "kind")
    customer = _pick("Customer", [EVERYBODY, *sorted(customers)], "of")
    direction = _pick("Direction", list(DIRECTIONS.values()), "direction")
    chosen = next(key for key, words in DIRECTIONS.items() if words == direction)
    return Filters(view or "open", kinds.get(kind), customers.get(customer), chosen)


def _pick(label: str, options: list[str], key: str) -> str:
    chosen = st.selectbox(label, options, key=key, bind="query-params", label_visibility="collapsed", width=WIDTH)
    return chosen or options[0]


def nothing(board: Board, filters: Filters) -> None:
    """Why the list is empty, and the one thing to do."""
    is_narrowed = (filters.detector, filters.customer_id, filters.direction) != (None, None, "both")
    snoozed = sum(row.is_snoozed for row in board.every)
    with st.container(border=True, key="card_no_spikes", horizontal_alignment="center"):
        if is_narrowed:
            st.markdown("# :gray[:material/filter_alt_off:]", width="content")
            st.markdown("No alert fits these filters.", width="content")
            st.button("Clear filters", on_click=_clear, key="clear_filters")
            return
        st.markdown("# :gray[:material/done_all:]", width="content")
        words = {
            "open": "Nothing is open."
            if not snoozed
            else f"Nothing is open; {wording.count(snoozed, 'alert')} snoozed.",
            "snoozed": "Nothing is snoozed.",
            "resolved": "Nothing has ended yet.",
            "all": "There has been no alert so far.",
        }
        st.markdown(words[filters.view], width="content")


def _clear() -> None:
    st.session_state["kind"], st.session_state["of"] = EVERY_KIND, EVERYBODY
    st.session_state["direction"] = DIRECTIONS["both"]
