"""Who is told of alerts and when: the daily email, Slack and webhooks, and what became of the last messages."""

import streamlit as st

from dashboard import deeds, notification_channels, notification_recipients, shell
from dashboard.acting_as import acting_as
from dashboard.books import books
from store import digests, message_channels, outgoing_mails
from store.database import tenant_transaction
from store.tenants import list_tenants

PAGE = "notifications"
PER_LIST = 12


def draw() -> None:
    """The page; without a database it says so."""
    principal = acting_as()
    opened = books()
    with shell.header("Notifications", "Who is told of alerts, when and where"):
        pass
    if opened is None:
        return
    deeds.say_what_was_done(PAGE)
    if not principal.ranks_at_least("lead"):
        st.caption(
            f":material/lock: As {principal.role} you may read this page. A lead, finance or a founder may change it: "
            "choose your role in the sidebar."
        )
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        settings = digests.settings(connection)
        recipients = digests.recipients(connection)
        channels = message_channels.configured(connection)
        stopped = outgoing_mails.stopped(connection)
    currency = next(
        each.reporting_currency for each in list_tenants(opened.engine) if each.tenant_id == opened.tenant_id
    )
    left, right = st.columns([3, 2])
    with left:
        notification_recipients.draw(opened, principal, recipients, stopped)
        notification_channels.draw(opened, principal, channels, stopped)
    with right:
        notification_recipients.draw_settings(opened, principal, settings, currency)
    notification_channels.draw_deliveries(opened, principal, PER_LIST)
