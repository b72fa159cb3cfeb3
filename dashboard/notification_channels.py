"""Slack and webhooks on the page Notifications: tried, turned off and on; and what became of the last mails and messages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from billing import alert_messages, mails, message_channels
from billing.principals import Principal
from dashboard import deeds, delivery_rows, shell, wording
from dashboard.books import Books
from store import outgoing_mails
from store.database import tenant_transaction
from store.message_channels import KnownChannel
from store.outgoing_mails import OutgoingMail, stop_key

PAGE = "notifications"
LOOK_AGAIN_SECONDS = 2
KINDS = (
    "digest",
    alert_messages.OPENED,
    alert_messages.WORSENED,
    alert_messages.RESOLVED,
    alert_messages.MORE,
    message_channels.TEST,
)
HOW = """\
# in .env, then start again (`metering up`)
METERING_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/…
METERING_ALERT_WEBHOOKS=ops=https://ops.acme.example/alerts,whsec_…
"""


def draw(opened: Books, principal: Principal, channels: Sequence[KnownChannel], stopped: Mapping[str, str]) -> None:
    """The channels that the settings name; how to name one where there is none."""
    subtitle = "New, much worse and ended alerts, as they are found"
    with shell.card("channels", "Slack and webhooks", subtitle):
        if not channels:
            st.markdown(
                ":gray[:material/forum:] No channel is set up. Name Slack's incoming webhook, or one of your own:"
            )
            st.code(HOW, language="bash", wrap_lines=True)
            st.caption(
                "Addresses and secrets stay in the settings and are shown nowhere. A webhook's secret is whsec_ before what `openssl rand -base64 32` says."
            )
        for channel in channels:
            _channel(opened, principal, channel, stopped.get(stop_key(channel.kind, channel.name)))


def _channel(opened: Books, principal: Principal, channel: KnownChannel, stop: str | None) -> None:
    may = principal.ranks_at_least("lead")
    title = "Slack" if channel.kind == "slack" else f"Webhook {channel.name}"
    icon = ":material/tag:" if channel.kind == "slack" else ":material/webhook:"
    state = ":green-badge[:material/check: on]" if stop is None else ":orange-badge[:material/block: off]"
    with st.container(key=f"attention_channel_{channel.name}"):
        why = f"  \n:orange[:material/warning:] {wording.escape(stop)}" if stop else ""
        st.markdown(
            f"{icon} **{wording.escape(title)}** {state}  \n"
            f":small[:gray[{wording.escape(channel.host)} · set up {wording.day_of(channel.configured_at)}]]{why}"
        )
        with st.container(horizontal=True, gap="small"):
            if st.button(
                "Send a test", icon=":material/send:", key=f"test_{channel.name}", disabled=not may or stop is not None
            ):
                deeds.do(
                    opened, PAGE,
                    lambda connection, now: message_channels.send_test(
                        connection, opened.tenant_id, channel.name, principal=principal, now=now
                    ),
                    f"A test to {title} was written down; below it says whether it arrived.",
                )  # fmt: skip
            words, icon = ("Turn off", ":material/pause:") if stop is None else ("Turn on", ":material/play_arrow:")
            if st.button(words, icon=icon, key=f"switch_{channel.name}", disabled=not may):
                deeds.do(
                    opened, PAGE,
                    lambda connection, now: message_channels.switch(
                        connection, opened.tenant_id, channel.name, is_on=stop is not None, principal=principal, now=now
                    ),
                    f"{title} is {'off' if stop is None else 'on'}.",
                    too_late="That was so already.",
                )  # fmt: skip


def draw_deliveries(opened: Books, principal: Principal, limit: int) -> None:
    """The last mails and messages; looked at again by itself while one is on its way."""
    is_moving = any(mail.state in {"waiting", "sending"} for mail in _last(opened, limit))
    st.fragment(_deliveries, run_every=LOOK_AGAIN_SECONDS if is_moving else None)(opened, principal, limit)


def _deliveries(opened: Books, principal: Principal, limit: int) -> None:
    found = _last(opened, limit)
    with shell.card("deliveries", "Last deliveries", "What was sent of this, and what the other side said"):
        if not found:
            st.markdown(":gray[:material/outbox:] Nothing was sent yet. Send a test to see that it arrives.")
        for mail in found:
            _delivery(opened, principal, mail)


def _last(opened: Books, limit: int) -> list[OutgoingMail]:
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        return outgoing_mails.newest(connection, limit=limit, kinds=KINDS)


def _delivery(opened: Books, principal: Principal, mail: OutgoingMail) -> None:
    now = datetime.now(UTC)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key=f"attention_{mail.mail_id}"
    ):
        sort, place = wording.escape(delivery_rows.kind(mail)), wording.escape(delivery_rows.place(mail))
        lines = [f"**{sort}** · :gray[{place} · {wording.ago(mail.asked_at, now)}]", delivery_rows.line(mail, now)]
        if mail.kind != message_channels.TEST:
            lines.insert(1, wording.escape(mail.subject))
        st.markdown(
            "  \n".join(lines),
            width="content",
        )
        if mail.state in {"refused", "unknown"} and st.button(
            "Send again",
            icon=":material/replay:",
            key=f"again_{mail.mail_id}",
            disabled=not principal.ranks_at_least("lead"),
        ):
            deeds.do(
                opened, PAGE,
                lambda connection, now: mails.send_again(connection, mail.mail_id, principal=principal, now=now),
                "It is sent once more.",
                too_late="Somebody else was quicker: it is on its way already.",
            )  # fmt: skip
