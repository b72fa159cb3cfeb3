"""Tenants are made once, found by slug, and do not see each other."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import Engine, select

from store.database import tenant_transaction
from store.schema import tenants
from store.tenants import Tenant, ensure_tenant, list_tenants, read_tenant


def test_a_tenant_is_made_once_and_keeps_its_name(engine: Engine, tenant: UUID) -> None:
    assert ensure_tenant(engine, "acme", "Another name", "eur") == tenant
    assert read_tenant(engine, tenant) == Tenant(tenant, "acme", "Acme", "usd")


def test_racing_to_make_a_tenant_makes_one(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ensure_tenant(engine, "acme", "Acme", "usd"), range(16)))
    assert len(set(made)) == 1
    assert [tenant.slug for tenant in list_tenants(engine)] == ["acme"]


def test_mallory_sees_herself_alone(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with tenant_transaction(engine, mallory) as connection:
        assert connection.execute(select(tenants.c.tenant_id)).scalars().all() == [mallory]
    assert {listed.slug for listed in list_tenants(engine)} == {"acme", "mallory"}
