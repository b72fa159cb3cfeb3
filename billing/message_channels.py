"""The channels that messages go over: a person tries one, turns it off and on again; an address that says it is gone is off."""

import json
from datetime import datetime
from uuid import UUID, uuid4

from billing import mails
from billing.mails import Mail
from billing.principals import Principal
from store import message_channels
from store.database import Connection
from store.message_channels import KnownChannel
from store.outgoing_mails import OutgoingMail, stop_key

TEST = "channel.test"


class ChannelRefused(Exception):
    """This channel cannot be used like that, or not by this person; the sentence says why and what to do."""


def send_test(
    connection: Connection, tenant_id: UUID, name: str, *, principal: Principal, now: datetime
) -> OutgoingMail:
    """Put a message that says it is a test into the outbox. Raises ChannelRefused."""
    channel = _named(connection, name, principal)
    reason = mails.why_not(connection, name, channel.kind)
    if reason is not None:
        raise ChannelRefused(f"{reason} Turn it on first.")
    said = {"sentence": f"This is a test that {principal.name} sent. Messages about alerts will arrive here."}
    message = Mail(
        key=f"test:{uuid4()}", kind=TEST, about=f"channel:{name}", recipient=name, subject="A test", text=json.dumps(said), channel=channel.kind
    )  # fmt: skip
    return mails.ask(connection, tenant_id, message, principal=principal, now=now)


def send_test_mail(
    connection: Connection, tenant_id: UUID, address: str, *, principal: Principal, now: datetime
) -> OutgoingMail:
    """Put a mail that says it is a test into the outbox. Raises ChannelRefused and MailNotAllowed."""
    if not principal.ranks_at_least("lead"):
        raise ChannelRefused(
            f"A {principal.role} may see who gets the daily email; a lead, finance or a founder may try it."
        )
    said = f"This is a test that {principal.name} sent. The daily email will arrive at this address.\n"
    mail = Mail(key=f"test:{uuid4()}", kind=TEST, about="digest_settings", recipient=address, subject="A test of the daily email", text=said)  # fmt: skip
    return mails.ask(connection, tenant_id, mail, principal=principal, now=now)


def switch(
    connection: Connection, tenant_id: UUID, name: str, *, is_on: bool, principal: Principal, now: datetime
) -> bool:
    """Let messages go over a channel or not; False when that was so already. Raises ChannelRefused."""
    channel = _named(connection, name, principal)
    key = stop_key(channel.kind, name)
    if is_on:
        return mails.allow(connection, key, principal=principal, now=now)
    return mails.stop(
        connection, tenant_id, key, reason=f"{principal.name} turned it off.", principal=principal, now=now
    )


def _named(connection: Connection, name: str, principal: Principal) -> KnownChannel:
    if not principal.ranks_at_least("lead"):
        raise ChannelRefused(f"A {principal.role} may see the channels; a lead, finance or a founder may use them.")
    found = next((each for each in message_channels.configured(connection) if each.name == name), None)
    if found is None:
        raise ChannelRefused(f"The settings name no channel {name!r} (any more).")
    return found
