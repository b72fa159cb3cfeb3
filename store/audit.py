"""The audit log: append-only lines, each sealed by the hash of the line before it, so that a change shows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text

from store.schema import audit_log

BEGINNING = bytes(32)  # what the first line of a tenant has in place of a line before it
ROWS_AT_A_TIME = 1_000


class NoTenant(Exception):
    """An audit line was to be written outside a tenant's transaction. Open it with `tenant_transaction`."""


@dataclass(frozen=True)
class AuditHead:
    """The last line of a log. Kept elsewhere (a mail, a notebook), it later proves that nothing was cut off."""

    seq: int
    hash: bytes


@dataclass(frozen=True)
class AuditVerdict:
    """Whether a tenant's log is whole; where not, the first bad line and, as a sentence, what is wrong with it."""

    rows: int
    head: AuditHead
    first_bad_seq: int | None
    message: str

    @property
    def intact(self) -> bool:
        """Every line is there, in order, and as it was written."""
        return self.first_bad_seq is None


def append(
    connection: Connection,
    *,
    at: datetime,
    principal: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditHead:
    """Add a line in the tenant's open transaction, so that the deed and its line are kept or lost together.

    `action` reads `object:verb` (`refund:request`). Lines of one tenant are written one after the other: the transaction holds
    the tenant's log until it ends, so append late. Floats are refused; decimals, times and ids are kept as text.
    """
    if at.tzinfo is None:
        raise ValueError("the time of an audit line needs a zone")
    tenant_id = connection.scalar(select(func.current_tenant_id()))
    if tenant_id is None:
        raise NoTenant(f"{action} on {subject}")
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('audit_log:' || :tenant_id, 0))"),
        {"tenant_id": str(tenant_id)},
    )
    last = _head(connection)
    line = {
        "tenant_id": tenant_id,
        "seq": last.seq + 1,
        "at": at.astimezone(UTC),
        "principal": principal,
        "action": action,
        "subject": subject,
        "before": _plain(before),
        "after": _plain(after),
    }
    sealed = seal(last.hash, line)
    connection.execute(insert(audit_log).values(**line, prev_hash=last.hash, hash=sealed))
    return AuditHead(last.seq + 1, sealed)


def verify(connection: Connection, *, anchor: AuditHead | None = None) -> AuditVerdict:
    """Recompute the tenant's whole chain and name the first line that does not fit.

    Cutting off the last lines leaves a shorter chain that fits; only an `anchor` noted earlier shows that.
    """
    head = AuditHead(0, BEGINNING)
    lines = select(audit_log).order_by(audit_log.c.seq).execution_options(yield_per=ROWS_AT_A_TIME)
    with connection.execute(lines) as rows:
        for row in rows:
            line = row._asdict()
            fault = _fault(head, line) or _contradicts(anchor, line)
            if fault is not None:
                return _broken(head, *fault)
            head = AuditHead(line["seq"], line["hash"])
    if anchor is not None and head.seq < anchor.seq:
        return _broken(
            head, head.seq + 1, f"is missing: the log once reached line {anchor.seq} and now ends at {head.seq}"
        )
    return AuditVerdict(
        head.seq, head, None, f"The audit log is whole: {head.seq} lines, the last sealed {head.hash.hex()[:16]}."
    )


def seal(prev_hash: bytes, line: Mapping[str, Any]) -> bytes:
    """SHA-256 over the hash of the line before and this line as canonical JSON (sorted keys, no spaces, UTC)."""
    content = {
        "tenant_id": str(line["tenant_id"]),
        "seq": line["seq"],
        "at": line["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        **{name: line[name] for name in ("principal", "action", "subject", "before", "after")},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(prev_hash + canonical.encode()).digest()


def _head(connection: Connection) -> AuditHead:
    """The last line of the tenant's log, or the beginning."""
    columns = select(audit_log.c.seq, audit_log.c.hash)
    row = connection.execute(columns.order_by(audit_log.c.seq.desc()).limit(1)).one_or_none()
    return AuditHead(0, BEGINNING) if row is None else AuditHead(row.seq, row.hash)


def _broken(head: AuditHead, seq: int, fault: str) -> AuditVerdict:
    """The verdict on a log whose lines fit up to the head."""
    return AuditVerdict(head.seq, head, seq, f"The audit log is broken: line {seq} {fault}.")


def _fault(head: AuditHead, line: Mapping[str, Any]) -> tuple[int, str] | None:
    """Which line is wrong, and how, where this one should follow the head; None when it fits."""
    if line["seq"] != head.seq + 1:
        return head.seq + 1, "is missing"
    if line["prev_hash"] != head.hash:
        return line["seq"], "does not follow the line before it"
    if line["hash"] != seal(head.hash, line):
        return line["seq"], "was changed after it was written"
    return None


def _contradicts(anchor: AuditHead | None, line: Mapping[str, Any]) -> tuple[int, str] | None:
    """Whether the line at the anchor's place is another than the one noted."""
    if anchor is None or line["seq"] != anchor.seq or line["hash"] == anchor.hash:
        return None
    return anchor.seq, "is not the line that was noted earlier"


def _plain(value: object) -> Any:
    """The value as JSON that comes back from Postgres exactly as it went in."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal() | UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    raise TypeError(f"an audit line cannot keep a {type(value).__name__} exactly: {value!r}")
