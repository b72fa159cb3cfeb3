"""One tenant never sees another: the catalogue says so, and trying to get around it fails."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, Executable, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from store import database
from store.database import DatabaseRefused, DatabaseUrls, tenant_transaction
from store.schema import customer_mappings, metadata, stripe_invoice_lines, stripe_invoices
from store.tenants import ensure_tenant

AT = datetime(2026, 11, 24, tzinfo=UTC)

GLOBAL_TABLES = {
    "alembic_version": "one row: the revision of the schema",
    "price_entries": "public list prices, the same for everybody",
    "procrastinate_events": "the job queue: one worker serves all tenants",
    "procrastinate_jobs": "the job queue: one worker serves all tenants; arguments are ids, never data",
    "procrastinate_periodic_defers": "the job queue: one worker serves all tenants",
    "procrastinate_workers": "the job queue: one worker serves all tenants",
    "tenant_directory": "turns a short name into a tenant before any tenant is set",
}

CATALOGUE = """
select t.relname, t.relrowsecurity and t.relforcerowsecurity as is_forced,
    exists (select 1 from pg_attribute a where a.attrelid = t.oid and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant,
    coalesce((select array_agg(p.cmd::text order by p.cmd) from pg_policies p where p.schemaname = n.nspname and p.tablename = t.relname),
        '{}'::text[]) as policies,
    coalesce((select array_agg(g.privilege_type::text order by g.privilege_type) from information_schema.role_table_grants g
        where g.table_schema = n.nspname and g.table_name = t.relname and g.grantee = 'metering_app'), '{}'::text[]) as grants,
    (select bool_and(coalesce(p.qual, p.with_check) like '%current_tenant_id%') from pg_policies p
        where p.schemaname = n.nspname and p.tablename = t.relname) as names_the_tenant
from pg_class t join pg_namespace n on n.oid = t.relnamespace
where t.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'
order by t.relname
"""


def unguarded_tables(superuser_url: str) -> dict[str, str]:
    """Every table that would let tenants see each other, with what it lacks."""
    faults: dict[str, str] = {}
    with psycopg.connect(superuser_url) as connection:
        for table, is_forced, has_tenant, policies, grants, names_the_tenant in connection.execute(CATALOGUE):
            if table in GLOBAL_TABLES and table != "tenant_directory" and has_tenant:
                faults[table] = "is listed as global but has a tenant_id"
            elif table in GLOBAL_TABLES:
                continue
            elif not has_tenant:
                faults[table] = "has no tenant_id and is not in the list of global tables"
            elif not is_forced:
                faults[table] = "has no FORCE row-level security"
            elif not policies or policies != grants or "ALL" in policies:
                faults[table] = f"needs one policy for each granted command: policies {policies}, grants {grants}"
            elif not names_the_tenant:
                faults[table] = "has a policy that does not ask for the tenant"
    return faults


def test_every_tenant_table_is_guarded(superuser_url: str) -> None:
    assert unguarded_tables(superuser_url) == {}


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["create table forgotten (tenant_id uuid, secret text)"], "no FORCE"),
        (["create table forgotten (secret text)"], "not in the list of global tables"),
        (["create table forgotten (tenant_id uuid)", "alter table forgotten enable row level security"], "no FORCE"),
        (
            [
                "create table forgotten (tenant_id uuid)",
                "alter table forgotten enable row level security, force row level security",
            ],
            "needs one policy",
        ),
        (
            [
                "create table forgotten (tenant_id uuid)",
                "alter table forgotten enable row level security, force row level security",
                "grant select on forgotten to metering_app",
                "create policy forgotten_select on forgotten for select using (true)",
            ],
            "does not ask for the tenant",
        ),
    ],
    ids=["no security", "no tenant", "not forced", "no policies", "a policy for everybody"],
)
def test_a_forgotten_table_is_found(superuser_url: str, statements: list[str], fault: str) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute("set search_path = metering")
        for statement in statements:
            connection.execute(statement)
    faults = unguarded_tables(superuser_url)
    assert list(faults) == ["forgotten"]
    assert fault in faults["forgotten"]


def test_the_schema_knows_the_same_global_tables_and_commands(superuser_url: str) -> None:
    described = {table.name for table in metadata.tables.values() if "global_reason" in table.info}
    assert described <= set(GLOBAL_TABLES)
    with psycopg.connect(superuser_url) as connection:
        grants = {row[0]: {command.lower() for command in row[4]} for row in connection.execute(CATALOGUE)}
    for table in metadata.tables.values():
        assert grants[table.name] == set(table.info["commands"]), table.name


def test_no_view_or_function_steps_around_row_security(superuser_url: str) -> None:
    """A plain view reads as its owner, a materialized one keeps everybody's rows, a SECURITY DEFINER function is another role."""
    with psycopg.connect(superuser_url) as connection:
        around = connection.execute(
            """
            select relname from pg_class where relnamespace = 'metering'::regnamespace
                and (relkind = 'm' or relkind = 'v' and not coalesce(reloptions::text, '') like '%security_invoker=true%')
            union all select proname from pg_proc where pronamespace = 'metering'::regnamespace and prosecdef
            """
        ).fetchall()
    assert around == []


def test_keys_and_references_start_with_the_tenant(superuser_url: str) -> None:
    """A key without the tenant would tell one tenant that another has that id; a reference without it would reach across."""
    with psycopg.connect(superuser_url) as connection:
        constraints = connection.execute(
            """
            select c.conrelid::regclass::text, c.conname,
                (select attname from pg_attribute where attrelid = c.conrelid and attnum = c.conkey[1])
            from pg_constraint c join pg_class t on t.oid = c.conrelid
            where c.contype in ('p', 'u', 'f') and t.relnamespace = 'metering'::regnamespace
            """
        ).fetchall()
    wrong = [
        row for row in constraints if row[0].removeprefix("metering.") not in GLOBAL_TABLES and row[2] != "tenant_id"
    ]
    assert wrong == []
    assert len(constraints) > 2 * 20  # the query found the tables at all


def map_customer(engine: Engine, tenant: UUID, source_ref: str) -> None:
    with tenant_transaction(engine, tenant) as connection:
        connection.execute(
            insert(customer_mappings).values(
                tenant_id=tenant, source_ref=source_ref, customer_id="cus_1", created_at=AT
            )
        )


def test_mallory_reads_changes_and_deletes_nothing_of_another(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    map_customer(engine, tenant, "secret")
    with tenant_transaction(engine, mallory) as connection:
        assert connection.scalar(select(func.count()).select_from(customer_mappings)) == 0
        everything = customer_mappings.c.tenant_id == tenant
        assert (
            connection.execute(customer_mappings.update().where(everything).values(customer_id="cus_m")).rowcount == 0
        )
        assert connection.execute(customer_mappings.delete().where(everything)).rowcount == 0
    with tenant_transaction(engine, tenant) as connection:
        assert connection.execute(select(customer_mappings.c.customer_id)).scalars().all() == ["cus_1"]


def test_mallory_cannot_write_as_another_nor_move_nor_overwrite_a_row(
    engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    map_customer(engine, tenant, "shared")
    map_customer(engine, mallory, "shared")
    row = {"tenant_id": tenant, "source_ref": "shared", "customer_id": "cus_m", "created_at": AT}
    attempts: list[Executable] = [
        insert(customer_mappings).values(**{**row, "source_ref": "new"}),
        customer_mappings.update().values(tenant_id=tenant, source_ref="moved"),
        upsert(customer_mappings)
        .values(**row)
        .on_conflict_do_update(index_elements=["tenant_id", "source_ref"], set_={"customer_id": "cus_m"}),
        text("alter table customer_mappings disable row level security"),
        text("alter table customer_mappings no force row level security"),
        text("create policy hole on customer_mappings using (true)"),
        text("set local role metering_owner"),
    ]
    for attempt in attempts:
        with pytest.raises(ProgrammingError), tenant_transaction(engine, mallory) as connection:
            connection.execute(attempt)
    with tenant_transaction(engine, mallory) as connection:
        connection.execute(text("set local row_security = off"))
        refused = pytest.raises(ProgrammingError, match="row-level security")
        with refused, connection.begin_nested():
            connection.execute(select(customer_mappings))


def test_without_a_tenant_there_are_no_rows_and_an_insert_is_refused(engine: Engine, tenant: UUID) -> None:
    map_customer(engine, tenant, "secret")
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(customer_mappings)) == 0
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        database.set_tenant(connection, tenant)  # ends with its own statement: nothing leaks, nothing is seen
        assert connection.scalar(select(func.count()).select_from(customer_mappings)) == 0
    with pytest.raises(ProgrammingError, match="row-level security"), engine.begin() as connection:
        connection.execute(
            insert(customer_mappings).values(tenant_id=tenant, source_ref="x", customer_id="y", created_at=AT)
        )


def test_a_reference_to_another_tenants_row_is_refused(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    """Foreign keys are checked above row-level security, so the tenant must be part of them."""
    with tenant_transaction(engine, tenant) as connection:
        connection.execute(insert(stripe_invoices).values(tenant_id=tenant, id="in_1", raw={}, synced_at=AT))
    line = {"id": "il_1", "invoice_id": "in_1", "raw": {}, "synced_at": AT}
    with pytest.raises(IntegrityError, match="foreign key"), tenant_transaction(engine, mallory) as connection:
        connection.execute(insert(stripe_invoice_lines).values(tenant_id=mallory, **line))
    with tenant_transaction(engine, tenant) as connection:
        connection.execute(insert(stripe_invoice_lines).values(tenant_id=tenant, **line))


def test_nothing_leaks_through_a_pool_of_two_under_eight_threads(database_urls: DatabaseUrls, engine: Engine) -> None:
    """600 transactions of 4 tenants, a third of them failing in the database or in our code: each saw its own rows alone."""
    tenants = [ensure_tenant(engine, f"tenant-{number}", "T", "usd") for number in range(4)]
    for tenant_id in tenants:
        map_customer(engine, tenant_id, "own")
    small = database.open_engine(database_urls.app, pool_size=2)

    def one(seed: int) -> set[UUID]:
        chance = Random(seed)
        tenant_id, fate = (
            chance.choice(tenants),
            chance.choice(["read", "read", "write", "fail", "raise", "nobody"]),
        )
        if fate == "nobody":
            with small.connect() as connection:
                assert connection.execute(select(customer_mappings.c.tenant_id)).all() == []
            return set()
        seen: set[UUID] = set()
        try:
            with tenant_transaction(small, tenant_id) as connection:
                seen = set(connection.execute(select(customer_mappings.c.tenant_id)).scalars())
                if fate == "write":
                    connection.execute(
                        insert(customer_mappings).values(
                            tenant_id=tenant_id, source_ref=str(uuid4()), customer_id="c", created_at=AT
                        )
                    )
                if fate == "fail":
                    connection.execute(text("select 1 / 0"))
                if fate == "raise":
                    int(fate)
        except (ValueError, DBAPIError):
            pass
        return seen - {tenant_id}

    try:
        with ThreadPoolExecutor(8) as pool:
            strangers = set().union(*pool.map(one, range(600)))
    finally:
        small.dispose()
    assert strangers == set()


def test_the_engine_refuses_roles_above_the_law_and_says_how_to_fix_it(
    database_urls: DatabaseUrls, superuser_url: str
) -> None:
    roles = {"metering_test_strong": "bypassrls", "metering_test_heir": "in role metering_owner"}
    address = database_urls.app.rsplit("@", 1)[1]
    refused = {
        superuser_url.replace("postgresql:", "postgresql+psycopg:"): "superuser",
        f"postgresql+psycopg://metering_test_strong:secret@{address}": "BYPASSRLS",
        f"postgresql+psycopg://metering_test_heir:secret@{address}": "owns the tables",
        database_urls.owner: "owns the tables",
    }
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role, powers in roles.items():
            connection.execute(f"drop role if exists {role}")
            connection.execute(f"create role {role} login password 'secret' {powers}")
        try:
            for url, reason in refused.items():
                with pytest.raises(DatabaseRefused, match=reason) as refusal:
                    database.open_engine(url)
                assert "Let DATABASE_URL name the role metering_app" in str(refusal.value)
        finally:
            for role in roles:
                connection.execute(f"drop role {role}")
