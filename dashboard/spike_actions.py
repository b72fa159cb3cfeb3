"""What can be said and done about an alert: real, expected, planned, put to sleep, no issue, given to somebody, taken back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import streamlit as st

from billing import alerts
from billing.principals import Principal
from dashboard import deeds, wording
from dashboard.books import Books
from dashboard.spike_rows import Row
from store import alert_reads
from store.alert_list import Line
from store.alert_reads import StoredAlert
from store.alerts import take_turns
from store.database import Connection

PAGE = "spikes"
MAY_NOT = "A viewer looks on. Choose another role in the sidebar to answer."
TOO_LATE = "It was answered a moment ago: look again, and then decide."
SNOOZE_DAYS = (1, 3, 7, 14, 30)
PLAN_DAYS = 7

Deed = Callable[..., object]


@dataclass(frozen=True)
class Choice:
    """A button: what it is called, what it does, what is said afterwards; `asks` opens a dialog first."""

    name: str
    label: str
    icon: str
    help: str
    deed: Deed | None = None
    said: str = ""
    asks: Callable[[Books, Principal, Row], None] | None = None


def draw(books: Books, principal: Principal, row: Row) -> None:
    """The buttons that make sense now, and a note that goes with the next of them."""
    may = principal.ranks_at_least("support")
    with st.container(key="spike_actions", gap="small"):
        note = st.text_input(
            "Note",
            key=f"note_{row.line.alert_id}_{_answered(row.line)}",  # empty again after an answer: it went with that one
            max_chars=500,
            placeholder="Note for the history (optional); goes with the next click",
            label_visibility="collapsed",
            disabled=not may,
        )
        with st.container(horizontal=True, gap="xsmall"):
            for choice in _choices(row):
                # The key names what was answered when the button was drawn: a second click of a double click finds it gone.
                if st.button(
                    choice.label,
                    icon=choice.icon,
                    key=f"{choice.name}_{row.line.alert_id}_{_answered(row.line)}",
                    type="primary" if choice.name == "confirm" else "secondary",
                    disabled=not may,
                    help=choice.help if may else MAY_NOT,
                ):
                    if choice.asks is not None:
                        choice.asks(books, principal, row)
                    elif choice.deed is not None:
                        _do(books, principal, row, choice.deed, choice.said, note or "")


def _choices(row: Row) -> list[Choice]:
    """By what has been said so far: what is answered can be taken back."""
    line, name = row.line, row.name
    confirm = Choice(
        "confirm", "It is real", ":material/check:", "Counts for the precision; it stays open until it has ended.",
        alerts.confirm, f"Noted: {name} is real.",
    )  # fmt: skip
    expected = Choice(
        "expected", "Expected", ":material/trending_up:", "This is the new normal: ends it, and the next days are held against it.",
        alerts.mark_expected, f"Noted: this is what to expect of {name} from now on.",
    )  # fmt: skip
    planned = Choice("planned", "Planned", ":material/event:", "A campaign, a migration: quiet until a day.", asks=plan)
    sleep = Choice(
        "snooze", "Snooze", ":material/snooze:", "Quiet for some days, unless it gets clearly worse.", asks=snooze
    )
    no_issue = Choice(
        "no_issue", "Not an issue", ":material/thumb_down:", "A false alert: ends it, and asks for more before the next one.",
        alerts.mark_not_an_issue, f"Noted: {name} is not an issue. The next alert of its kind takes more.",
    )  # fmt: skip
    give = Choice("assign", "Assign", ":material/person_add:", "Who looks into it.", asks=assign)
    undo = Choice(
        "undo",
        "Undo",
        ":material/undo:",
        "Takes the answer back and opens it again.",
        alerts.reopen,
        f"{name} is open again.",
    )
    if line.state == "resolved":
        return [undo] if line.verdict is not None else [confirm, no_issue]
    if row.is_snoozed:
        return [undo, confirm, expected, no_issue, give]
    if line.verdict is not None:
        return [undo, sleep, give]
    return [confirm, expected, planned, sleep, no_issue, give]


def _do(books: Books, principal: Principal, row: Row, deed: Deed, said: str, note: str, **more: Any) -> None:
    """Do it unless somebody was quicker since the button was drawn."""

    def once(connection: Connection, now: datetime) -> object:
        if answered_since(connection, books.tenant_id, row.line):
            return None
        return deed(connection, books.tenant_id, row.line.alert_id, principal=principal, now=now, note=note, **more)

    deeds.do(books, PAGE, once, said, too_late=TOO_LATE)


def answered_since(connection: Connection, tenant_id: UUID, seen: Line | StoredAlert) -> bool:
    """Whether people have said something else of it since it was seen so; until the transaction ends nobody can."""
    take_turns(connection, tenant_id)
    found = alert_reads.one(connection, seen.alert_id)
    return found is None or _answered(found) != _answered(seen)


def _answered(seen: Line | StoredAlert) -> str:
    """What people have said of it, as a text."""
    parts = (seen.state, seen.verdict, seen.planned_until, seen.snoozed_until, seen.assigned_to)
    return "_".join(str(part) for part in parts)


@st.dialog("Planned until", icon=":material/event:")
def plan(books: Books, principal: Principal, row: Row) -> None:
    """Until when a known cause makes it unusual."""
    today = datetime.now(UTC).date()
    st.markdown(f"**{wording.escape(row.name)}**: nothing is said of it until this day has passed.")
    until = st.date_input("Until", today + timedelta(days=PLAN_DAYS), min_value=today, key="plan_until")
    note = st.text_input("What is planned", key="plan_note", max_chars=500, placeholder="Launch, migration, load test")
    is_day = isinstance(until, date)
    if st.button("Keep quiet until then", type="primary", key="plan_submit", disabled=not is_day) and is_day:
        said = f"Planned: {row.name} is quiet until {wording.day_of(until)}."
        _do(books, principal, row, alerts.plan_until, said, note or "", until=until)


@st.dialog("Snooze", icon=":material/snooze:")
def snooze(books: Books, principal: Principal, row: Row) -> None:
    """For how long it rests."""
    days = st.segmented_control("Days", SNOOZE_DAYS, default=7, required=True, key="snooze_days")
    note = st.text_input("Note", key="snooze_note", max_chars=500, placeholder="Optional")
    st.caption("It stays under Snoozed meanwhile, and wakes before if it gets clearly worse.")
    if st.button("Snooze", type="primary", key="snooze_submit"):
        rest = timedelta(days=days or 7)
        said = f"{row.name} rests for {wording.count(rest.days, 'day')}."
        _do(books, principal, row, alerts.snooze, said, note or "", until=datetime.now(UTC) + rest)


@st.dialog("Assign", icon=":material/person_add:")
def assign(books: Books, principal: Principal, row: Row) -> None:
    """Who looks into it."""
    name = st.text_input("Who looks into it", principal.name, key="assign_name", max_chars=60)
    note = st.text_input("Note", key="assign_note", max_chars=500, placeholder="Optional")
    who = " ".join((name or "").split())
    if st.button(f"Assign to {wording.escape(who)}", type="primary", key="assign_submit", disabled=not who):
        _do(books, principal, row, alerts.assign, f"{row.name} is with {who} now.", note or "", name=who)
