"""The small dialogs of the disputes page: giving one up, and refunding one."""

import streamlit as st

from billing import disputes as answers
from billing import refunds
from billing.principals import Principal
from billing.refunds import Wanted
from dashboard import deeds, wording
from dashboard.books import Books
from dashboard.refund_dialogs import REASON_WORDS
from store.disputes import DisputeCase


@st.dialog("Accept the dispute", icon=":material/flag:")
def accept(opened: Books, principal: Principal, case: DisputeCase) -> None:
    """Give it up, with the reason."""
    amount = wording.money_exact(case.amount_minor, case.currency or "usd") + f" {(case.currency or '').upper()}"
    st.warning(
        wording.escape(
            f"{amount} are given up for good. The dispute counts as lost, and no evidence is taken any more."
        ),
        icon=":material/warning:",
    )
    why = st.text_area("Why", key="accept_why", max_chars=1_000)
    if st.button(wording.escape(f"Give up {amount}"), type="primary", key="accept_submit"):
        deeds.do(
            opened,
            "disputes",
            lambda connection, now: answers.accept(
                connection, opened.tenant_id, case.case_id, principal=principal, why=why, now=now
            ),
            f"Accepted: Stripe is told to give up {amount}.",
        )


@st.dialog("Refund in full", icon=":material/undo:")
def refund(opened: Books, principal: Principal, charge_id: str, amount: str, about: str) -> None:
    """Ask for the full refund of a charge; the refund queue checks and decides it."""
    st.markdown(f"All that is left of **{wording.escape(amount)}** goes back, once the refund queue has decided it.")
    reason = st.selectbox(
        "Reason", list(REASON_WORDS), format_func=REASON_WORDS.__getitem__, key="dispute_refund_reason"
    )
    if st.button("Ask for the refund", type="primary", key="dispute_refund_submit"):
        wanted = Wanted(charge_id, None, reason, note=f"Because of {about}.", external_id=f"because of {about}")
        deeds.do(
            opened,
            "disputes",
            lambda connection, now: refunds.request(
                connection, opened.tenant_id, wanted, source="page", principal=principal, now=now
            ),
            "Asked for. It waits on the refunds page for a decision.",
        )
