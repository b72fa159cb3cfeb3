"""Links that show one locked month to somebody outside: a token, a password, an end, and a log of who looked."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from billing.investor_reports import ReportRefused, may_lock
from billing.principals import Principal
from pricing.report_view import Redaction
from store import audit, report_links
from store.database import Connection
from store.investor_reports import Snapshot
from store.report_links import ReportLink

DAYS_MAX, LABEL_MAX = 90, 120
# So many wrong passwords within so long close the door of a link for as long again.
TRIES, TRY_WINDOW = 5, timedelta(minutes=15)
# A door that is shut is written down a few times a minute, however often somebody knocks.
NOTED, NOTED_WINDOW = 5, timedelta(minutes=1)
SESSION = timedelta(hours=1)
# scrypt as OWASP asks for it: 32 MiB, three times over. No letters or digits that pass for another.
COST, BLOCK, PARALLEL, MEMORY = 2**15, 8, 3, 64 * 2**20
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
PASSWORD_GROUPS, GROUP = 4, 5
Outcome = Literal["opened", "wrong", "throttled"]


@dataclass(frozen=True)
class Shared:
    """A new link with what is shown once and kept nowhere: the token of its address, and the password."""

    link: ReportLink
    token: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Reader:
    """Who is at the door, as their connection and their program say."""

    address: str | None
    agent: str | None


def share(
    connection: Connection,
    snapshot: Snapshot,
    *,
    redaction: Redaction,
    days: int,
    label: str,
    principal: Principal,
    now: datetime,
) -> Shared:
    """Make a link to one snapshot that ends by itself, with its audit line. Raises ReportRefused."""
    label = " ".join(label.split())
    if not may_lock(principal):
        raise ReportRefused(f"{principal} may look at reports; sharing one takes a founder or finance.")
    if not 1 <= days <= DAYS_MAX:
        raise ReportRefused(f"A link lasts from 1 to {DAYS_MAX} days, not {days}.")
    if not 0 < len(label) <= LABEL_MAX:
        raise ReportRefused(
            f"Say in 1 to {LABEL_MAX} characters who the link is for: it stands in the list and in the audit log."
        )
    token, password = secrets.token_urlsafe(32), new_password()
    link = ReportLink(
        link_id=uuid4(),
        snapshot_id=snapshot.snapshot_id,
        token_sha256=token_hash(token),
        password_hash=password_hash(password, secrets.token_bytes(16)),
        session_key=secrets.token_bytes(32),
        redaction=redaction,
        label=label,
        created_at=now,
        created_by=str(principal),
        expires_at=now + timedelta(days=days),
    )
    report_links.add(connection, link)
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action="investor_report:share",
        subject=f"report_link:{link.link_id}",
        after={
            "snapshot_id": snapshot.snapshot_id,
            "content_hash": snapshot.content_hash,
            "redaction": redaction,
            "label": label,
            "expires_at": link.expires_at,
        },
    )
    return Shared(link, token, password)


def revoke(connection: Connection, link_id: UUID, *, principal: Principal, now: datetime) -> ReportLink:
    """End a link at once; ending it again changes nothing. Raises ReportRefused."""
    if not may_lock(principal):
        raise ReportRefused(f"{principal} may look at reports; revoking a link takes a founder or finance.")
    link = report_links.find(connection, link_id)
    if link is None:
        raise ReportRefused(f"There is no link {link_id}: `metering report links` shows those there are.")
    if link.revoked_at is not None:
        return link
    report_links.revoke(connection, link_id, now=now, by=str(principal))
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action="investor_report:revoke",
        subject=f"report_link:{link_id}",
        before={"label": link.label, "expires_at": link.expires_at},
    )
    found = report_links.find(connection, link_id)
    assert found is not None, "a link is never deleted"
    return found


def at_the_door(connection: Connection, token: str, *, now: datetime) -> ReportLink | None:
    """The link of this token while it may be used; None for a wrong token, an ended link and a revoked one alike."""
    link = report_links.by_token(connection, token_hash(token))
    return link if link is not None and link.is_open(now) else None


def try_password(connection: Connection, link: ReportLink, password: str, reader: Reader, *, now: datetime) -> Outcome:
    """Whether the password opens the link; one try at a time, each written down, and none while too many were wrong.

    The hash is worked out in full before anything is compared, and not at all while the door is shut.
    """
    if not report_links.hold(connection, link.link_id):
        return "throttled"
    if report_links.count_since(connection, link.link_id, "wrong_password", now - TRY_WINDOW) >= TRIES:
        if report_links.count_since(connection, link.link_id, "throttled", now - NOTED_WINDOW) < NOTED:
            note(connection, link, "throttled", reader, now=now)
        return "throttled"
    is_right = is_password(password, link.password_hash)
    note(connection, link, "opened" if is_right else "wrong_password", reader, now=now)
    return "opened" if is_right else "wrong"


def note(connection: Connection, link: ReportLink, kind: str, reader: Reader, *, now: datetime) -> None:
    """Write a use of the link down."""
    report_links.record(connection, link.link_id, kind, now=now, address=reader.address, agent=reader.agent)


def session_cookie(link: ReportLink, *, now: datetime) -> tuple[str, int]:
    """What the browser of a reader who knew the password keeps, and for how many seconds: good for this link alone."""
    until = int(min(now + SESSION, link.expires_at).timestamp())
    return f"{until}.{_signature(link, until)}", max(0, until - int(now.timestamp()))


def is_session(link: ReportLink, cookie: str | None, *, now: datetime) -> bool:
    """Whether this is a cookie that `session_cookie` gave out for this link and that has not ended."""
    until, _, signature = (cookie or "").partition(".")
    if not (until.isascii() and until.isdigit() and len(until) <= 12):
        return False
    return hmac.compare_digest(signature.encode(), _signature(link, int(until)).encode()) and now.timestamp() < int(
        until
    )


def _signature(link: ReportLink, until: int) -> str:
    return hmac.new(link.session_key, f"{link.link_id}.{until}".encode(), hashlib.sha256).hexdigest()


def token_hash(token: str) -> str:
    """What is kept of a token; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_password() -> str:
    """Twenty letters and digits in four groups: 99 bits, easy to read out."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(PASSWORD_GROUPS))
    return "-".join(groups)


def password_hash(password: str, salt: bytes) -> str:
    """What is kept of a password: scrypt with its numbers, salt and key."""
    key = hashlib.scrypt(_typed(password), salt=salt, n=COST, r=BLOCK, p=PARALLEL, maxmem=MEMORY, dklen=32)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${salt.hex()}${key.hex()}"


def is_password(given: str, kept: str) -> bool:
    """Whether the password is the one that was kept, compared in constant time."""
    _, cost, block, parallel, salt, key = kept.split("$")
    worked_out = hashlib.scrypt(
        _typed(given), salt=bytes.fromhex(salt), n=int(cost), r=int(block), p=int(parallel), maxmem=MEMORY, dklen=32
    )
    return hmac.compare_digest(worked_out, bytes.fromhex(key))


def _typed(password: str) -> bytes:
    """As it was read out: case, spaces and hyphens say nothing."""
    return "".join(letter for letter in password.lower() if not letter.isspace() and letter != "-").encode()
