"""The investor report: closed months with what is locked of each, the report as it looks, what has changed since, and its links."""

from datetime import date
from functools import partial
from typing import Literal
from uuid import UUID

import streamlit as st

from billing import investor_reports, report_words
from billing.investor_reports import ReportRefused, SnapshotDamaged, Standing
from billing.principals import Principal
from billing.report_page import document
from billing.report_pdf import report_pdf
from billing.report_xlsx import report_xlsx
from dashboard import deeds, reading, report_dialogs, report_links_list, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.reading import Reading
from pricing.investor_report import InvestorReport
from pricing.report_view import Redaction, View, view
from store import investor_reports as kept
from store import warehouse_report
from store.database import tenant_transaction
from store.investor_reports import Snapshot

PAGE = "investor_report"
MONTHS_SHOWN = 24
RESTATEMENTS_SHOWN = 5
REDACTIONS: dict[Redaction, str] = {"all": "All figures", "percentages": "Percentages only", "indexed": "Indexed"}
MAY_NOT = "Locking and sharing take a founder or finance: choose the role in the sidebar."


def draw() -> None:
    """The page; without a published version or a database it says what is missing."""
    principal, opened, current = acting_as(), books(), reading.current()
    with shell.header("Investor report", "A closed month on one page, locked as it was shown"):
        pass
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    if opened is None:
        return
    months = warehouse_report.closed_months(current.warehouse)[:MONTHS_SHOWN]
    if not months:
        shell.not_found(
            "No month has closed yet", "A report is of a month that has ended. Come back after the first one has."
        )
        return
    deeds.say_what_was_done(PAGE)
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        snapshots = kept.listed(connection)
    chosen = _choose(months, snapshots)
    try:
        if chosen[1] is None:
            _unlocked(opened, current, principal, chosen[0])
        else:
            _locked(opened, current, principal, chosen[1], [one for one in snapshots if one.month == chosen[0]])
    except (ReportRefused, SnapshotDamaged) as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/gpp_bad:")
    reading.freshness_line(current)


def _choose(months: list[date], snapshots: list[Snapshot]) -> tuple[date, Snapshot | None]:
    """The month and, where it is locked, which revision; both stand in the address."""
    latest = {one.month: one for one in reversed(snapshots)}
    names = {
        f"{month:%Y-%m}": f"{wording.month(month)} \u00b7 "
        + (f"locked, revision {latest[month].revision}" if month in latest else "not locked")
        for month in months
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.selectbox(
            "Month", list(names), format_func=names.__getitem__, key="report_month", bind="query-params", width=300
        )
        month = next(one for one in months if f"{one:%Y-%m}" == (asked or f"{months[0]:%Y-%m}"))
        revisions = {str(one.revision): one for one in snapshots if one.month == month}
        if len(revisions) < 2:
            return month, next(iter(revisions.values()), None)
        number = st.selectbox("Revision", list(revisions), key=f"report_revision_{month:%Y%m}", width=120)
    return month, revisions[number or next(iter(revisions))]


def _unlocked(opened: Books, current: Reading, principal: Principal, month: date) -> None:
    report = _preview(current, month)
    with st.container(border=True, key="card_state"):
        st.markdown(
            f"### :material/lock_open: {wording.month(month)} is not locked\n:small[:gray[These figures may still change. "
            "Lock the month before you show it: what was shown is then kept as it was.]]"
        )
        _lock_button(opened, current, principal, month, after_revision=0, label="Lock this month")
    redaction = _redaction()
    _report(view(report, redaction), (str(current.warehouse.file), month, redaction))


def _locked(
    opened: Books, current: Reading, principal: Principal, snapshot: Snapshot, revisions: list[Snapshot]
) -> None:
    report = _content(opened, snapshot)
    stands = _standing(opened, current, snapshot)
    redaction_key = st.session_state.get("report_redaction", "all")
    with st.container(border=True, key="card_state"):
        st.markdown(
            f"### :material/lock: {wording.month(snapshot.month)} is locked, revision {snapshot.revision}\n"
            f":small[:gray[{wording.moment_of(snapshot.locked_at)} by {wording.escape(snapshot.locked_by)}: "
            f"{wording.escape(snapshot.reason)}. Content SHA-256]] `{snapshot.content_hash[:16]}\u2026`"
        )
        _changes(stands, current.currency)
        with st.container(horizontal=True):
            if st.button(
                "Share", icon=":material/share:", type="primary", key="share", disabled=not investor_reports.may_lock(principal),
                help=None if investor_reports.may_lock(principal) else MAY_NOT, on_click=report_dialogs.forget,
            ):  # fmt: skip
                report_dialogs.share(opened, principal, snapshot, report)
            _downloads(view(report, redaction_key or "all", snapshot.content_hash))
            if snapshot == revisions[0] and stands.parts:
                _lock_button(
                    opened, current, principal, snapshot.month, after_revision=snapshot.revision, label="Lock again as revision "
                    f"{snapshot.revision + 1}",
                )  # fmt: skip
    report_links_list.draw(opened, principal, snapshot)
    redaction = _redaction()
    _report(view(report, redaction, snapshot.content_hash), (_id(opened.tenant_id, snapshot), redaction))


def _lock_button(
    opened: Books, current: Reading, principal: Principal, month: date, *, after_revision: int, label: str
) -> None:
    may = investor_reports.may_lock(principal)
    kind: Literal["primary", "secondary"] = "secondary" if after_revision else "primary"
    if st.button(label, icon=":material/lock:", type=kind, key="lock", disabled=not may, help=None if may else MAY_NOT):
        report_dialogs.lock(opened, principal, current, month, after_revision)


def _changes(stands: Standing, currency: str) -> None:
    """What has changed since the lock: one sentence, and the parts that sum to it."""
    sentence = report_words.changes_sentence(stands.snapshot.locked_at, stands.then, stands.now, stands.parts, currency)
    if not stands.parts:
        st.markdown(f":green[:material/check_circle:] {wording.escape(sentence)}")
        return
    st.markdown(f":orange[:material/history:] {wording.escape(sentence)}")
    with st.expander("What changed, by cause"), st.container(key="changes"):
        st.table(
            {
                "Cause": [report_words.CAUSE_WORDS[part.cause].capitalize() for part in stands.parts] + ["Together"],
                "Net revenue": [wording.money_exact(part.revenue_minor, currency, plus=True) for part in stands.parts]
                + [_moved(stands.then.net_revenue_minor, stands.now.net_revenue_minor, currency)],
                "AI cost": [wording.money_exact(part.cost_minor, currency, plus=True) for part in stands.parts]
                + [_moved(stands.then.cost_minor, stands.now.cost_minor, currency)],
                "Margin": [report_words.points(part.margin) for part in stands.parts]
                + [report_words.points(report_words.moved(stands.then.margin, stands.now.margin))],
                "Largest movements": [
                    wording.escape(report_words.details_words(part.details, currency)) for part in stands.parts
                ]
                + [""],
            }
        )
        for line in report_words.restatement_words(stands.restatements)[:RESTATEMENTS_SHOWN]:
            st.caption(f"Priced again: {wording.escape(line)}")


def _moved(before: int | None, after: int | None, currency: str) -> str:
    return (
        wording.UNKNOWN if before is None or after is None else wording.money_exact(after - before, currency, plus=True)
    )


def _downloads(shown: View) -> None:
    hidden = "" if shown.redaction == "all" else f"-{shown.redaction}"
    name = f"investor-report-{shown.month:%Y-%m}-r{shown.revision}{hidden}"
    for kind, make, icon in (("pdf", report_pdf, "picture_as_pdf"), ("xlsx", report_xlsx, "table_view")):
        st.download_button(
            kind.upper(), data=partial(make, shown), file_name=f"{name}.{kind}", icon=f":material/{icon}:", key=f"download_{kind}",
            on_click="ignore",
        )  # fmt: skip


def _redaction() -> Redaction:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("### The report", width="content")
        return st.segmented_control(
            "Shown with", list(REDACTIONS), format_func=REDACTIONS.__getitem__, default="all", required=True, key="report_redaction",
            label_visibility="collapsed", help="The same choice goes for the PDF and the workbook.", width="content",
        )  # fmt: skip


def _report(shown: View, key: tuple[object, ...]) -> None:
    """The report as the shared link shows it, in a frame of its own; `key` names what is shown."""
    page = reading.kept_figure(("report page", *key), lambda: document(shown))
    with st.container(border=True, key="card_report"):
        st.iframe(str(page), height="content", alt=f"The report of {wording.month(shown.month)}")


def _preview(current: Reading, month: date) -> InvestorReport:
    """What a month's report says today; a version never changes, so it is worked out once."""
    found = reading.kept_figure(
        ("report", str(current.warehouse.file), month), lambda: investor_reports.preview(current.warehouse, month)
    )
    assert isinstance(found, InvestorReport), "that is what is kept under this key"
    return found


def _content(opened: Books, snapshot: Snapshot) -> InvestorReport:
    def read() -> InvestorReport:
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            return investor_reports.report_of(connection, snapshot)

    found = reading.kept_figure(("snapshot", _id(opened.tenant_id, snapshot)), read)
    assert isinstance(found, InvestorReport), "that is what is kept under this key"
    return found


def _standing(opened: Books, current: Reading, snapshot: Snapshot) -> Standing:
    def compare() -> Standing:
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            return investor_reports.standing(connection, current.warehouse, snapshot)

    key = ("standing", _id(opened.tenant_id, snapshot), str(current.warehouse.file))
    found = reading.kept_figure(key, compare)
    assert isinstance(found, Standing), "that is what is kept under this key"
    return found


def _id(tenant_id: UUID, snapshot: Snapshot) -> str:
    return f"{tenant_id}/{snapshot.snapshot_id}"
