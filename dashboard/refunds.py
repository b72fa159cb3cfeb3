"""The refund queue: what waits for a decision, what is on its way and what became of it, with what each refund costs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import streamlit as st

from billing.principals import Principal
from billing.refund_states import ON_ITS_WAY, OPEN, UNDECIDED
from dashboard import deeds, reading, refund_dialogs, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.command_state import command_line
from dashboard.refund_rows import LABELS, Row, age_words, open_totals, row
from store import refund_reads, refund_requests, stripe_commands
from store.database import tenant_transaction
from store.refund_requests import RefundRequest
from store.steps import read_steps
from store.stripe_commands import Command

VIEWS = {"open": "Open", "ended": "Ended", "all": "All"}
ENDED = ("settled", "declined", "canceled", "failed")
SOURCES = {"page": "page", "api": "API", "import": "import"}
SHOWN = 40
LOOK_AGAIN_SECONDS = 2
JUST_ENDED, JUST_ENDED_SHOWN = timedelta(minutes=15), 5
FINDING_ICONS = {"stop": ":red[:material/block:]", "override": ":orange[:material/warning:]"}


def draw() -> None:
    """The page; without a database it says so."""
    principal = acting_as()
    opened = books()
    with shell.header("Refunds", "Asked for, checked, decided, sent, followed to the end"):
        if opened is not None and st.button("New refund", icon=":material/add:", type="primary", key="new_refund"):
            refund_dialogs.ask(opened, principal)
    if opened is None:
        return
    deeds.say_what_was_done("refunds")
    view = st.segmented_control(
        "Show",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="open",
        required=True,
        key="refund_view",
        bind="query-params",
        label_visibility="collapsed",
    )
    _queue(opened, principal, view or "open")


def _queue(opened: Books, principal: Principal, view: str) -> None:
    """The rows; while the worker or Stripe has the next word they are looked at again every two seconds."""
    is_moving = _is_moving(opened)
    st.fragment(_draw_rows, run_every=LOOK_AGAIN_SECONDS if is_moving else None)(opened, principal, view, is_moving)


def _is_moving(opened: Books) -> bool:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        counted = refund_requests.counts(connection)
    return any(counted.get(state) for state in ("requested", *ON_ITS_WAY))


def _draw_rows(opened: Books, principal: Principal, view: str, was_moving: bool) -> None:
    states = {"open": OPEN, "ended": ENDED, "all": None}[view]
    now = datetime.now(UTC)
    rows, commands = _read(opened, states, just_ended_since=now - JUST_ENDED if view == "open" else None)
    _tiles(rows, view)
    if not rows:
        _nothing(view)
    for one in rows:
        _request(opened, principal, one, commands.get(one.asked.request_id), now)
    if len(rows) >= SHOWN:
        st.caption(f"The newest {SHOWN} are shown; `metering refunds list --all` shows more.")
    if was_moving and not any(one.is_waiting_for_us for one in rows) and view != "ended" and not _is_moving(opened):
        st.rerun()  # nothing moves any more, so nothing need be looked at again


def _read(
    opened: Books, states: Sequence[str] | None, *, just_ended_since: datetime | None
) -> tuple[list[Row], dict[UUID, Command]]:
    """Requests in some states; behind them those that ended since a moment, so that nobody wonders where theirs went."""
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = refund_requests.newest(connection, states=states, limit=SHOWN)
        if just_ended_since is not None:
            ended = refund_requests.newest(connection, states=ENDED, limit=JUST_ENDED_SHOWN)
            found += [one for one in ended if one.changed_at >= just_ended_since]
        names = refund_reads.names(connection, [one.customer_id for one in found if one.customer_id])
        numbers = refund_reads.invoice_numbers(connection, [one.invoice_id for one in found if one.invoice_id])
        fees = refund_reads.fees(connection, [one.charge_id for one in found])
        commands = {
            one.request_id: command
            for one in found
            if one.command_id and (command := stripe_commands.find(connection, one.command_id))
        }
    current = reading.current()
    costs = (
        refund_reads.invoice_costs(current.warehouse, [one.invoice_id for one in found if one.invoice_id])
        if current
        else {}
    )
    rows = [
        row(
            one,
            customer=names.get(one.customer_id or ""),
            invoice=numbers.get(one.invoice_id or ""),
            cost=costs.get(one.invoice_id or ""),
            fee=fees.get(one.charge_id),
            months=reading.customer_months(current, one.customer_id, "service") if current and one.customer_id else (),
            reporting_currency=current.currency if current else None,
        )
        for one in found
    ]
    return rows, commands


def _tiles(rows: Sequence[Row], view: str) -> None:
    if view == "ended" or not rows:
        return
    with st.container(horizontal=True):
        for label, states in (("Waiting for a decision", UNDECIDED), ("On its way", ON_ITS_WAY)):
            totals = open_totals(rows, states)
            number = sum(one.asked.state in states for one in rows)
            amount = " + ".join(wording.money_exact(minor, currency) for currency, minor in sorted(totals.items()))
            st.metric(
                label,
                amount or "none",
                f"{wording.count(number, 'request')}",
                delta_color="off",
                delta_arrow="off",
                border=True,
            )


def _nothing(view: str) -> None:
    with st.container(border=True, key="card_no_refunds", horizontal_alignment="center"):
        st.markdown("# :gray[:material/inbox:]", width="content")
        words = "No refund waits." if view == "open" else "No refund has been asked for so far."
        st.markdown(words, width="content")
        st.markdown(
            ":gray[“New refund” asks for one; the API and `metering refunds import` do as well.]", width="content"
        )


def _request(opened: Books, principal: Principal, one: Row, command: Command | None, now: datetime) -> None:
    asked = one.asked
    label, color = LABELS[asked.state]
    amount = wording.escape(wording.money_exact(asked.amount_minor, asked.currency))
    with st.container(border=True, key=f"card_refund_{asked.request_id}"):
        st.markdown(
            f"#### {amount} {asked.currency.upper()} to {wording.escape(one.customer)} :{color}-badge[{label}]\n"
            f":small[:gray[{_facts(one, now)}]]"
        )
        if asked.note:
            st.markdown(f":material/sticky_note_2: {wording.escape(asked.note)}")
        _figures(one)
        _standing(asked)
        if command is not None and (command.is_open or asked.state in {"sent", "failed"}):
            st.markdown(f"{command_line(command, now)}")
        if asked.outcome and asked.state in {"failed", "declined", "canceled"}:
            st.markdown(f":material/info: {wording.escape(asked.outcome)}")
        _actions(opened, principal, asked)
        with st.expander("Steps and evidence", icon=":material/timeline:"):
            _steps(opened, asked)


def _facts(one: Row, now: datetime) -> str:
    asked = one.asked
    parts = [
        f"invoice {one.invoice}" if one.invoice else f"charge {asked.charge_id}",
        asked.reason.replace("_", " "),
        f"by {asked.requested_by} through the {SOURCES[asked.source]}, {age_words(asked, now)}",
    ]
    return " · ".join(wording.escape(part) for part in parts)


def _figures(one: Row) -> None:
    """What the refund costs us: each with its unit, and words where a figure is unknown."""
    cost, fee, currency = one.cost, one.fee, _reporting_currency()
    burned = "unknown" if cost is None else wording.usd(cost.cost_pico_usd)
    span = (
        f"{cost.period_start:%d %b} to {cost.period_end:%d %b %Y}"
        if cost
        else "no usage period is known for this charge"
    )
    unpriced = f"; {cost.unpriced_events:,} events in it have no price" if cost and cost.unpriced_events else ""
    figures = (
        (
            "AI cost of the invoice",
            burned,
            f"What the customer's usage in the invoice's period cost us: {span}{unpriced}.",
        ),
        (
            "Profit so far",
            _profit(one.lifetime.profit_minor, one.lifetime.share, currency),
            "The customer's net revenue minus AI cost over all months, and the margin that this is.",
        ),
        (
            "Stripe fee kept",
            "unknown" if fee is None else f"{wording.money_exact(fee[0], fee[1])}",
            "What Stripe charged for the payment; a refund does not bring it back.",
        ),
        (
            "Profit after",
            _profit(one.after_minor, one.after_share, currency),
            f"Profit so far less this refund, before Stripe's fee; unknown where the refund is not in {currency.upper()}.",
        ),
    )
    with st.grid(4, min_column_width=140, gap="small") as grid:
        for label, value, explanation in figures:
            with grid.cell():
                st.markdown(f":small[:gray[{label}]]\n\n**{wording.escape(value)}**", help=explanation)


def _profit(minor: int | None, share: Fraction | None, currency: str) -> str:
    """An amount with its margin; no margin where nothing is left that it could be a share of."""
    if minor is None:
        return "unknown"
    return wording.money_exact(minor, currency) + ("" if share is None else f" ({wording.percent(share)})")


def _reporting_currency() -> str:
    current = reading.current()
    return current.currency if current else "usd"


def _standing(asked: RefundRequest) -> None:
    if asked.check_trouble:
        st.markdown(
            f":orange[:material/cloud_off:] Stripe could not be asked yet: {wording.escape(asked.check_trouble)}"
        )
    for finding in asked.findings or ():
        words = {"stop": "Cannot be refunded: ", "override": "Against the policy: "}[finding["level"]]
        st.markdown(f"{FINDING_ICONS[finding['level']]} {words}{wording.escape(finding['sentence'])}")
    if asked.findings == [] and asked.state in UNDECIDED:
        st.markdown(":green[:material/check_circle:] Stripe says that nothing stands against it.")


def _actions(opened: Books, principal: Principal, asked: RefundRequest) -> None:
    """Buttons by state; each opens a dialog that asks once more. Keys are the request's own, whatever row it is drawn in."""
    is_stopped = any(finding["level"] == "stop" for finding in asked.findings or ())
    with st.container(horizontal=True, gap="small"):
        if asked.state in {"checked", "evidence"}:
            if st.button(
                "Approve",
                icon=":material/check:",
                type="primary",
                key=f"approve_{asked.request_id}",
                disabled=is_stopped,
                help="Nobody can approve it: the reason stands above." if is_stopped else None,
            ):
                refund_dialogs.approve(opened, principal, asked)
            if st.button("Decline", icon=":material/close:", key=f"decline_{asked.request_id}"):
                refund_dialogs.decline(opened, principal, asked)
            if st.button("Add evidence", icon=":material/attach_file:", key=f"attach_{asked.request_id}"):
                refund_dialogs.attach(opened, principal, asked)
        if asked.state in {*UNDECIDED, "decided"} and st.button(
            "Take back", icon=":material/undo:", type="tertiary", key=f"cancel_{asked.request_id}"
        ):
            refund_dialogs.take_back(opened, principal, asked)


def _steps(opened: Books, asked: RefundRequest) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        steps = read_steps(connection, "refund", asked.request_id)
        kept = refund_requests.evidence(connection, asked.request_id)
    for step in steps:
        why = f": {wording.escape(step.why)}" if step.why else ""
        st.markdown(f"**{step.step}** {step.at:%d %b %Y %H:%M:%S} UTC by {wording.escape(step.who)}{why}")
    for item in kept:
        where = f"[{wording.escape(item.name)}]({item.link})" if item.link else wording.escape(item.name)
        st.markdown(f":material/attach_file: {where} :gray[sha256 {item.sha256[:12]}…]")
