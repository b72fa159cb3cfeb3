"""What the Meters page asks before a rule is switched, and before what was refused is told anew."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from billing import meter_replay, meter_rules
from billing.principals import Principal
from dashboard import deeds, meter_rows, wording
from dashboard.books import Books
from store.database import tenant_transaction
from store.meter_ledger import StoredRule
from store.meter_reads import InState

PAGE = "meters"


@st.dialog("Switch the rule", icon=":material/swap_horiz:")
def confirm_switch(
    opened: Books, principal: Principal, stored: StoredRule, mode: str, states: Sequence[InState]
) -> None:
    """Say what the mode means for customers' bills, then switch."""
    rule_id = stored.rule.rule_id
    unsent = next((one.events for one in states if one.state == "pending"), 0)
    now = datetime.now(UTC)
    st.markdown(
        f"**{wording.escape(rule_id)}**: {meter_rows.badge(stored.mode)} → {meter_rows.badge(mode)}\n\n"
        f"{wording.escape(meter_rows.consequence(stored, mode, unsent, now))}"
    )
    if st.button(
        {"live": "Go live", "shadow": "Into the shadow", "off": "Turn off"}[mode], type="primary", key="switch_submit"
    ):
        deeds.do(
            opened,
            PAGE,
            lambda connection, now: meter_rules.switch(connection, rule_id, mode, principal=principal, now=now),
            f"{rule_id} is {mode}{f' from {wording.moment_of(meter_rules.next_hour(now))} on' if mode == 'live' else ''}.",
        )


@st.dialog("Replay what was refused", icon=":material/replay:", width="large")
def confirm_replay(opened: Books, principal: Principal, stored: StoredRule) -> None:
    """Show what would be told anew and what would not, then do it."""
    rule_id = stored.rule.rule_id
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = meter_replay.planned(connection, rule_id, now=datetime.now(UTC))
    st.markdown("\n\n".join(wording.escape(said) for said in meter_rows.replay_sentences(found, stored.mode)))
    if found.again:
        st.dataframe(
            pl.DataFrame(meter_rows.event_rows(found.again)),
            hide_index=True,
            key="replay_table",
            alt="Refused events that would be told anew: window, customer, units and what Stripe said",
        )
    st.caption("Nothing has happened yet. Mend the cause first: what is refused again stays refused.")
    if st.button(
        "Tell them anew",
        type="primary",
        key="replay_submit",
        disabled=not found.again or stored.mode != "live",
    ):
        deeds.do(
            opened,
            PAGE,
            lambda connection, now: meter_replay.replay(connection, rule_id, principal=principal, now=now),
            f"Told anew within five minutes: {wording.count(len(found.again), 'event')} of {rule_id}.",
        )
