"""The dialogs of the refund queue: each writes one thing down and closes; what was done is said on the page behind it."""

import streamlit as st

from billing import refund_rules, refunds
from billing.principals import Principal
from billing.refunds import Wanted
from dashboard import deeds, wording
from dashboard.books import Books
from pricing.money import exponent
from store.refund_requests import RefundRequest

REASON_WORDS = {
    "requested_by_customer": "Requested by the customer",
    "duplicate": "Charged twice",
    "fraudulent": "Fraudulent (Stripe also blocks the card and the e-mail address)",
}
FILE_TYPES = ["pdf", "png", "jpg", "jpeg", "txt", "eml", "csv"]


def _named(asked: RefundRequest) -> str:
    return wording.money_exact(asked.amount_minor, asked.currency) + f" {asked.currency.upper()}"


@st.dialog("New refund", icon=":material/undo:")
def ask(opened: Books, principal: Principal) -> None:
    """Ask for a refund by charge, payment or invoice."""
    of = st.text_input("Charge, payment or invoice", key="ask_of", placeholder="ch_…, pi_…, in_… or an invoice number")
    is_full = st.toggle("All that is left", value=True, key="ask_full")
    amount = None
    if not is_full:
        amount = st.number_input("Amount in minor units (cents)", min_value=1, step=1, value=None, key="ask_amount")
    reason = st.selectbox(
        "Reason", refund_rules.REASONS, format_func=REASON_WORDS.__getitem__, index=2, key="ask_reason"
    )
    note = st.text_area("Note for the team", key="ask_note", max_chars=1_000)
    if st.button("Ask for it", type="primary", key="ask_submit", disabled=not of or (not is_full and amount is None)):
        wanted = Wanted(of, None if is_full else int(amount or 0), reason, note)
        deeds.do(
            opened,
            "refunds",
            lambda connection, now: refunds.request(
                connection, opened.tenant_id, wanted, source="page", principal=principal, now=now
            ),
            "Asked for. Stripe is asked about the charge now; then somebody decides.",
        )


@st.dialog("Approve the refund", icon=":material/payments:")
def approve(opened: Books, principal: Principal, asked: RefundRequest) -> None:
    """Confirm an approval; what stands against it by the policy takes a reason."""
    st.markdown(f"**{wording.escape(_named(asked))}** go back to the customer. Stripe's fee does not come back.")
    if exponent(asked.currency) == 0:
        st.caption(f"{asked.currency.upper()} has no smaller unit.")
    against = [finding["sentence"] for finding in asked.findings or () if finding["level"] == "override"]
    for sentence in against:
        st.warning(wording.escape(sentence))
    override = st.text_area("Why all the same", key="approve_override") if against else None
    why = st.text_input("Note", key="approve_why", placeholder="Optional")
    if st.button(f"Refund {_named(asked).replace('$', chr(92) + '$')}", type="primary", key="approve_submit"):
        deeds.do(
            opened,
            "refunds",
            lambda connection, now: refunds.approve(
                connection,
                opened.tenant_id,
                asked.request_id,
                principal=principal,
                now=now,
                why=why,
                override_reason=override,
            ),
            f"Approved: {_named(asked)} are sent now.",
        )


@st.dialog("Decline the request", icon=":material/close:")
def decline(opened: Books, principal: Principal, asked: RefundRequest) -> None:
    """Say no, with the reason."""
    why = st.text_area("Why", key="decline_why")
    if st.button("Decline", type="primary", key="decline_submit"):
        deeds.do(
            opened,
            "refunds",
            lambda connection, now: refunds.decline(
                connection, opened.tenant_id, asked.request_id, principal=principal, why=why, now=now
            ),
            f"Declined: {_named(asked)} stay.",
        )


@st.dialog("Take the request back", icon=":material/undo:")
def take_back(opened: Books, principal: Principal, asked: RefundRequest) -> None:
    """Take it back as long as it was not sent."""
    why = st.text_input("Why", key="cancel_why", placeholder="Optional")
    if st.button("Take back", type="primary", key="cancel_submit"):
        deeds.do(
            opened,
            "refunds",
            lambda connection, now: refunds.cancel(
                connection, opened.tenant_id, asked.request_id, principal=principal, why=why or None, now=now
            ),
            "Taken back. Nothing was sent.",
        )


@st.dialog("Add evidence", icon=":material/attach_file:")
def attach(opened: Books, principal: Principal, asked: RefundRequest) -> None:
    """Put a file or a link beside the request."""
    file = st.file_uploader("A file, up to 5 MB", type=FILE_TYPES, key="attach_file")
    link = st.text_input("or a link", key="attach_link", placeholder="https://…")
    if st.button("Keep it", type="primary", key="attach_submit", disabled=file is None and not link):
        name, content = (file.name, file.getvalue()) if file is not None else (link, None)
        deeds.do(
            opened,
            "refunds",
            lambda connection, now: refunds.attach(
                connection,
                opened.tenant_id,
                asked.request_id,
                name=name,
                link=None if content is not None else link,
                content=content,
                media_type=file.type if file is not None else None,
                principal=principal,
                now=now,
            ),
            "Kept beside the request, with its hash.",
        )
