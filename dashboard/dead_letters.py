"""Events of Stripe that could not be handled: what they say, why they failed, what would change, and what to do with them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import polars as pl
import streamlit as st

from billing import dead_letters
from billing.principals import Principal
from dashboard import deeds, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from store import inbox
from store.database import tenant_transaction
from store.inbox import InboxEvent

PER_PAGE = 15
LOOK_AGAIN_SECONDS = 2
TOO_LATE = "Somebody else was quicker: it is no dead letter any more."
LONGEST_CELL = 120


def draw() -> None:
    """The page; without a database it says so."""
    principal = acting_as()
    opened = books()
    with shell.header("Dead letters", "Events of Stripe that could not be handled"):
        pass
    if opened is None:
        return
    deeds.say_what_was_done("dead_letters")
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        by_type = inbox.dead_by_type(connection)
        counts = inbox.counts(connection)
        searched_until = inbox.scanned_until(connection)
    _health(counts, searched_until)
    if not by_type:
        _nothing()
        return
    chosen = _filter(by_type)
    _all_at_once(opened, principal, chosen, by_type)
    st.fragment(_letters, run_every=LOOK_AGAIN_SECONDS if _is_moving(opened, counts) else None)(
        opened, principal, chosen
    )


def _health(counts: Mapping[str, int], searched_until: datetime | None) -> None:
    searched = f"{searched_until:%d %b %Y %H:%M} UTC" if searched_until else "never (no webhook is set up)"
    parts = [
        f"**{counts.get('dead', 0):,}** dead",
        f"**{counts.get('received', 0):,}** waiting to be handled",
        f"{counts.get('handled', 0):,} handled",
        f"{counts.get('discarded', 0):,} discarded",
        f"searched for missed ones until {searched}",
    ]
    st.markdown(" · ".join(parts))


def _is_moving(opened: Books, counts: Mapping[str, int]) -> bool:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        return bool(counts.get("received")) or bool(inbox.dry_runs_wanted(connection, limit=1))


def _filter(by_type: Mapping[str, int]) -> str | None:
    chosen: str | None = st.pills(
        "Event type",
        list(by_type),
        format_func=lambda name: f"{name} ({by_type[name]:,})",
        key="dead_type",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen


def _all_at_once(opened: Books, principal: Principal, chosen: str | None, by_type: Mapping[str, int]) -> None:
    number = by_type[chosen] if chosen else sum(by_type.values())
    what = f"all {number:,} of {chosen}" if chosen else f"all {number:,}"
    if st.button(f"Retry {what}", icon=":material/replay:", key="retry_all"):
        _confirm_retry(opened, principal, chosen, number)


def _letters(opened: Books, principal: Principal, chosen: str | None) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        page = int(st.session_state.get("dead_page", 1))
        found = inbox.newest(connection, states=("dead",), event_type=chosen, limit=PER_PAGE * page)
    for event in found:
        _letter(opened, principal, event)
    if len(found) == PER_PAGE * page and st.button("Show more", key="dead_more"):
        st.session_state["dead_page"] = page + 1
        st.rerun(scope="fragment")


def _letter(opened: Books, principal: Principal, event: InboxEvent) -> None:
    about = f"{event.object_kind} {event.object_id}" if event.object_id else "no object"
    with st.container(border=True, key=f"card_dead_{event.event_id}"):
        facts = [
            event.event_id,
            f"received {event.received_at:%d %b %Y %H:%M:%S} UTC by {event.source}",
            wording.count(event.attempts, "try", "tries"),
        ]
        st.markdown(
            f"#### {wording.escape(event.event_type)} :gray[{wording.escape(about)}]\n"
            f":small[:gray[{wording.escape(' · '.join(facts))}]]"
        )
        st.markdown(f":red[:material/error:] {wording.escape(event.last_error or 'No error was written down.')}")
        _dry_run(event)
        with st.container(horizontal=True, gap="small"):
            if st.button("Retry", icon=":material/replay:", type="primary", key=f"retry_{event.event_id}"):
                deeds.do(
                    opened,
                    "dead_letters",
                    lambda connection, now: dead_letters.retry(
                        connection, principal=principal, now=now, event_ids=[event.event_id]
                    ),
                    f"{event.event_id} is handled again.",
                    too_late=TOO_LATE,
                )
            if st.button("What would change?", icon=":material/difference:", key=f"dry_{event.event_id}"):
                deeds.do(
                    opened,
                    "dead_letters",
                    lambda connection, now: dead_letters.ask_for_dry_run(
                        connection, event.event_id, principal=principal, now=now
                    ),
                    f"What {event.event_id} would change is being found out; nothing is kept of it.",
                    too_late=TOO_LATE,
                )
            if st.button("Discard", icon=":material/delete:", type="tertiary", key=f"discard_{event.event_id}"):
                _confirm_discard(opened, principal, event)
        with st.expander("Payload", icon=":material/data_object:"):
            st.json(msgspec.json.decode(event.payload), expanded=1)


def _dry_run(event: InboxEvent) -> None:
    if event.dry_run_wanted_at is not None:
        st.markdown(":gray[:material/hourglass_top: The worker is finding out what would change.]")
        return
    if event.dry_run is None:
        return
    when = f"{event.dry_run_at:%H:%M:%S} UTC" if event.dry_run_at else ""
    if event.dry_run["error"]:
        st.markdown(
            f":orange[:material/warning:] A retry would fail again ({when}): {wording.escape(event.dry_run['error'])}"
        )
    elif not event.dry_run["changes"]:
        st.markdown(f":green[:material/check_circle:] A retry would succeed and change nothing ({when}).")
    else:
        st.markdown(f":green[:material/check_circle:] A retry would succeed ({when}) and change this:")
        st.dataframe(
            pl.DataFrame([_cells(change) for change in event.dry_run["changes"]]),
            hide_index=True,
            key=f"dry_table_{event.event_id}",
            alt="Object, field, value now and value after a retry",
        )


def _cells(change: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Object": change["object"],
        "Field": change["field"] or "whole object",
        "Now": _cell(change["before"]),
        "After": _cell(change["after"]),
    }


def _cell(value: Any) -> str:
    text = wording.UNKNOWN if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _nothing() -> None:
    with st.container(border=True, key="card_no_dead_letters", horizontal_alignment="center"):
        st.markdown("# :gray[:material/mark_email_read:]", width="content")
        st.markdown("Every event that came was handled.", width="content")


@st.dialog("Retry them all", icon=":material/replay:")
def _confirm_retry(opened: Books, principal: Principal, chosen: str | None, number: int) -> None:
    of_type = f" of {wording.escape(chosen)}" if chosen else ""
    st.markdown(f"{wording.count(number, 'dead letter')}{of_type} are handled again, with all their tries before them.")
    if st.button("Retry", type="primary", key="retry_all_submit"):
        deeds.do(
            opened,
            "dead_letters",
            lambda connection, now: dead_letters.retry(connection, principal=principal, now=now, event_type=chosen),
            f"{wording.count(number, 'event')} are handled again.",
            too_late=TOO_LATE,
        )


@st.dialog("Discard", icon=":material/delete:")
def _confirm_discard(opened: Books, principal: Principal, event: InboxEvent) -> None:
    st.markdown(
        f"{wording.escape(event.event_id)} is never handled after that. What Stripe says now still comes with the next pull."
    )
    reason = st.text_area("Why", key="discard_reason")
    if st.button("Discard for good", type="primary", key="discard_submit"):
        deeds.do(
            opened,
            "dead_letters",
            lambda connection, now: dead_letters.discard(
                connection, event.event_id, principal=principal, reason=reason, now=now
            ),
            f"{event.event_id} was discarded.",
            too_late=TOO_LATE,
        )
