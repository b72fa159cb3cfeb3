"""The dialogs of the investor report: locking a month, and sharing a locked one with its password shown once."""

from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import streamlit as st

from billing import investor_reports, report_links
from billing.investor_reports import ReportRefused
from billing.principals import Principal
from billing.report_links import Shared
from billing.report_page import document
from dashboard import deeds, wording
from dashboard.books import Books
from dashboard.reading import Reading
from pricing.investor_report import InvestorReport
from pricing.report_view import Redaction, view
from store.database import tenant_transaction
from store.investor_reports import Snapshot
from store.report_links import ReportLink

PAGE = "investor_report"
DAYS = (7, 14, 30, 90)
SHOWS: dict[Redaction, tuple[str, str]] = {
    "all": ("All figures", "Amounts and customers by name."),
    "percentages": (
        "Percentages only",
        "No amounts: shares of revenue, margins, ratios and counts. Customers by name.",
    ),
    "indexed": ("Indexed", "The trend's first month is 100, customers are Customer A, Customer B … without plans."),
}
MADE = "report_link_made"


@st.dialog("Lock the month", icon=":material/lock:")
def lock(opened: Books, principal: Principal, current: Reading, month: date, after_revision: int) -> None:
    """Confirm a lock; `after_revision` is the latest one that was drawn, so that a lock made meanwhile is noticed."""
    st.markdown(
        f"**{wording.month(month)}** is kept as it stands now, as revision {after_revision + 1}. It can be shown and shared, "
        "and never changed: what comes later is told beside it, by cause."
    )
    reason = st.text_input("Why", key="lock_reason", placeholder="Board meeting of 3 November", max_chars=300)
    if st.button("Lock it", type="primary", key="lock_submit", disabled=not reason.strip()):
        deeds.do(
            opened,
            PAGE,
            lambda connection, now: investor_reports.lock(
                connection, current.warehouse, month, reason=reason, after_revision=after_revision, principal=principal, now=now
            ),
            f"{wording.month(month)} is locked as revision {after_revision + 1}.",
        )  # fmt: skip


def forget() -> None:
    """Forget the link that was made last: its password is shown once."""
    st.session_state.pop(MADE, None)


@st.dialog("Share the report", icon=":material/share:", width="large", on_dismiss=forget)
def share(opened: Books, principal: Principal, snapshot: Snapshot, report: InvestorReport) -> None:
    """Make a link; afterwards the dialog shows its address and its password, once."""
    made = st.session_state.get(MADE)
    if isinstance(made, Shared):
        _made(made)
        return
    label = st.text_input("Who it is for", key="share_label", placeholder="Angel Fund, partner meeting", max_chars=120)
    left, right = st.columns(2)
    with left:
        days = st.selectbox("Ends after", DAYS, index=1, format_func=lambda days: f"{days} days", key="share_days")
    with right:
        redaction = st.selectbox("Shows", list(SHOWS), format_func=lambda name: SHOWS[name][0], key="share_redaction")
    st.caption(SHOWS[redaction][1])
    if st.button("Make the link", type="primary", key="share_submit", disabled=not label.strip()):
        _make(opened, principal, snapshot, redaction, days, label)
    st.markdown("##### What they will see")
    st.iframe(document(view(report, redaction, snapshot.content_hash)), height=360, alt="What the link will show")


def _make(opened: Books, principal: Principal, snapshot: Snapshot, redaction: Redaction, days: int, label: str) -> None:
    try:
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            made = report_links.share(
                connection,
                snapshot,
                redaction=redaction,
                days=days,
                label=label,
                principal=principal,
                now=datetime.now(UTC),
            )
    except ReportRefused as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    st.session_state[MADE] = made
    st.rerun(scope="fragment")


def _made(made: Shared) -> None:
    here = urlsplit(st.context.url or "")
    st.success(
        f"Made for {wording.escape(made.link.label)}, until {wording.day_of(made.link.expires_at)}.",
        icon=":material/check_circle:",
    )
    st.markdown("Address")
    st.code(f"{here.scheme}://{here.netloc}/shared/{made.token}", language=None, wrap_lines=True)
    st.markdown("Password")
    st.code(made.password, language=None)
    st.warning("Neither is shown again. Send the password another way than the address.", icon=":material/visibility:")
    if st.button("Done", key="share_done", type="primary"):
        forget()
        st.rerun()


@st.dialog("Revoke the link", icon=":material/link_off:")
def revoke(opened: Books, principal: Principal, link: ReportLink) -> None:
    """Confirm the end of a link."""
    st.markdown(f"The link for **{wording.escape(link.label)}** shows nothing any more, also to who has it open.")
    if st.button("Revoke it", type="primary", key="revoke_submit"):
        deeds.do(
            opened,
            PAGE,
            lambda connection, now: report_links.revoke(connection, link.link_id, principal=principal, now=now),
            f"The link for {link.label} shows nothing any more.",
        )
