"""Tenants: founders' companies, found by their short name before anything else is known."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from store.database import set_tenant, tenant_transaction
from store.schema import tenant_directory, tenants


@dataclass(frozen=True)
class Tenant:
    """A founder's company; its margins are reported in `reporting_currency`."""

    tenant_id: UUID
    slug: str
    name: str
    reporting_currency: str


def ensure_tenant(
    engine: Engine, slug: str, name: str, reporting_currency: str, *, now: datetime | None = None
) -> UUID:
    """The id of the tenant with this slug, made where it is missing; an existing one keeps its name and currency."""
    with engine.begin() as connection:
        connection.execute(
            insert(tenant_directory)
            .values(tenant_id=uuid4(), slug=slug)
            .on_conflict_do_nothing(index_elements=["slug"])
        )
        tenant_id: UUID = connection.execute(
            select(tenant_directory.c.tenant_id).where(tenant_directory.c.slug == slug)
        ).scalar_one()
        set_tenant(connection, tenant_id)
        connection.execute(
            insert(tenants)
            .values(
                tenant_id=tenant_id,
                slug=slug,
                name=name,
                reporting_currency=reporting_currency,
                created_at=now if now is not None else func.now(),
            )
            .on_conflict_do_nothing()
        )
    return tenant_id


def find_tenant(engine: Engine, slug: str) -> UUID | None:
    """The id of the tenant with this slug; None when there is none."""
    with engine.connect() as connection:
        wanted = select(tenant_directory.c.tenant_id).where(tenant_directory.c.slug == slug)
        return connection.execute(wanted).scalar_one_or_none()


def list_tenants(engine: Engine) -> list[Tenant]:
    """All tenants by slug. Each one's row is read in a transaction of its own tenant."""
    with engine.connect() as connection:
        listed = (
            connection.execute(select(tenant_directory.c.tenant_id).order_by(tenant_directory.c.slug)).scalars().all()
        )
    found = (read_tenant(engine, tenant_id) for tenant_id in listed)
    return [tenant for tenant in found if tenant is not None]


def read_tenant(engine: Engine, tenant_id: UUID) -> Tenant | None:
    """One tenant; None when there is none with this id."""
    with tenant_transaction(engine, tenant_id) as connection:
        row = connection.execute(select(tenants)).one_or_none()
    return None if row is None else Tenant(row.tenant_id, row.slug, row.name, row.reporting_currency)
