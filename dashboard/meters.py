"""What Stripe's meters are told: how far it is, each rule and its mode, events by state, what was refused, and where Stripe's sums differ."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from billing import meter_rules
from billing.principals import Principal
from dashboard import deeds, meter_dialogs, meter_rows, reading, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from store import meter_differences, meter_ledger, meter_reads
from store.database import tenant_transaction
from store.meter_differences import Compared
from store.meter_ledger import StoredRule
from store.meter_reads import InState, Progress, Trouble

MOST_TROUBLES, MOST_DAYS = 12, 200
ADD = (
    "metering meters add tokens --event-name tokens --count input_uncached_tokens --count output_text_tokens --per 1000"
)
ON_A_PHONE = ("Customer", "Days", "Units apart", "Of all units")
NUMBERS = {
    name: st.column_config.NumberColumn(format="%,.0f", step=1)
    for name in ("Days", "Units at Stripe", "Units by usage", "Events", "Units")
}
LABELS = {"live": "Go live…", "shadow": "Into the shadow…", "off": "Turn off…"}
ICONS = {"live": ":material/sensors:", "shadow": ":material/visibility:", "off": ":material/pause:"}


def draw() -> None:
    """The page; without a database it says so."""
    principal = acting_as()
    opened = books()
    with shell.header("Meters", "What Stripe's meters are told, and whether they have it"):
        pass
    if opened is None:
        return
    deeds.say_what_was_done(meter_dialogs.PAGE)
    now = datetime.now(UTC)
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        rules = meter_ledger.rules(connection)
        progress = meter_reads.progress(connection, now=now)
        states = meter_reads.by_state(connection, now=now)
        troubles = meter_reads.troubles(connection, limit=MOST_TROUBLES)
        compared = meter_differences.compared(connection)
    if not rules:
        _nothing()
        return
    _tiles(progress, now)
    _rules(opened, principal, rules, states)
    _differences(opened, rules, compared)
    _troubles(troubles)
    _states(states)


def _nothing() -> None:
    with st.container(border=True, key="card_no_meters", horizontal_alignment="center"):
        st.markdown("# :gray[:material/speed:]", width="content")
        st.markdown("No meter is told anything.", width="content")
        st.markdown(
            ":gray[A rule says which usage a meter counts. Adding one asks Stripe for the meter, which pages never do, so it is done on the "
            "command line:]",
            width="content",
        )
        st.code(ADD, language="bash", wrap_lines=True)
        st.markdown(":gray[It begins in the shadow: nothing is sent, and this page compares.]", width="content")


def _tiles(progress: Progress, now: datetime) -> None:
    with st.grid(4, min_column_width=140, gap="small") as grid:
        for label, value, more, why in meter_rows.tiles(progress, now):
            with grid.cell():
                st.metric(
                    label, value, more, delta_color="off", delta_arrow="off", border=True, height="stretch", help=why
                )


def _rules(opened: Books, principal: Principal, rules: Sequence[StoredRule], states: Sequence[InState]) -> None:
    with shell.card("meter_rules", "Rules", "Which usage each meter counts, and whether it is told in earnest"):
        for stored in rules:
            _rule(opened, principal, stored, [one for one in states if one.rule_id == stored.rule.rule_id])
        with st.expander("Add a rule", icon=":material/add:"):
            st.markdown("Adding a rule asks Stripe for the meter, which pages never do: it is the command line's.")
            st.code(ADD, language="bash", wrap_lines=True)


def _rule(opened: Books, principal: Principal, stored: StoredRule, states: Sequence[InState]) -> None:
    rule_id = stored.rule.rule_id
    refused = next((one.events for one in states if one.state == "rejected"), 0)
    with st.container(key=f"attention_rule_{rule_id}"):
        st.markdown(
            f"**{wording.escape(rule_id)}** {meter_rows.badge(stored.mode)} tells `{stored.rule.event_name}`  \n"
            f":small[:gray[{meter_rows.facts(stored)}]]"
        )
        with st.container(horizontal=True, gap="small"):
            for mode in (mode for mode in meter_rules.MODES if mode != stored.mode):
                if st.button(LABELS[mode], icon=ICONS[mode], key=f"{mode}_{rule_id}"):
                    meter_dialogs.confirm_switch(opened, principal, stored, mode, states)
            if refused and st.button(f"Replay {refused:,} refused…", icon=":material/replay:", key=f"replay_{rule_id}"):
                meter_dialogs.confirm_replay(opened, principal, stored)


def _differences(opened: Books, rules: Sequence[StoredRule], compared: Sequence[Compared]) -> None:
    for stored in rules:
        of_rule = [one for one in compared if one.rule_id == stored.rule.rule_id]
        if not of_rule and (stored.mode == "off" or stored.sink == "file"):
            continue  # nothing is compared
        is_shadow = stored.mode == "shadow"
        title = "In the shadow" if is_shadow else "Against Stripe's sums"
        said = (
            "what Stripe has by whoever tells it now, and what the usage comes to" if is_shadow else "days that differ"
        )
        with shell.card(
            f"drift_{stored.rule.rule_id}", f"{title}: {wording.escape(stored.rule.rule_id)}", f"By customer: {said}"
        ):
            metered = [one for one in of_rule if one.is_metered]
            others = [one for one in of_rule if not one.is_metered]
            if metered:
                _table(opened, stored.rule.rule_id, metered, "metered")
            else:
                st.markdown(
                    ":green[:material/task_alt:] No day of a customer with a metered price was found to differ. Every hour looks again."
                )
            if is_shadow and metered:
                st.caption(meter_rows.ROUNDED)
            if others:
                count = wording.count(len(others), "customer")
                with st.expander(f"{count} without a metered price", icon=":material/person_off:"):
                    st.caption(
                        "Nobody bills their usage by a meter, so it is mostly told by nobody. A live rule tells it all the same."
                    )
                    _table(opened, stored.rule.rule_id, others, "others")


def _table(opened: Books, rule_id: str, found: Sequence[Compared], name: str) -> None:
    st.dataframe(
        pl.DataFrame(meter_rows.compared_rows(found)),
        hide_index=True,
        key=f"compared_{name}_{rule_id}",
        column_order=ON_A_PHONE if reading.is_phone() else None,
        column_config=NUMBERS,
        alt="Customers that differ: days, units at Stripe, units by usage, and the difference",
    )
    if st.toggle("Day by day", key=f"days_{name}_{rule_id}"):
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            days = meter_differences.differences(
                connection, rule_id, customer_ids=[one.customer_id for one in found], limit=MOST_DAYS
            )
        st.dataframe(
            pl.DataFrame(meter_rows.day_rows(days)),
            hide_index=True,
            key=f"day_table_{name}_{rule_id}",
            alt="Each customer's day that differs, with what Stripe has and what was told",
        )
        if len(days) == MOST_DAYS:
            st.caption(f"The newest {MOST_DAYS} days; all of them: `metering meters compare`.")


def _troubles(found: Sequence[Trouble]) -> None:
    with shell.card(
        "meter_troubles", "Newest troubles", "What Stripe refused, in its own words, and what nobody knows of"
    ):
        if not found:
            st.markdown(":green[:material/task_alt:] No event is in trouble.")
        for place, trouble in enumerate(found):
            with st.container(key=f"attention_trouble_{place}"):
                st.markdown(meter_rows.trouble_line(trouble))


def _states(found: Sequence[InState]) -> None:
    with shell.card(
        "meter_states",
        "Events by state",
        "Events and their units, of the last 35 days: usage that is older no meter takes",
    ):
        if not found:
            st.markdown(":gray[:material/hourglass_empty:] No window is over yet that the rules count.")
            return
        st.dataframe(
            pl.DataFrame(meter_rows.state_rows(found)),
            hide_index=True,
            column_config=NUMBERS,
            alt="Each rule's events and units by state, and what the state means",
        )
