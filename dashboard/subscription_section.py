"""A customer's subscription on their page: how it stands, what became of the last change, and the ways to change or undo it."""

from datetime import UTC, datetime
from uuid import uuid4

import streamlit as st

from billing import subscriptions
from billing.commands import Command
from billing.principals import Principal
from billing.subscription_changes import Release
from billing.subscriptions import Held
from dashboard import shell, subscription_dialog, wording
from dashboard import subscription_words as words
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.command_state import command_line
from store import stripe_commands
from store.database import tenant_transaction
from store.settings import load_settings

SHOWN = 3


def draw(customer_id: str) -> None:
    """The card, with a row for each living subscription, or else for the one that ended last."""
    with shell.card("subscription", "Subscription", "As Stripe has it; changes go out through the outbox, once"):
        if load_settings().database_url is None:
            st.markdown(":gray[:material/database_off: Changing it needs the queues in Postgres (DATABASE_URL).]")
            return
        ground = books()
        if ground is None:
            return
        principal = acting_as()
        with tenant_transaction(ground.engine, ground.tenant_id) as connection:
            found = subscriptions.held(connection, customer_id)
            started = subscriptions.started(connection, customer_id)
        living = [one for one in found if not one.is_over]
        for one in (living or found)[:SHOWN]:
            _row(ground, customer_id, one, principal)
        if len(living) > SHOWN:
            st.caption(f"{len(living) - SHOWN} more are not shown.")
        if not living:
            _start(ground, customer_id, started, principal)


def _row(ground: Books, customer_id: str, one: Held, principal: Principal) -> None:
    id_ = one.subscription["id"]
    for item in one.subscription["items"]["data"]:
        st.markdown(words.item_line(item, one.offers))
    st.markdown(words.state_line(one))
    if one.commands:
        _last_change(ground, one.commands[-1])
    if one.is_over:
        return
    for line in words.plan_lines(one, datetime.now(UTC)):
        st.markdown(line)
    is_busy = bool(one.commands) and one.commands[-1].is_open
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Change\u2026",
            key=f"change_{id_}",
            icon=":material/tune:",
            disabled=is_busy,
            help="Plan, quantity, now or at a date, trial, pause, cancel: with what it costs, before anything happens.",
        ):
            subscription_dialog.change(ground, customer_id, id_, principal, uuid4().hex, None)
        if one.schedule is not None and st.button(
            "Drop the plan\u2026", key=f"release_{id_}", icon=":material/event_busy:"
        ):
            let_go = Release(one.schedule["id"])
            subscription_dialog.change(ground, customer_id, id_, principal, uuid4().hex, let_go)
        back = subscriptions.undo(one)
        if back is not None and st.button("Undo the last change\u2026", key=f"undo_{id_}", icon=":material/undo:"):
            subscription_dialog.change(ground, customer_id, id_, principal, uuid4().hex, back)


def _start(ground: Books, customer_id: str, started: list[Command], principal: Principal) -> None:
    if started:
        _last_change(ground, started[-1])
    elif customer_id:
        st.markdown(":gray[:material/autorenew: Nothing renews by itself for this customer.]")
    is_busy = bool(started) and started[-1].is_open
    if st.button("Subscribe\u2026", key="subscribe", icon=":material/add:", disabled=is_busy):
        subscription_dialog.start(ground, customer_id, principal, uuid4().hex)


def _last_change(ground: Books, command: Command) -> None:
    """What became of the last change; looks again every two seconds while it is on its way, then draws the page anew."""

    def line() -> None:
        with tenant_transaction(ground.engine, ground.tenant_id) as connection:
            now_is = stripe_commands.find(connection, command.command_id) or command
        by = f"{wording.escape(now_is.requested_by)}, {wording.ago(now_is.requested_at, datetime.now(UTC))}"
        name = now_is.kind.removeprefix("subscription.").replace("_", " ").replace(".", " ")
        st.markdown(f":small[Last change: **{name}** by {by}. {command_line(now_is, datetime.now(UTC))}]")
        if command.is_open and not now_is.is_open:
            st.rerun()

    st.fragment(line, run_every=2.0 if command.is_open else None)()
