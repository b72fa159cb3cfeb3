"""The cards of the disputes page: a dispute or inquiry, and an early fraud warning, each with what can be done."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from billing.dispute_economics import Economics, Worth
from billing.principals import Principal
from dashboard import dispute_dialogs, dispute_evidence, wording
from dashboard.books import Books
from dashboard.command_state import command_line
from dashboard.dispute_rows import LABELS, WAY_LABELS, Row, WarningRow, reason_words, respond_by, worth_words
from store import stripe_commands
from store.database import tenant_transaction
from store.disputes import DisputeCase
from store.steps import read_steps


def draw(opened: Books, principal: Principal, one: Row, now: datetime) -> None:
    """One dispute or inquiry: what it is, until when, what each way is worth, what came of it, and what can be done."""
    case = one.case
    label, color = LABELS[case.state]
    currency = case.currency or "usd"
    until, until_color = respond_by(one)
    amount = wording.escape(f"{wording.money_exact(case.amount_minor, currency)} {currency.upper()}")
    deadline = f" :{until_color}-badge[:material/schedule: {wording.escape(until)}]" if until else ""
    facts = [f"charge {case.charge_id}", case.dispute_id]
    if case.opened_at is not None:
        facts.insert(0, f"opened {case.opened_at:%d %b %Y}")
    if case.fee_minor is not None:
        facts.append(f"Stripe's fee {wording.money_exact(case.fee_minor, case.fee_currency or currency)}")
    with st.container(border=True, key=f"card_dispute_{case.case_id}"):
        st.markdown(
            f"#### {amount} of {wording.escape(one.customer)} :{color}-badge[{label}]{deadline}\n"
            f"{wording.escape(reason_words(case))}{' · inquiry, no money taken yet' if case.is_inquiry else ''}  \n"
            f":small[:gray[{wording.escape(' · '.join(facts))}]]"
        )
        if one.economics is not None:
            _figures(one.completeness_percent, one.economics.ways, one.worth_currency)
            _grounds(one.economics)
        _came_of_it(opened, case, now)
        if one.is_answerable:
            _actions(opened, principal, one)
        with st.expander("Steps", icon=":material/timeline:"):
            _steps(opened, case)


def _figures(percent: int | None, ways: Sequence[Worth], currency: str) -> None:
    """How complete the evidence is, and what each way is worth; words where a figure is unknown."""
    cells: list[tuple[str, str, str, str | None]] = (
        [] if percent is None else [("Evidence complete", f"{percent} %", "of what a bank asks for", None)]
    )
    for worth in ways:
        figure, interval = worth_words(worth, currency)
        cells.append((WAY_LABELS[worth.way], figure, interval, worth.sentence))
    with st.grid(4, min_column_width=150, gap="small") as grid:
        for title, value, below, explanation in cells:
            with grid.cell():
                st.markdown(
                    f":small[:gray[{title}]]  \n**{wording.escape(value)}**  \n:small[:gray[{wording.escape(below)}]]",
                    help=explanation,
                )


def _grounds(found: Economics) -> None:
    """What the averages rest on: how many cases, and from which share on which way pays."""
    parts = [found.rate_words]
    if found.rate is not None:
        low, high = (wording.percent(ppm / 1_000_000, 0) for ppm in (found.rate.low_ppm, found.rate.high_ppm))
        parts.append(f"The share lies between {low} and {high} (95 %).")
    if found.break_even_ppm is not None:
        share = wording.percent(found.break_even_ppm / 1_000_000, 0)
        fights = found.of("fight") is not None
        parts.append(f"Fighting pays above {share}." if fights else f"Refunding is cheaper above {share}.")
    st.caption(wording.escape(" ".join(parts)))


def _came_of_it(opened: Books, case: DisputeCase, now: datetime) -> None:
    """What became of the last command, and what Stripe said when it refused one."""
    if case.outcome:
        st.markdown(f":red[:material/block:] Not done: {wording.escape(case.outcome)}")
    if case.command_id is None:
        return
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        command = stripe_commands.find(connection, case.command_id)
    if command is not None and not (case.outcome and command.state == "refused"):
        st.markdown(command_line(command, now))


def _actions(opened: Books, principal: Principal, one: Row) -> None:
    """Buttons by what the case is; each opens a dialog that asks once more. Keys are the case's own, whatever row it is drawn in."""
    case = one.case
    with st.container(horizontal=True, gap="small"):
        if st.button("Evidence", icon=":material/gavel:", type="primary", key=f"evidence_{case.case_id}"):
            dispute_evidence.open_for(opened, principal, one)
        if st.button("Accept", icon=":material/flag:", key=f"accept_{case.case_id}"):
            dispute_dialogs.accept(opened, principal, case)
        if case.is_inquiry and case.charge_id is not None:
            amount = wording.money_exact(case.amount_minor, case.currency or "usd")
            if st.button("Refund", icon=":material/undo:", key=f"refund_{case.case_id}"):
                dispute_dialogs.refund(opened, principal, case.charge_id, amount, f"the inquiry {case.dispute_id}")


def _steps(opened: Books, case: DisputeCase) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        steps = read_steps(connection, "dispute", case.case_id)
    for step in steps:
        why = f": {wording.escape(step.why)}" if step.why else ""
        label = LABELS[step.step][0]
        st.markdown(f"**{label}** {step.at:%d %b %Y %H:%M:%S} UTC by {wording.escape(step.who)}{why}")


def draw_warning(opened: Books, principal: Principal, one: WarningRow, now: datetime) -> None:
    """One early fraud warning: what it is about, how old it is, and the one thing that helps."""
    warning = one.warning
    color = {"To decide": "orange", "Disputed": "red", "Refunded": "green"}.get(one.state, "gray")
    currency = warning.currency or "usd"
    amount = wording.money_exact(warning.amount_minor, currency)
    fraud = (warning.fraud_type or "no kind given").replace("_", " ")
    facts = [f"charge {warning.charge_id}", warning.warning_id]
    if warning.came_at is not None:
        facts.insert(0, f"came {wording.ago(warning.came_at, now)}")
    with st.container(border=True, key=f"card_warning_{warning.warning_id}"):
        st.markdown(
            f"#### {wording.escape(amount)} {currency.upper()} of {wording.escape(one.customer)} :{color}-badge[{one.state}]\n"
            f"{wording.escape(fraud)}  \n:small[:gray[{wording.escape(' · '.join(facts))}]]"
        )
        if one.economics is None:
            return
        _figures(None, one.economics.ways, currency)
        _grounds(one.economics)
        st.caption("Only a full refund helps, and only before a dispute: within a day or two.")
        if warning.charge_id is not None and st.button(
            "Refund", icon=":material/undo:", type="primary", key=f"refund_{warning.warning_id}"
        ):
            about = f"the early fraud warning {warning.warning_id}"
            dispute_dialogs.refund(opened, principal, warning.charge_id, amount, about)
