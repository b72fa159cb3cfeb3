"""The dialogs of the recovery page: each writes one thing down and closes; what was done is said on the page behind it."""

from datetime import timedelta

import streamlit as st

from billing import recovery_deeds, recovery_mails
from billing.principals import Principal
from dashboard import deeds, wording
from dashboard.books import Books
from dashboard.recovery_rows import Row
from store.settings import load_settings

SNOOZE_DAYS = (1, 3, 7, 14)


def _named(row: Row) -> str:
    case = row.case
    return f"{wording.money_exact(case.amount_minor, case.currency)} {case.currency.upper()}"


@st.dialog("Try the payment now", icon=":material/payments:")
def retry(opened: Books, principal: Principal, row: Row) -> None:
    """Confirm a try; `row` is the one that was drawn, so a try made meanwhile is noticed."""
    case = row.case
    st.markdown(
        f"**{wording.escape(_named(row))}** are charged to the card of **{wording.escape(row.customer)}** at once."
    )
    if case.owner == "stripe" and case.next_attempt_at is not None:
        st.warning(
            f"Stripe tries this invoice by itself on {wording.moment_of(case.next_attempt_at)}, also after this try. Both count "
            "for the bank.",
            icon=":material/warning:",
        )
    st.caption(f"The card network allows {wording.count(case.network_tries_left, 'more try', 'more tries')} for now.")
    if st.button(f"Charge {_named(row).replace('$', chr(92) + '$')}", type="primary", key="retry_submit"):
        deeds.do(
            opened,
            "recovery",
            lambda connection, now: recovery_deeds.retry_now(
                connection,
                opened.tenant_id,
                case.case_id,
                try_number=case.try_number,
                principal=principal,
                now=now,
            ),
            f"Asked for: {_named(row)} are charged now.",
        )


@st.dialog("Send the payment link", icon=":material/mail:")
def send_link(opened: Books, principal: Principal, row: Row) -> None:
    """Mail the customer Stripe's page for the invoice, where any card pays it."""
    portal_url = load_settings().stripe_portal_url
    st.markdown(
        f"**{wording.escape(row.customer)}** gets a mail with Stripe's own page for this invoice, on which they can pay "
        f"{wording.escape(_named(row))} with any card."
    )
    if st.button("Send the link", type="primary", key="link_submit"):
        deeds.do(
            opened,
            "recovery",
            lambda connection, now: recovery_mails.send_link(
                connection, opened.tenant_id, row.case, principal, now, portal_url=portal_url
            ),
            "Asked for: the mail with the link goes out, once a day at most.",
        )


@st.dialog("Let it rest", icon=":material/snooze:")
def snooze(opened: Books, principal: Principal, row: Row) -> None:
    """Our tries and mails rest; Stripe's own tries go on."""
    case = row.case
    days = st.segmented_control("Days", SNOOZE_DAYS, default=7, required=True, key="snooze_days")
    why = st.text_input("Why", key="snooze_why", placeholder="Optional")
    st.caption("Our tries and mails rest. Stripe's own tries, where it has some planned, go on.")
    if st.button("Snooze", type="primary", key="snooze_submit"):
        rest = timedelta(days=days or 7)
        deeds.do(
            opened,
            "recovery",
            lambda connection, now: recovery_deeds.snooze(
                connection, opened.tenant_id, case.case_id, until=now + rest, why=why, principal=principal, now=now
            ),
            f"Rests for {wording.count(rest.days, 'day')}.",
        )


@st.dialog("Wake it", icon=":material/alarm:")
def wake(opened: Books, principal: Principal, row: Row) -> None:
    """End the rest."""
    if st.button("Go on now", type="primary", key="wake_submit"):
        deeds.do(
            opened,
            "recovery",
            lambda connection, now: recovery_deeds.snooze(
                connection, opened.tenant_id, row.case.case_id, until=now, why="woken", principal=principal, now=now
            ),
            "It goes on.",
        )


@st.dialog("Write the invoice off", icon=":material/money_off:")
def write_off(opened: Books, principal: Principal, row: Row) -> None:
    """Give the money up, with the reason."""
    st.markdown(
        f"**{wording.escape(_named(row))}** of **{wording.escape(row.customer)}** are given up: nothing is tried any more, and Stripe "
        "marks the invoice uncollectible, so it leaves the revenue."
    )
    why = st.text_area("Why", key="write_off_why")
    if st.button(f"Write off {_named(row).replace('$', chr(92) + '$')}", type="primary", key="write_off_submit"):
        deeds.do(
            opened,
            "recovery",
            lambda connection, now: recovery_deeds.write_off(
                connection, opened.tenant_id, row.case.case_id, why=why, principal=principal, now=now
            ),
            f"Written off: {_named(row)}.",
        )
