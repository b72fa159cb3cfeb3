"""What a button does: one deed in one transaction, its refusal shown where it was asked for, and a sentence on what was done."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import streamlit as st

from billing import dead_letters, reconciliation, subscriptions
from billing.alerts import AlertNotFound, AlertRefused
from billing.digest_settings import DigestNotAllowed
from billing.dispute_states import NoSuchMove
from billing.dispute_steps import DisputeNotAllowed
from billing.investor_reports import ReportRefused
from billing.mails import MailNotAllowed
from billing.message_channels import ChannelRefused
from billing.meter_rules import MeterRuleRefused
from billing.price_book import PriceBookNotAllowed
from billing.recovery_deeds import RecoveryNotAllowed
from billing.refund_states import NoSuchStep
from billing.refund_steps import RefundNotAllowed
from dashboard import wording
from dashboard.books import Books
from pricing.contracts import TermRefused
from store.database import Connection, tenant_transaction

# Each is a sentence for the person who pressed the button; anything else is a fault and is shown as one.
REFUSALS = (
    AlertNotFound,
    AlertRefused,
    ChannelRefused,
    DigestNotAllowed,
    DisputeNotAllowed,
    MailNotAllowed,
    MeterRuleRefused,
    NoSuchMove,
    NoSuchStep,
    PriceBookNotAllowed,
    RecoveryNotAllowed,
    RefundNotAllowed,
    ReportRefused,
    TermRefused,
    dead_letters.ReasonMissing,
    reconciliation.ReasonMissing,
    subscriptions.NotAllowedError,
)
SAID_FOR = timedelta(minutes=1)


def do(
    opened: Books,
    page: str,
    deed: Callable[[Connection, datetime], object],
    said: str,
    *,
    too_late: str | None = None,
) -> None:
    """Do it in one transaction, close the dialog and say so on the page; a refusal stays where it was asked for.

    `too_late` is said instead where the deed returns nothing because somebody else was quicker.
    """
    try:
        with tenant_transaction(opened.engine, opened.tenant_id) as connection:
            done = deed(connection, datetime.now(UTC))
    except REFUSALS as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    say(page, said if done or too_late is None else too_late)


def say(page: str, sentence: str) -> None:
    """Close the dialog and say this on the page behind it."""
    st.session_state[f"{page}_said"] = (sentence, datetime.now(UTC))
    st.rerun()


def say_what_was_done(page: str) -> None:
    """The sentence of the last deed, for a minute: the page may be drawn several times while the deed takes its course."""
    said, at = st.session_state.get(f"{page}_said", ("", None))
    if at is not None and datetime.now(UTC) - at < SAID_FOR:
        st.success(wording.escape(said), icon=":material/check_circle:")
