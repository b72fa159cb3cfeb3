"""The rows of the mails and messages on their way out: written once per occasion, claimed by lease, moved by whoever holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from store.schema import mail_stops, outgoing_mails

# What wakes those who send: mails and calls have each their own, so that a slow server of one kind keeps no other waiting.
CHANNEL, CALLS = "outgoing_mails", "outgoing_calls"

table = outgoing_mails.c


@dataclass(frozen=True)
class OutgoingMail:
    """One mail to one address, or one message over a channel. Times have a zone; `about` is the subject its audit lines stand under.

    `channel` is `mail`, `slack` or `webhook`; for the last two `recipient` is the channel's name in the settings and `text_body` the
    message as JSON, which the sender turns into what the other side reads. `images` are `{"content_id", "media_type", "base64"}`, shown
    in the HTML as `cid:content_id`; `headers` stand beside the common ones.
    """

    mail_id: UUID
    mail_key: str
    kind: str
    about: str
    recipient: str
    subject: str
    text_body: str
    html_body: str | None
    images: Sequence[Mapping[str, str]]
    headers: Mapping[str, str]
    state: str
    attempts: int
    next_attempt_at: datetime
    lease_token: UUID | None
    lease_until: datetime | None
    last_trouble: str | None
    asked_by: str
    asked_at: datetime
    sent_at: datetime | None
    channel: str = "mail"

    @property
    def stop_key(self) -> str:
        """Under what nothing more is sent to where this one goes: an address, or a channel's kind and name."""
        return stop_key(self.channel, self.recipient)


def stop_key(channel: str, recipient: str) -> str:
    """An address stands for itself; no channel's key holds an @."""
    return recipient if channel == "mail" else f"{channel}:{recipient}"


_COLUMNS = [column for column in outgoing_mails.columns if column.name not in {"tenant_id", "position"}]


def add(connection: Connection, tenant_id: UUID, *, now: datetime, **fields: Any) -> tuple[OutgoingMail, bool]:
    """The mail of this occasion, and whether it was made now: the same key again finds the first one, untouched.

    Its id, which becomes the Message-ID, follows from tenant and key: it is the same again after a restored backup.
    """
    mail_id = uuid5(tenant_id, fields["mail_key"])
    row = connection.execute(
        insert(outgoing_mails)
        .values(tenant_id=tenant_id, mail_id=mail_id, state="waiting", next_attempt_at=now, asked_at=now, **fields)
        .on_conflict_do_nothing()
        .returning(*_COLUMNS)
    ).one_or_none()
    if row is not None:
        return _mail(row), True
    return _mail(connection.execute(select(*_COLUMNS).where(table.mail_key == fields["mail_key"])).one()), False


def find(connection: Connection, mail_id: UUID) -> OutgoingMail | None:
    """The mail with this id; None when the tenant has none."""
    row = connection.execute(select(*_COLUMNS).where(table.mail_id == mail_id)).one_or_none()
    return None if row is None else _mail(row)


def of_keys(connection: Connection, keys: Sequence[str]) -> dict[str, OutgoingMail]:
    """The mails of these occasions, by key; an occasion without one is left out."""
    rows = connection.execute(select(*_COLUMNS).where(table.mail_key.in_(keys)))
    return {row.mail_key: _mail(row) for row in rows}


def about(connection: Connection, subjects: Sequence[str]) -> list[OutgoingMail]:
    """All mails about any of these, oldest first."""
    rows = connection.execute(select(*_COLUMNS).where(table.about.in_(subjects)).order_by(table.position))
    return [_mail(row) for row in rows]


def of_kinds(connection: Connection, kinds: Sequence[str], *, since: datetime) -> list[OutgoingMail]:
    """All of these kinds that were asked for since a moment, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS).where(table.kind.in_(kinds), table.asked_at >= since).order_by(table.position)
    )
    return [_mail(row) for row in rows]


def newest(connection: Connection, *, limit: int = 200, kinds: Sequence[str] | None = None) -> list[OutgoingMail]:
    """The latest mails and messages, newest first; with `kinds`, of these alone."""
    asked = select(*_COLUMNS).order_by(table.position.desc()).limit(limit)
    if kinds is not None:
        asked = asked.where(table.kind.in_(kinds))
    return [_mail(row) for row in connection.execute(asked)]


def claim(
    connection: Connection, *, now: datetime, lease: timedelta, channels: Sequence[str] = ("mail",)
) -> OutgoingMail | None:
    """Take the most overdue waiting row of these channels that is free, for as long as the lease lasts; None when there is none."""
    due = (
        select(table.mail_id)
        .where(
            table.channel.in_(channels),
            table.state == "waiting",
            table.next_attempt_at <= now,
            or_(table.lease_until.is_(None), table.lease_until <= now),
        )
        .order_by(table.next_attempt_at, table.position)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    mail_id = connection.scalar(due)
    if mail_id is None:
        return None
    return _moved(
        connection,
        table.mail_id == mail_id,
        lease_token=uuid4(),
        lease_until=now + lease,
        attempts=table.attempts + 1,
    )


def mark_sending(connection: Connection, mail: OutgoingMail, *, now: datetime, lease: timedelta) -> OutgoingMail | None:
    """Write down that from here on it may arrive; None when the lease was lost or somebody took the mail back."""
    held = and_(_held(mail), table.state == "waiting")
    return _moved(connection, held, state="sending", lease_until=now + lease)


def record(connection: Connection, mail: OutgoingMail, **values: Any) -> OutgoingMail | None:
    """Move a mail whose lease is held and give the lease back; None when another worker holds it by now.

    A doubtful mail keeps the lease it was sent under, so that the server's answer counts even when it is recorded late.
    """
    return _moved(connection, _held(mail), lease_token=None, lease_until=None, **values)


def doubt(connection: Connection, *, now: datetime, trouble: str) -> list[OutgoingMail]:
    """Mails whose sender went silent after it had begun to hand them over: whether they arrived is unknown from now on."""
    silent = and_(table.channel == "mail", table.state == "sending", table.lease_until <= now)
    rows = connection.execute(
        update(outgoing_mails).where(silent).values(state="unknown", last_trouble=trouble).returning(*_COLUMNS)
    )
    return [_mail(row) for row in rows]


def resume(connection: Connection, *, now: datetime, trouble: str) -> list[OutgoingMail]:
    """Messages whose sender went silent: they are sent again under the same id, by which the other side knows them."""
    silent = and_(table.channel != "mail", table.state == "sending", table.lease_until <= now)
    again = {"state": "waiting", "lease_token": None, "lease_until": None, "last_trouble": trouble}
    rows = connection.execute(update(outgoing_mails).where(silent).values(**again).returning(*_COLUMNS))
    return [_mail(row) for row in rows]


def move(
    connection: Connection, mail_id: UUID, *, from_states: Sequence[str], now: datetime, **values: Any
) -> OutgoingMail | None:
    """Move a mail that nobody works on; None when it is in none of the states (any more)."""
    is_free = or_(table.lease_until.is_(None), table.lease_until <= now)
    where = and_(table.mail_id == mail_id, table.state.in_(from_states), is_free)
    return _moved(connection, where, lease_token=None, lease_until=None, **values)


def wake(connection: Connection, channel: str = "mail") -> None:
    """Wake the worker that sends over this channel when this transaction commits."""
    connection.execute(text(f"notify {CHANNEL if channel == 'mail' else CALLS}"))


def stop_reason(connection: Connection, address: str) -> str | None:
    """Why this address gets no mail; None when it may get some."""
    return connection.scalar(select(mail_stops.c.reason).where(mail_stops.c.address == address.lower()))


def stopped(connection: Connection) -> dict[str, str]:
    """Every address that gets no mail, in lower case, with the reason."""
    rows = connection.execute(select(mail_stops.c.address, mail_stops.c.reason).order_by(mail_stops.c.address))
    return {row.address: row.reason for row in rows}


def add_stop(connection: Connection, tenant_id: UUID, address: str, *, reason: str, by: str, now: datetime) -> bool:
    """No more mail to this address; False when that was so already."""
    added = connection.execute(
        insert(mail_stops)
        .values(tenant_id=tenant_id, address=address.lower(), reason=reason, stopped_by=by, stopped_at=now)
        .on_conflict_do_nothing()
        .returning(mail_stops.c.address)
    )
    return added.one_or_none() is not None


def end_stop(connection: Connection, address: str) -> bool:
    """Mail to this address again; False when it was not stopped."""
    ended = connection.execute(
        delete(mail_stops).where(mail_stops.c.address == address.lower()).returning(mail_stops.c.address)
    )
    return ended.one_or_none() is not None


def count_by_state(connection: Connection) -> dict[str, int]:
    """How many mails are in each state that any is in."""
    rows = connection.execute(select(table.state, func.count()).group_by(table.state))
    return {row[0]: row[1] for row in rows}


def _held(mail: OutgoingMail) -> ColumnElement[bool]:
    return and_(table.mail_id == mail.mail_id, table.lease_token == mail.lease_token)


def _moved(connection: Connection, where: ColumnElement[bool], **values: Any) -> OutgoingMail | None:
    row = connection.execute(update(outgoing_mails).where(where).values(**values).returning(*_COLUMNS)).one_or_none()
    return None if row is None else _mail(row)


def _mail(row: Row[Any]) -> OutgoingMail:
    return OutgoingMail(**row._asdict())
