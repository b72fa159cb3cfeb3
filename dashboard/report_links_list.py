"""The links of a locked month: for whom, until when, what they hide, who used them, and ending one."""

from datetime import UTC, datetime

import streamlit as st

from billing import investor_reports
from billing.principals import Principal
from dashboard import report_dialogs, wording
from dashboard.books import Books
from store import report_links
from store.database import tenant_transaction
from store.investor_reports import Snapshot
from store.report_links import ReportLink, View

DONE = {
    "opened": "gave the password", "wrong_password": "gave a wrong password", "throttled": "was turned away after wrong passwords",
    "page": "looked at the report", "pdf": "downloaded the PDF", "xlsx": "downloaded the workbook", "verified": "compared a hash or a file",
}  # fmt: skip
SUSPICIOUS = frozenset({"wrong_password", "throttled"})


def draw(opened: Books, principal: Principal, snapshot: Snapshot) -> None:
    """One row per link, open ones first; nothing where the revision was never shared."""
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        links = report_links.listed(connection, snapshot.snapshot_id)
        logs = {link.link_id: report_links.view_log(connection, link.link_id) for link in links}
    if not links:
        return
    now = datetime.now(UTC)
    with st.container(border=True, key="card_links"):
        st.markdown(
            f"### Links\n:small[:gray[{wording.count(sum(link.is_open(now) for link in links), 'open link')} to this revision]]"
        )
        for link in sorted(links, key=lambda link: not link.is_open(now)):
            _link(opened, principal, link, logs[link.link_id], now)


def _link(opened: Books, principal: Principal, link: ReportLink, log: list[View], now: datetime) -> None:
    with st.container(key=f"attention_{link.link_id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(
                f"**{wording.escape(link.label)}** {_state(link, now)}\n\n:small[:gray[{report_dialogs.SHOWS[link.redaction][0]} \u00b7 "  # type: ignore[index]  # the database's own words
                f"made {wording.day_of(link.created_at)} by {wording.escape(link.created_by)} \u00b7 {_seen(log)}]]",
                width="content",
            )
            may = link.is_open(now) and investor_reports.may_lock(principal)
            if link.is_open(now) and st.button(
                "Revoke", key=f"revoke_{link.link_id}", icon=":material/link_off:", disabled=not may
            ):
                report_dialogs.revoke(opened, principal, link)
        if log:
            with st.expander(f"View log, {wording.count(len(log), 'entry', 'entries')}"):
                _log(log)


def _state(link: ReportLink, now: datetime) -> str:
    if link.revoked_at is not None:
        return f":gray-badge[:material/link_off: revoked {wording.day_of(link.revoked_at)}]"
    if not link.is_open(now):
        return f":gray-badge[:material/event_busy: ended {wording.day_of(link.expires_at)}]"
    return f":green-badge[:material/link: open until {wording.day_of(link.expires_at)}]"


def _seen(log: list[View]) -> str:
    looked = [view for view in log if view.kind == "page"]
    return (
        "nobody has looked yet"
        if not looked
        else f"{wording.count(len(looked), 'visit')}, last {wording.moment_of(looked[0].at)}"
    )


def _log(log: list[View]) -> None:
    st.dataframe(
        {
            "When (UTC)": [view.at.astimezone(UTC).replace(tzinfo=None) for view in log],
            "What": [("\u26a0 " if view.kind in SUSPICIOUS else "") + DONE[view.kind] for view in log],
            "From": [view.address or wording.UNKNOWN for view in log],
            "Program": [view.agent or wording.UNKNOWN for view in log],
        },
        hide_index=True,
        height="content" if len(log) < 8 else 300,
        alt="Who used this link, when, from where and with what",
    )
