"""The recovery page: which payments failed, who tries them next and when, what they cost meanwhile, and how well it works."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from billing import recovery_mails, recovery_metrics
from billing.principals import Principal
from billing.recovery_deeds import commands_of, subject_of
from billing.recovery_states import ENDED, IN_RECOVERY
from dashboard import deeds, reading, recovery_dialogs, recovery_figures, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.command_state import command_line
from dashboard.recovery_rows import (
    ATTRIBUTION_WORDS,
    BY_WORDS,
    CLASS_WORDS,
    LABELS,
    TRYING,
    Row,
    next_words,
    total_words,
    tries_words,
)
from dashboard.refund_rows import lifetime
from store import outgoing_mails, recovery_cases, recovery_reads, refund_reads
from store.database import tenant_transaction
from store.steps import read_steps

VIEWS = {"open": "In recovery", "ended": "Ended", "all": "All"}
SHOWN = 40
LOOK_AGAIN_SECONDS = 2
LATELY = timedelta(days=30)
JUST_ENDED = timedelta(minutes=15)


def draw() -> None:
    """The page; without a database it says so."""
    principal = acting_as()
    opened = books()
    with shell.header("Recovery", "Failed payments: who tries next, when, and what they cost meanwhile"):
        pass
    if opened is None:
        return
    deeds.say_what_was_done("recovery")
    view = st.segmented_control(
        "Show",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="open",
        required=True,
        key="recovery_view",
        bind="query-params",
        label_visibility="collapsed",
    )
    is_moving = _is_moving(opened)
    run_every = LOOK_AGAIN_SECONDS if is_moving else None
    st.fragment(_draw_rows, run_every=run_every)(opened, principal, view or "open", is_moving)
    recovery_figures.draw(opened)


def _is_moving(opened: Books) -> bool:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        return bool(recovery_cases.counts(connection).get("retrying"))


def _draw_rows(opened: Books, principal: Principal, view: str, was_moving: bool) -> None:
    now = datetime.now(UTC)
    rows = _read(opened, {"open": IN_RECOVERY, "ended": ENDED, "all": None}[view], now)
    _tiles(opened, now)
    if not rows:
        _nothing(view)
    for row in rows:
        _case(opened, principal, row, now)
    if len(rows) >= SHOWN:
        st.caption(f"The newest {SHOWN} are shown; `metering recovery list --all` shows more.")
    if was_moving and not _is_moving(opened):
        st.rerun()  # nothing moves any more, so nothing need be looked at again


def _read(opened: Books, states: Sequence[str] | None, now: datetime) -> list[Row]:
    """Cases in some states; beside the open ones those that ended just now, so that nobody wonders where theirs went."""
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = recovery_cases.newest(connection, states=states, limit=SHOWN)
        if states == IN_RECOVERY:
            found += recovery_cases.ended_lately(connection, now - JUST_ENDED)
        names = refund_reads.names(connection, [case.customer_id for case in found if case.customer_id])
        numbers = refund_reads.invoice_numbers(connection, [case.invoice_id for case in found])
        attempts = recovery_cases.attempts_of(connection, [case.case_id for case in found])
    current = reading.current()
    costs = recovery_reads.usage_costs(current.warehouse, found) if current else {}
    return [
        Row(
            case,
            names.get(case.customer_id or "") or case.customer_id or "without a customer",
            numbers.get(case.invoice_id, case.invoice_id),
            attempts.get(case.case_id, []),
            costs.get(case.case_id),
            lifetime(
                reading.customer_months(current, case.customer_id, "service") if current and case.customer_id else ()
            ),
        )
        for case in found
    ]


def _tiles(opened: Books, now: datetime) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        ended = recovery_reads.failures(connection, ended_since=now - LATELY)
        at_risk = recovery_reads.failures(connection, states=IN_RECOVERY)
    current = reading.current()
    burned = "unknown"
    if current is not None:
        costs = recovery_reads.usage_costs(current.warehouse, at_risk)
        burned = wording.usd(recovery_metrics.burn_of_all(costs, {one.case_id: one.customer_id for one in at_risk}))
    tiles = (
        ("At risk", total_words(at_risk, IN_RECOVERY), wording.count(len(at_risk), "invoice")),
        ("In recovery", total_words(at_risk, TRYING), "try planned"),
        ("Recovered", total_words(ended, ("recovered",), recovered=True), "in 30 days"),
        ("Lost", total_words(ended, ("lost", "written_off")), "in 30 days"),
        ("AI cost burned", (burned, ""), "since they failed"),
    )
    with st.grid(5, min_column_width=150, gap="small") as grid:
        for label, (value, more), explained in tiles:
            with grid.cell():
                st.metric(label, value, more + explained, delta_color="off", delta_arrow="off", border=True)


def _nothing(view: str) -> None:
    with st.container(border=True, key="card_no_recovery", horizontal_alignment="center"):
        st.markdown("# :gray[:material/credit_score:]", width="content")
        words = "No payment is in recovery." if view == "open" else "No payment has failed so far."
        st.markdown(words, width="content")
        st.markdown(":gray[Failed payments come here by themselves, with every pull and webhook.]", width="content")


def _case(opened: Books, principal: Principal, row: Row, now: datetime) -> None:
    case = row.case
    label, color = LABELS[case.state]
    amount = wording.escape(wording.money_exact(case.amount_minor, case.currency))
    facts = " · ".join(
        wording.escape(part)
        for part in (
            f"invoice {row.invoice}",
            f"failed {wording.ago(case.failed_at, now)}",
            f"{(row.last_code or 'no code').replace('_', ' ')}: {CLASS_WORDS[case.decline_class]}",
            row.brand or "card not known",
        )
    )
    with st.container(border=True, key=f"card_recovery_{case.case_id}"):
        st.markdown(
            f"#### {amount} {case.currency.upper()} of {wording.escape(row.customer)} :{color}-badge[{label}]\n"
            f":small[:gray[{facts}]]"
        )
        _figures(row, now)
        st.markdown(f":material/info: {wording.escape(_said(row))}")
        _last_command(opened, row, now)
        _actions(opened, principal, row)
        with st.expander("Tries and steps", icon=":material/timeline:"):
            _history(opened, row)


def _said(row: Row) -> str:
    case = row.case
    if case.state == "recovered":
        return f"{case.sentence} Earned by: {ATTRIBUTION_WORDS[str(case.attribution)]}."
    return case.sentence


def _figures(row: Row, now: datetime) -> None:
    """Who tries next and what waiting costs: each with its unit, and words where a figure is unknown."""
    case, cost = row.case, row.cost
    unpriced = f" {cost.unpriced_events:,} events in it have no price." if cost and cost.unpriced_events else ""
    current = reading.current()
    profit = row.lifetime.profit_minor
    figures = (
        ("Next try", next_words(case, now), "In UTC. One of the two tries an invoice by itself, never both."),
        (
            "Tries",
            tries_words(row),
            f"All that were seen, the first included. The card's network allows {case.network_tries_left} more for now.",
        ),
        (
            "AI cost per day",
            "unknown" if cost is None else wording.usd(cost.per_day_pico_usd),
            "What the customer's usage cost us per day over the last week of known usage.",
        ),
        (
            "Burned while unpaid",
            "unknown" if cost is None else wording.usd(cost.since_pico_usd),
            f"What the customer's usage cost us from the day on which the payment failed until it ended, or until now.{unpriced}",
        ),
        (
            "Profit so far",
            "unknown" if profit is None or current is None else wording.money_exact(profit, current.currency),
            "The customer's net revenue minus AI cost over all months.",
        ),
    )
    with st.grid(5, min_column_width=140, gap="small") as grid:
        for label, value, explanation in figures:
            with grid.cell():
                st.markdown(f":small[:gray[{label}]]\n\n**{wording.escape(value)}**", help=explanation)


def _last_command(opened: Books, row: Row, now: datetime) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        commands = commands_of(connection, row.case)
    if commands and (commands[-1].is_open or commands[-1].state in {"refused", "needs_review"}):
        st.markdown(command_line(commands[-1], now))


def _actions(opened: Books, principal: Principal, row: Row) -> None:
    """Buttons by state; each opens a dialog that asks once more. Keys are the case's own, whatever row it is drawn in."""
    case = row.case
    with st.container(horizontal=True, gap="small"):
        may_try = (row.is_open and case.state != "retrying") or case.state == "lost"
        if may_try and st.button("Retry now", icon=":material/payments:", type="primary", key=f"retry_{case.case_id}"):
            recovery_dialogs.retry(opened, principal, row)
        may_write = case.state in recovery_mails.LINKABLE
        if may_write and st.button("Send link", icon=":material/mail:", key=f"link_{case.case_id}"):
            recovery_dialogs.send_link(opened, principal, row)
        may_rest = row.is_open and case.state not in {"retrying", "snoozed"}
        if may_rest and st.button("Snooze", icon=":material/snooze:", key=f"snooze_{case.case_id}"):
            recovery_dialogs.snooze(opened, principal, row)
        if case.state == "snoozed" and st.button("Wake", icon=":material/alarm:", key=f"wake_{case.case_id}"):
            recovery_dialogs.wake(opened, principal, row)
        if may_try and st.button(
            "Write off", icon=":material/money_off:", type="tertiary", key=f"write_off_{case.case_id}"
        ):
            recovery_dialogs.write_off(opened, principal, row)


def _history(opened: Books, row: Row) -> None:
    for attempt in row.attempts:
        said = "paid" if attempt.outcome == "succeeded" else f"declined: {attempt.decline_code or 'no code'}"
        codes = [
            f"{name} {value}"
            for name, value in (
                ("advice", attempt.advice_code),
                ("network", attempt.network_decline_code),
                ("network's advice", attempt.network_advice_code),
            )
            if value
        ]
        more = f" ({', '.join(codes)})" if codes else ""
        st.markdown(
            f"**{attempt.at:%d %b %Y %H:%M} UTC** tried by {BY_WORDS[attempt.by]}, "
            f"{wording.escape(said.replace('_', ' ') + more.replace('_', ' '))}"
        )
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        steps = read_steps(connection, "recovery", row.case.case_id)
        mailed = outgoing_mails.about(connection, [subject_of(row.case.case_id)])
    for step in steps:
        why = f": {wording.escape(step.why)}" if step.why else ""
        st.markdown(
            f":gray[{step.at:%d %b %Y %H:%M:%S} UTC] **{step.step.replace('_', ' ')}** by {wording.escape(step.who)}{why}"
        )
    for mail in mailed:
        st.markdown(
            f":gray[{mail.asked_at:%d %b %Y %H:%M:%S} UTC] mail **{mail.kind.removeprefix('recovery.').replace('_', ' ')}** "
            f"by {wording.escape(mail.asked_by)}: {mail.state.replace('_', ' ')}"
        )
