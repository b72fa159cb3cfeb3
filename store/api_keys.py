"""Keys of programs kept: made once, found by their id within their tenant, ended, and when each was used last."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from store.schema import api_keys, tenants

keys = api_keys.c


@dataclass(frozen=True)
class ApiKey:
    """A key; of its text only the SHA-256 is here. A limit is None where there is none."""

    key_id: str
    name: str
    key_sha256: str = field(repr=False)
    scopes: tuple[str, ...]
    events_per_day: int | None
    requests_per_second: int | None
    made_at: datetime
    made_by: str
    expires_at: datetime | None
    replaces: str | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it may still be used."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(connection: Connection, key: ApiKey) -> None:
    """Keep a new key, in the tenant's open transaction."""
    values = vars(key) | {"scopes": list(key.scopes)}
    connection.execute(insert(api_keys).values(tenant_id=func.current_tenant_id(), **values))


def find(connection: Connection, key_id: str) -> ApiKey | None:
    """One key; None when this tenant has none of that id."""
    row = connection.execute(select(api_keys).where(keys.key_id == key_id)).one_or_none()
    return None if row is None else _key(row)


def listed(connection: Connection) -> list[ApiKey]:
    """All keys, the newest first."""
    return [_key(row) for row in connection.execute(select(api_keys).order_by(keys.made_at.desc(), keys.key_id))]


def expire(connection: Connection, key_id: str, at: datetime) -> None:
    """Let a key end at a moment, unless it ends before."""
    changed = update(api_keys).where(keys.key_id == key_id).values(expires_at=func.least(keys.expires_at, at))
    connection.execute(changed)


def revoke(connection: Connection, key_id: str, *, now: datetime, by: str) -> bool:
    """End a key at once; False when it was revoked before."""
    open_one = update(api_keys).where(keys.key_id == key_id, keys.revoked_at.is_(None))
    return connection.execute(open_one.values(revoked_at=now, revoked_by=by)).rowcount == 1


def note_use(connection: Connection, key_id: str, now: datetime) -> None:
    """Remember that a key was used; the time never goes back."""
    used = update(api_keys).where(keys.key_id == key_id)
    connection.execute(used.values(last_used_at=func.greatest(keys.last_used_at, now)))


def tenant_slug(connection: Connection) -> str:
    """The short name of the tenant of the open transaction, which its keys begin with."""
    return str(connection.execute(select(tenants.c.slug)).scalar_one())


def _key(row: Row[Any]) -> ApiKey:
    values = {name: value for name, value in row._asdict().items() if name != "tenant_id"}
    return ApiKey(**values | {"scopes": tuple(values["scopes"])})
