"""Disputes, inquiries and early fraud warnings: until when each is to be answered, with what, and what each way is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from billing.dispute_states import ANSWERABLE, ENDED, ON_ITS_WAY
from billing.principals import Principal
from dashboard import deeds, dispute_cards, dispute_evidence, dispute_programs, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.dispute_rows import Row, row, warning_row
from store import dispute_reads, disputes, stripe_commands
from store.database import Connection, tenant_transaction
from store.disputes import DisputeCase

VIEWS = {
    "answer": "To answer",
    "inquiries": "Inquiries",
    "warnings": "Early fraud warnings",
    "submitted": "At the bank",
    "ended": "Ended",
}
SHOWN = 40
LOOK_AGAIN_SECONDS = 2
JUST_DONE, JUST_DONE_SHOWN = timedelta(minutes=15), 5
# A warning is old enough to say that no dispute came of it; banks take weeks.
MATURE = timedelta(days=60)


@dataclass(frozen=True)
class Surroundings:
    """What every row is weighed by: our own record of wins by reason, of warnings, and the fees that were booked."""

    won_by_reason: dict[str, tuple[int, int]]
    warnings_disputed: tuple[int, int]
    fees: dict[str, int]


def draw() -> None:
    """The page; without a database it says so."""
    principal = acting_as()
    opened = books()
    with shell.header("Disputes", "Answered once, in time, or given up for a reason"):
        pass
    if opened is None:
        return
    deeds.say_what_was_done("disputes")
    view = st.segmented_control(
        "Show",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="answer",
        required=True,
        key="dispute_view",
        bind="query-params",
        label_visibility="collapsed",
    )
    if view == "warnings":
        _warnings(opened, principal, datetime.now(UTC))
    else:
        _queue(opened, principal, view or "answer")
    dispute_programs.panel(opened)


def _queue(opened: Books, principal: Principal, view: str) -> None:
    """The rows; while the worker has the next word they are looked at again every two seconds."""
    is_moving = _is_moving(opened)
    st.fragment(_draw_rows, run_every=LOOK_AGAIN_SECONDS if is_moving else None)(opened, principal, view, is_moving)


def _is_moving(opened: Books) -> bool:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        sent = stripe_commands.newest(connection, states=stripe_commands.OPEN, limit=50)
    return any(command.kind.startswith("dispute.") for command in sent)


def _draw_rows(opened: Books, principal: Principal, view: str, was_moving: bool) -> None:
    now = datetime.now(UTC)
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = _cases(connection, view, now)
        around = surroundings(connection, now)
        payers = dispute_reads.payers(connection, [one.charge_id for one in found if one.charge_id])
        taken = dispute_reads.withdrawn(connection, [one.dispute_id for one in found])
        drafts = {one.case_id: disputes.draft(connection, one.case_id) for one in found if one.state in ANSWERABLE}
    rows = [
        row(
            one,
            customer=payer.name if (payer := payers.get(one.charge_id or "")) else None,
            completeness_percent=dispute_evidence.completeness_of(opened, one, drafts[one.case_id])
            if one.case_id in drafts
            else None,
            withdrawn=taken.get(one.dispute_id),
            won_by_reason=around.won_by_reason,
            fees=around.fees,
            now=now,
        )
        for one in found
    ]
    if view in {"answer", "inquiries"}:
        _tiles(rows)
    if not rows:
        _nothing(view)
    for one in rows:
        dispute_cards.draw(opened, principal, one, now)
    if len(rows) >= SHOWN:
        st.caption(f"The first {SHOWN} are shown; `metering disputes list --all` shows more.")
    if was_moving and not _is_moving(opened):
        st.rerun()  # nothing moves any more, so nothing need be looked at again


def _cases(connection: Connection, view: str, now: datetime) -> list[DisputeCase]:
    """The cases of a view; behind those to answer the ones that were answered lately, so that nobody wonders where theirs went."""
    if view == "submitted":
        return disputes.listed(connection, states=("submitted",), limit=SHOWN)
    if view == "ended":
        return disputes.newest(connection, states=ENDED, limit=SHOWN)
    is_inquiry = view == "inquiries"
    open_ones = disputes.listed(connection, states=(*ON_ITS_WAY, *ANSWERABLE), limit=200)
    found = [one for one in open_ones if one.is_inquiry == is_inquiry][:SHOWN]
    done = disputes.newest(connection, states=("submitted", "accepted"), limit=JUST_DONE_SHOWN)
    return found + [
        one
        for one in done
        if one.command_id is not None and one.changed_at >= now - JUST_DONE and one.is_inquiry == is_inquiry
    ]


def surroundings(connection: Connection, now: datetime) -> Surroundings:
    """Our own record, read once for all rows."""
    return Surroundings(
        dispute_reads.ended_by_reason(connection),
        dispute_reads.warnings_that_became_disputes(connection, before=now - MATURE),
        dispute_reads.fees_by_currency(connection),
    )


def _tiles(rows: Sequence[Row]) -> None:
    waiting = [one for one in rows if one.is_answerable]
    if not waiting:
        return
    soonest = next((one for one in waiting if one.case.due_by is not None), None)
    totals: dict[str, int] = {}
    for one in waiting:
        if one.case.currency and one.case.amount_minor is not None:
            totals[one.case.currency] = totals.get(one.case.currency, 0) + one.case.amount_minor
    amount = " + ".join(wording.money_exact(minor, currency) for currency, minor in sorted(totals.items()))
    with st.container(horizontal=True):
        number = wording.count(len(waiting), "case")
        st.metric("Waiting for an answer", amount, number, delta_color="off", delta_arrow="off", border=True)
        if soonest is not None:
            who = f"{soonest.customer}"
            st.metric(
                "Soonest deadline", soonest.deadline.words, who, delta_color="off", delta_arrow="off", border=True
            )


def _nothing(view: str) -> None:
    words = {
        "answer": "No dispute waits for an answer.",
        "inquiries": "No bank is asking.",
        "submitted": "No evidence is at a bank.",
        "ended": "No dispute has ended so far.",
        "warnings": "No issuer has called a payment fraud.",
    }
    with st.container(border=True, key="card_no_disputes", horizontal_alignment="center"):
        st.markdown("# :gray[:material/inbox:]", width="content")
        st.markdown(words[view], width="content")


def _warnings(opened: Books, principal: Principal, now: datetime) -> None:
    """Early fraud warnings; refunding in full is the one thing that helps, and only in the first days."""
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = dispute_reads.early_warnings(connection, limit=SHOWN)
        around = surroundings(connection, now)
    if not found:
        _nothing("warnings")
    for warning in found:
        one = warning_row(warning, disputed=around.warnings_disputed, fees=around.fees)
        dispute_cards.draw_warning(opened, principal, one, now)
