"""The dialog in which evidence is looked at, edited, staged and submitted; and what we hold for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import streamlit as st

from billing import disputes as answers
from billing import evidence_file
from billing.dispute_steps import DisputeNotAllowed
from billing.evidence import Evidence, assemble
from billing.evidence_facts import Holdings
from billing.evidence_holdings import NoSuchDispute, holdings
from billing.evidence_needs import ALL_TEXT_MAX, LONG_TEXT_MAX, TEXT_FIELDS, WHERE_FROM, completeness
from billing.evidence_pdf import EvidenceTooLong, evidence_pdf
from billing.principals import Principal
from billing.visa_ce3 import compelling
from dashboard import deeds, reading, wording
from dashboard.books import Books
from dashboard.dispute_rows import Row, reason_words, respond_by
from store import disputes
from store.database import tenant_transaction
from store.disputes import DisputeCase, Draft

CONFIRM = "dispute_confirm"
GENERATION = "dispute_evidence_generation"
LABELS = {name: name.replace("_", " ").capitalize() for name in TEXT_FIELDS}


@dataclass(frozen=True)
class Held:
    """What we hold about a dispute, put together, and a sentence on Visa's compelling evidence."""

    holdings: Holdings
    evidence: Evidence
    compelling: str


def held(opened: Books, case: DisputeCase) -> Held | None:
    """What we hold about a dispute, read at most once a minute; None where the mirror does not know it."""
    current = reading.current()
    return _held(opened, case.dispute_id, case.changed_at, None if current is None else current.version)


@st.cache_data(ttl=60, max_entries=200, show_spinner=False)
def _held(_opened: Books, dispute_id: str, _changed_at: datetime, _version: int | None) -> Held | None:
    current = reading.current()
    warehouse = None if current is None else current.warehouse
    with tenant_transaction(_opened.engine, _opened.tenant_id) as connection:
        try:
            found = holdings(connection, warehouse, dispute_id, now=datetime.now(UTC))
        except NoSuchDispute:
            return None
    return Held(found, assemble(found), compelling(found).sentence)


def completeness_of(opened: Books, case: DisputeCase, draft: Draft | None) -> int | None:
    """How much of what the reason calls for is there, in percent: in the draft, else in what we hold."""
    found = held(opened, case)
    if found is None:
        return None
    evidence = found.evidence
    if draft is None:
        return evidence.completeness_percent
    return completeness(evidence.reason, {*draft.fields, *evidence.shown_by_file})[0]


def open_for(opened: Books, principal: Principal, row: Row) -> None:
    """Open the dialog at its beginning, whatever a former one was left at."""
    st.session_state.pop(CONFIRM, None)
    edit(opened, principal, row)


@st.dialog("Evidence", icon=":material/gavel:", width="large")
def edit(opened: Books, principal: Principal, row: Row) -> None:
    """Look at the evidence, change it, stage it, submit it. Nothing leaves before its button is pressed."""
    case = row.case
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        draft = disputes.draft(connection, case.case_id)
    until, color = respond_by(row)
    amount = wording.money_exact(case.amount_minor, case.currency or "usd")
    st.markdown(
        f"**{wording.escape(amount)}** · {wording.escape(row.customer)} · {wording.escape(reason_words(case))}"
        f" :{color}-badge[{wording.escape(until)}]"
    )
    to_confirm = st.session_state.get(CONFIRM)
    if to_confirm is not None and draft is not None and to_confirm == (case.case_id, draft.version):
        _confirm(opened, principal, case, draft)
        return
    found = held(opened, case)
    if found is not None:
        _what_is_missing(found, draft)
        _document(opened, principal, case, found, draft)
    _form(opened, principal, case, found.evidence if found else None, draft)


def _what_is_missing(found: Held, draft: Draft | None) -> None:
    """How complete the evidence is, what is missing and where it comes from, what speaks against us; and all of it as a PDF."""
    evidence = found.evidence
    named = {*(draft.fields if draft else evidence.fields), *evidence.shown_by_file}
    percent, missing = completeness(evidence.reason, named)
    st.progress(percent / 100, f"{percent} % of what a bank asks for is there")
    for sentence in evidence.against:
        st.markdown(f":orange[:material/warning:] Against us, not sent: {wording.escape(sentence)}")
    if missing:
        with st.expander(f"Missing: {wording.count(len(missing), 'piece')}", icon=":material/playlist_add:"):
            for name in missing:
                label = LABELS.get(name, name.replace("_", " "))
                st.markdown(f"**{label}** {wording.escape(WHERE_FROM[name])}")
    st.caption(f"Visa Compelling Evidence 3.0: {wording.escape(found.compelling)}")


def _document(opened: Books, principal: Principal, case: DisputeCase, found: Held, draft: Draft | None) -> None:
    """All of it as a PDF: to look at, and to send along as a file."""
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        kept = evidence_file.document(connection, case.dispute_id)
    shown = found.evidence if draft is None else replace(found.evidence, fields=draft.fields)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.download_button(
            "Download as PDF",
            lambda: evidence_pdf(found.holdings, shown),
            file_name=f"evidence-{case.dispute_id}.pdf",
            mime="application/pdf",
            icon=":material/picture_as_pdf:",
            on_click="ignore",
            key="evidence_pdf",
        )
        # The texts may have been changed since: made anew, it has them; when nothing has changed, it is the one that is there.
        if (kept is None or kept.state != "on_its_way") and st.button(
            "Send a PDF along" if kept is None else "Make the PDF anew",
            icon=":material/attach_file:",
            key="evidence_file",
        ):
            _send_along(opened, principal, case)
        # While it is on its way the line looks again by itself; the texts beneath are not touched.
        is_moving = kept is not None and kept.state == "on_its_way"
        st.fragment(_where_the_document_is, run_every=2 if is_moving else None)(opened, case)


def _where_the_document_is(opened: Books, case: DisputeCase) -> None:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        kept = evidence_file.document(connection, case.dispute_id)
    if kept is None:
        return
    words = {
        "uploaded": ":green[:material/check_circle:] A PDF is at Stripe and goes with the evidence.",
        "on_its_way": ":blue[:material/sync:] A PDF is on its way to Stripe; then the evidence can be sent.",
        "refused": f":red[:material/block:] Stripe did not take the PDF: {wording.escape(kept.sentence or '')}",
    }
    st.markdown(words[kept.state], width="content")


def _send_along(opened: Books, principal: Principal, case: DisputeCase) -> None:
    """Have a PDF made of what is held and uploaded; the evidence waits for it."""
    current = reading.current()
    warehouse = None if current is None else current.warehouse
    try:
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            evidence_file.make(
                connection, opened.tenant_id, warehouse, case.case_id, principal=principal, now=datetime.now(UTC)
            )
    except (DisputeNotAllowed, NoSuchDispute, EvidenceTooLong) as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    st.rerun(scope="fragment")


def _form(
    opened: Books, principal: Principal, case: DisputeCase, evidence: Evidence | None, draft: Draft | None
) -> None:
    """The texts and the three buttons. Each text is its own field at Stripe; an empty one is left out."""
    held_texts: Mapping[str, str] = evidence.fields if evidence else {}
    said = f"version {draft.version} by {draft.written_by}" if draft else "put together from what is held; not kept yet"
    st.caption(wording.escape(f"The texts: {said}."))
    is_fresh = st.session_state.get(GENERATION, {}).get(case.case_id, 0)
    texts = draft.fields if draft is not None and not is_fresh else held_texts
    shown = [name for name in TEXT_FIELDS if name in texts or name in held_texts]
    others = [name for name in TEXT_FIELDS if name not in shown]
    with st.form(f"evidence_{case.case_id}", border=False):
        fields = {name: _field(case, name, texts.get(name, ""), is_fresh) for name in shown}
        with st.expander("Further fields", icon=":material/add:"):
            fields |= {name: _field(case, name, "", is_fresh) for name in others}
        with st.container(horizontal=True, gap="small"):
            submits = st.form_submit_button("Submit to the bank…", type="primary", icon=":material/send:")
            stages = st.form_submit_button("Stage at Stripe", icon=":material/cloud_upload:")
            keeps = st.form_submit_button("Keep the texts", icon=":material/save:")
    if draft is not None and held_texts and st.button("Start again from what is held", type="tertiary", key="fresh"):
        st.session_state[GENERATION] = {**st.session_state.get(GENERATION, {}), case.case_id: is_fresh + 1}
        st.rerun(scope="fragment")
    if submits or stages or keeps:
        _keep(opened, principal, case, fields, then="submit" if submits else "stage" if stages else "keep")


def _field(case: DisputeCase, name: str, text: str, generation: int) -> str:
    lines = min(12, 1 + max(text.count("\n") + 1, len(text) // 90))
    return st.text_area(
        LABELS[name],
        text,
        key=f"evidence_{case.case_id}_{name}_{generation}",
        height=28 * lines + 34,
        max_chars=LONG_TEXT_MAX,
    )


def _keep(opened: Books, principal: Principal, case: DisputeCase, fields: Mapping[str, str], *, then: str) -> None:
    """Write the version down, and stage it in the same transaction or go on to the question whether it is to be submitted."""
    now = datetime.now(UTC)
    try:
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            draft = answers.write(connection, opened.tenant_id, case.case_id, fields, principal=principal, now=now)
            if then == "stage":
                answers.stage(
                    connection, opened.tenant_id, case.case_id, version=draft.version, principal=principal, now=now
                )
    except DisputeNotAllowed as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    st.session_state.get(GENERATION, {}).pop(case.case_id, None)
    if then == "submit":
        st.session_state[CONFIRM] = (case.case_id, draft.version)
        st.rerun(scope="fragment")
    done = "is laid at Stripe; the bank does not get it yet" if then == "stage" else "is kept; nothing was sent"
    deeds.say("disputes", f"Version {draft.version} of the evidence {done}.")


def _confirm(opened: Books, principal: Principal, case: DisputeCase, draft: Draft) -> None:
    """The texts as they will be sent, and the last question."""
    total = sum(map(len, draft.fields.values()))
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        has_document = evidence_file.document(connection, case.dispute_id) is not None
    st.warning(
        f"The bank takes one answer. These {wording.count(len(draft.fields), 'text')} go to it as they stand: {total:,} of "
        f"{ALL_TEXT_MAX:,} characters, sha256 {draft.sha256[:12]}…"
        + (" The PDF goes with them." if has_document else ""),
        icon=":material/looks_one:",
    )
    for name, text in sorted(draft.fields.items(), key=lambda item: TEXT_FIELDS.index(item[0])):
        st.markdown(f"**{LABELS[name]}**")
        st.code(text, language=None, wrap_lines=True, height="content" if text.count("\n") < 12 else 220)
    with st.container(horizontal=True, gap="small"):
        if st.button("Submit now", type="primary", icon=":material/send:", key="dispute_submit"):
            deeds.do(
                opened,
                "disputes",
                lambda connection, now: answers.submit(
                    connection, opened.tenant_id, case.case_id, version=draft.version, principal=principal, now=now
                ),
                f"Version {draft.version} of the evidence is on its way to the bank.",
            )
        if st.button("Back to the texts", key="dispute_back"):
            st.session_state.pop(CONFIRM, None)
            st.rerun(scope="fragment")
