"""Links that show one locked month to somebody outside: made once, revoked once, each use written down."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select, text

from store.schema import report_link_revocations, report_link_views, report_links

links, revocations, views = report_links.c, report_link_revocations.c, report_link_views.c
VIEWS_SHOWN = 200
WRITTEN_MAX = 300


@dataclass(frozen=True)
class ReportLink:
    """A link; of its token and password only what proves them is here. `revoked_at` None while nobody has revoked it."""

    link_id: UUID
    snapshot_id: UUID
    token_sha256: str = field(repr=False)
    password_hash: str = field(repr=False)
    session_key: bytes = field(repr=False)
    redaction: str
    label: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it may still be used."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True)
class View:
    """One use of a link: what was done or tried, from which address and with which program, as they said of themselves."""

    at: datetime
    kind: str
    address: str | None
    agent: str | None


def add(connection: Connection, link: ReportLink) -> None:
    """Keep a new link, in the tenant's open transaction."""
    kept = {name: value for name, value in vars(link).items() if not name.startswith("revoked_")}
    connection.execute(insert(report_links).values(tenant_id=func.current_tenant_id(), **kept))


def revoke(connection: Connection, link_id: UUID, *, now: datetime, by: str) -> None:
    """End a link. Raises sqlalchemy.exc.IntegrityError when it was revoked before."""
    connection.execute(
        insert(report_link_revocations).values(
            tenant_id=func.current_tenant_id(), link_id=link_id, revoked_at=now, revoked_by=by
        )
    )


def find(connection: Connection, link_id: UUID) -> ReportLink | None:
    """One link; None when this tenant has none of that id."""
    return _one(connection, links.link_id == link_id)


def by_token(connection: Connection, token_sha256: str) -> ReportLink | None:
    """The link whose token has this hash; None when there is none."""
    return _one(connection, links.token_sha256 == token_sha256)


def listed(connection: Connection, snapshot_id: UUID | None = None) -> list[ReportLink]:
    """All links, or those of one snapshot, the newest first."""
    wanted = _select().order_by(links.created_at.desc(), links.link_id)
    if snapshot_id is not None:
        wanted = wanted.where(links.snapshot_id == snapshot_id)
    return [_link(row) for row in connection.execute(wanted)]


def hold(connection: Connection, link_id: UUID) -> bool:
    """Take this link for the transaction's length; False, without waiting, while another one has it."""
    held: bool = connection.execute(
        text("select pg_try_advisory_xact_lock(hashtextextended('report_link:' || :link_id, 0))"),
        {"link_id": str(link_id)},
    ).scalar_one()
    return held


def record(
    connection: Connection, link_id: UUID, kind: str, *, now: datetime, address: str | None, agent: str | None
) -> None:
    """Write down one use."""
    connection.execute(
        insert(report_link_views).values(
            tenant_id=func.current_tenant_id(), link_id=link_id, at=now, kind=kind,
            address=_printable(address), agent=_printable(agent),
        )
    )  # fmt: skip


def count_since(connection: Connection, link_id: UUID, kind: str, since: datetime) -> int:
    """How often something was done or tried since a moment."""
    wanted = select(func.count()).where(views.link_id == link_id, views.kind == kind, views.at > since)
    return int(connection.execute(wanted).scalar_one())


def view_log(connection: Connection, link_id: UUID) -> list[View]:
    """The latest uses, the newest first; at most VIEWS_SHOWN."""
    wanted = select(views.at, views.kind, views.address, views.agent).where(views.link_id == link_id)
    rows = connection.execute(wanted.order_by(views.position.desc()).limit(VIEWS_SHOWN))
    return [View(**row._asdict()) for row in rows]


def _printable(said: str | None) -> str | None:
    """What a stranger's program says of itself, without what a database or a terminal would stumble over."""
    return None if said is None else "".join(letter for letter in said if letter.isprintable())[:WRITTEN_MAX]


def _select() -> Select[Any]:
    columns = [column for column in report_links.columns if column.name != "tenant_id"]
    return select(*columns, revocations.revoked_at, revocations.revoked_by).outerjoin_from(
        report_links,
        report_link_revocations,
        (links.tenant_id == revocations.tenant_id) & (links.link_id == revocations.link_id),
    )


def _one(connection: Connection, condition: ColumnElement[bool]) -> ReportLink | None:
    row = connection.execute(_select().where(condition)).one_or_none()
    return None if row is None else _link(row)


def _link(row: Row[Any]) -> ReportLink:
    return ReportLink(**row._asdict())
