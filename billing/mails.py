"""Mails and messages out: each is written down first under its occasion, and these rules say what follows from the answer."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from typing import Any, Literal
from uuid import UUID

from billing.principals import SYSTEM, Principal
from store import audit, outgoing_mails
from store.database import Connection
from store.outgoing_mails import OutgoingMail

# How long to wait after each conversation in which the server took nothing: three days in all, then a person is asked.
PATIENCE = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1_440, 1_440))
# For calls over HTTP, as Svix has it: eight tries within 28 hours.
CALL_PATIENCE = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000))
LONGEST_WAIT = timedelta(days=1)  # however long the other side asks for
SILENT = "The sender stopped after it had begun to hand the mail over, so it may have arrived."
SILENT_CALL = "The sender stopped after it had begun to send, so the message may arrive twice, under the same id."


# What a mail may add to the common headers: how to leave its list, and which mail it goes on from.
HEADERS = frozenset({"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "In-Reply-To", "References"})
LONGEST_HEADER = 998  # of a line, as RFC 5322 allows it


class MailNotAllowed(Exception):
    """This mail may not be asked for; the sentence says why, without the address."""


@dataclass(frozen=True)
class InlineImage:
    """A picture inside the HTML, shown there as `cid:content_id`; `media_type` such as `image/png`."""

    content_id: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Mail:
    """What shall be mailed to one address, once, or sent over one channel, whose name in the settings `recipient` then is.

    `key` names the occasion and is unique per tenant. `kind` groups mails of one sort, `about` is the object whose history
    they belong to. `html` must be readable with no picture loaded; `text` says the same. `headers` are some of HEADERS.
    """

    key: str
    kind: str
    about: str
    recipient: str
    subject: str
    text: str
    html: str | None = None
    images: tuple[InlineImage, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    channel: Literal["mail", "slack", "webhook"] = "mail"


@dataclass(frozen=True)
class Accepted:
    """The server took responsibility for the mail (250 after its last line)."""


@dataclass(frozen=True)
class Refused:
    """The server will never take this one (5xx of a mail server); the sentence says why. `is_gone`: nor any other."""

    status: int
    sentence: str
    is_gone: bool = False


@dataclass(frozen=True)
class Later:
    """To be tried again: not taken, for a reason that may pass. `wait` is how long the other side asked for at least.

    Of a mail it is certain that it was not taken; a message may have been, and is known by its id when it comes again.
    """

    trouble: str
    wait: timedelta | None = None


@dataclass(frozen=True)
class InDoubt:
    """The connection broke while the mail was handed over: it may have arrived."""

    trouble: str


Outcome = Accepted | Refused | Later | InDoubt


def ask(connection: Connection, tenant_id: UUID, mail: Mail, *, principal: Principal, now: datetime) -> OutgoingMail:
    """Write the mail and its audit line in the caller's open transaction; the same key again changes nothing.

    The worker is woken when that transaction commits. Raises MailNotAllowed for a stopped or impossible address.
    """
    refusal = why_not(connection, mail.recipient, mail.channel)
    if refusal is not None:
        raise MailNotAllowed(refusal)
    if any(sign in mail.subject for sign in "\r\n"):
        raise MailNotAllowed(f"The subject of {mail.key} has more than one line.")
    _check_headers(mail)
    asked, is_new = outgoing_mails.add(
        connection,
        tenant_id,
        mail_key=mail.key,
        kind=mail.kind,
        about=mail.about,
        recipient=mail.recipient,
        subject=mail.subject,
        text_body=mail.text,
        html_body=mail.html,
        images=[
            {
                "content_id": image.content_id,
                "media_type": image.media_type,
                "base64": base64.b64encode(image.content).decode(),
            }
            for image in mail.images
        ],
        headers=dict(mail.headers),
        channel=mail.channel,
        asked_by=str(principal),
        now=now,
    )
    if is_new:
        write_line(connection, asked, "ask", by=str(principal), now=now)
        outgoing_mails.wake(connection, asked.channel)
    return asked


def _check_headers(mail: Mail) -> None:
    for name, value in mail.headers.items():
        if name not in HEADERS:
            raise MailNotAllowed(f"A mail may not set the header {name!r}: it may set {', '.join(sorted(HEADERS))}.")
        if not (value.isascii() and value.isprintable() and value.strip() == value != ""):
            raise MailNotAllowed(f"The header {name} of {mail.key} is not one line of plain characters.")
        if len(f"{name}: {value}") > LONGEST_HEADER:
            raise MailNotAllowed(f"The header {name} of {mail.key} has more than {LONGEST_HEADER} characters.")


def why_not(connection: Connection, recipient: str | None, channel: str = "mail") -> str | None:
    """Why nothing can be sent there, in a sentence without the address; None when something can."""
    if channel != "mail":
        reason = outgoing_mails.stop_reason(connection, outgoing_mails.stop_key(channel, recipient or ""))
        return None if reason is None else f"Nothing is sent to {recipient}: {reason}"
    if not (recipient or "").strip():
        return "There is no e-mail address."
    assert recipient is not None, "just looked at"
    if not is_address(recipient):
        return "The e-mail address is none that mail can be sent to."
    reason = outgoing_mails.stop_reason(connection, recipient)
    return None if reason is None else f"No mail goes to this address: {reason}"


def is_address(given: str) -> bool:
    """Whether it is one plain address (`name@host`), with nothing around it that could become a header."""
    if any(sign in given for sign in "\r\n\0"):
        return False
    try:
        address = Address(addr_spec=given)
    except (ValueError, IndexError, MessageError):  # the parser's three ways to be surprised
        return False
    return bool(address.username and address.domain) and address.addr_spec == given


def cancel(connection: Connection, mail_id: UUID, *, why: str, principal: Principal, now: datetime) -> bool:
    """Take a mail back that nothing was handed over of; False when it is too late."""
    moved = outgoing_mails.move(
        connection, mail_id, from_states=("waiting",), now=now, state="canceled", last_trouble=why
    )
    if moved is not None:
        write_line(connection, moved, "cancel", by=str(principal), now=now, more={"why": why})
    return moved is not None


def send_again(connection: Connection, mail_id: UUID, *, principal: Principal, now: datetime) -> bool:
    """A person decides that a refused or doubtful mail is sent once more, under the same Message-ID; False when it is neither."""
    moved = outgoing_mails.move(
        connection, mail_id, from_states=("refused", "unknown"), now=now,
        state="waiting", attempts=0, next_attempt_at=now, last_trouble=None,
    )  # fmt: skip
    if moved is not None:
        write_line(connection, moved, "send_again", by=str(principal), now=now)
        outgoing_mails.wake(connection, moved.channel)
    return moved is not None


def stop(
    connection: Connection, tenant_id: UUID, address: str, *, reason: str, principal: Principal, now: datetime
) -> bool:
    """Send nothing more to this address, and say why to whoever wants to; False when that was so already."""
    is_new = outgoing_mails.add_stop(connection, tenant_id, address, reason=reason, by=str(principal), now=now)
    if is_new:
        audit.append(connection, at=now, principal=str(principal), action="mail_stop:add", subject="mail_stops")
    return is_new


def allow(connection: Connection, address: str, *, principal: Principal, now: datetime) -> bool:
    """Send to this address again; False when it was not stopped."""
    ended = outgoing_mails.end_stop(connection, address)
    if ended:
        audit.append(connection, at=now, principal=str(principal), action="mail_stop:end", subject="mail_stops")
    return ended


def after(mail: OutgoingMail, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The columns that an answer changes; pure."""
    match outcome:
        case Accepted():
            return {"state": "sent", "sent_at": now, "last_trouble": None}
        case Refused(sentence=sentence):
            return {"state": "refused", "last_trouble": sentence}
        case InDoubt(trouble=trouble):
            return {"state": "unknown", "last_trouble": trouble}
        case Later(trouble=trouble, wait=asked_for):
            patience = PATIENCE if mail.channel == "mail" else CALL_PATIENCE
            if mail.attempts > len(patience):
                return {"state": "refused", "last_trouble": f"Given up after {mail.attempts} tries: {trouble}"}
            wait = max(patience[mail.attempts - 1], min(asked_for or timedelta(0), LONGEST_WAIT))
            return {"state": "waiting", "last_trouble": trouble, "next_attempt_at": now + wait}


def write_line(
    connection: Connection,
    mail: OutgoingMail,
    verb: str,
    *,
    by: str = str(SYSTEM),
    now: datetime,
    more: Mapping[str, object] | None = None,
) -> None:
    """The audit line of a step. Neither the address nor the words stand in it: the log is kept for ever, mails need not be."""
    told = {"mail_id": mail.mail_id, "kind": mail.kind, "state": mail.state, **(more or {})}
    sort = "mail" if mail.channel == "mail" else "message"
    if sort == "message":
        told |= {"channel": mail.channel, "recipient": mail.recipient}  # a name from the settings, nobody's address
    audit.append(connection, at=now, principal=by, action=f"{sort}:{verb}", subject=mail.about, after=told)
