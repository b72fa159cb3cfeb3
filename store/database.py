"""Postgres for the rest of the house: roles, migrations, an engine that row-level security binds, one tenant per transaction."""

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, Engine, column, make_url, select, table, text

from store.embedded_postgres import AdminUrl
from store.embedded_postgres.folders import credentials_file, write_secret
from store.schema import SCHEMA
from store.setting_values import POSTGRES_DRIVER

__all__ = [
    "APP_ROLE",
    "OWNER_ROLE",
    "Connection",
    "DatabaseRefused",
    "DatabaseUnreachable",
    "DatabaseUrls",
    "Engine",
    "migrate",
    "open_engine",
    "prepare_roles",
    "set_tenant",
    "tenant_snapshot",
    "tenant_transaction",
    "trouble_in_words",
]

OWNER_ROLE = "metering_owner"
APP_ROLE = "metering_app"
MIGRATIONS = Path(__file__).parent / "migrations"
ROLE_LIMITS = "login nosuperuser nobypassrls nocreatedb nocreaterole noreplication"
# Any fixed number will do, as long as nobody else takes the same lock in this database.
PREPARATION_LOCK = 0x4D_45_54_45_52


class DatabaseRefused(Exception):
    """The database or the role given cannot be used safely; the sentence says how to fix it."""


class DatabaseUnreachable(Exception):
    """The database server does not answer or does not let us in; trying again may help once that is mended."""


DATABASE_AWAY = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)
"""The server's trouble, not that of a row: the same work may succeed later."""
DATABASE_FAILED = (sqlalchemy.exc.SQLAlchemyError, DatabaseRefused, DatabaseUnreachable)
"""Whatever can go wrong between opening the database and the end of a transaction."""


@dataclass(frozen=True)
class DatabaseUrls:
    """The address of the role that owns and migrates the tables, and of the one the application works as."""

    owner: str = field(repr=False)
    app: str = field(repr=False)


def prepare_roles(admin: AdminUrl | str, *, home: Path | None = None) -> DatabaseUrls:
    """Make the database and its two roles where they are missing; may be repeated at any time.

    The passwords are kept in the credentials file of an embedded server's address, or below `home`. Without either (a server
    of yours) they are set anew at every call, and the two addresses returned are the only record.
    """
    target = admin if isinstance(admin, AdminUrl) else AdminUrl(admin, credentials_file(home) if home else None)
    url = make_url(target.url)
    with _in_words(target.url):
        _create_database(target.url)
    with _in_words(target.url), _connect(target.url) as connection:
        # Two preparations at a time would each invent passwords, and one of them would be left with the wrong ones.
        connection.execute("select pg_advisory_xact_lock(%s)", [PREPARATION_LOCK])
        passwords = _passwords(target.credentials)
        for role in (OWNER_ROLE, APP_ROLE):
            _create_role(connection, role, passwords[role])
        database = sql.Identifier(url.database or "")
        connection.execute(
            sql.SQL("grant connect, create, temporary on database {} to {}").format(
                database, sql.Identifier(OWNER_ROLE)
            )
        )
        connection.execute(
            sql.SQL("grant connect, temporary on database {} to {}").format(database, sql.Identifier(APP_ROLE))
        )
    return DatabaseUrls(
        owner=url.set(username=OWNER_ROLE, password=passwords[OWNER_ROLE]).render_as_string(hide_password=False),
        app=url.set(username=APP_ROLE, password=passwords[APP_ROLE]).render_as_string(hide_password=False),
    )


def migrate(owner_url: str) -> str:
    """Bring the schema up to date in one transaction and return its revision; any number may do it at the same time."""
    engine = sqlalchemy.create_engine(owner_url, poolclass=sqlalchemy.NullPool)
    try:
        with _in_words(owner_url), engine.begin() as connection:
            # The lock comes before the schema is looked for or made, which is not safe against itself.
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": PREPARATION_LOCK})
            if connection.scalar(text("select count(*) from pg_roles where rolname = :role"), {"role": APP_ROLE}) == 0:
                raise DatabaseRefused(
                    f"The role {APP_ROLE} does not exist in this database server. Prepare the roles first."
                )
            # Looked for first: `create schema if not exists` wants the right to create even where the schema exists.
            if connection.scalar(text("select to_regnamespace(:schema)"), {"schema": SCHEMA}) is None:
                connection.execute(text(f"create schema {SCHEMA}"))
            connection.execute(text(f"set local search_path = {SCHEMA}"))
            configuration = Config()
            configuration.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            configuration.set_main_option("path_separator", "os")
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            return str(connection.scalar(text("select version_num from alembic_version")))
    finally:
        engine.dispose()


def open_engine(app_url: str, *, pool_size: int = 8) -> Engine:
    """An engine on the application's role; refuses any role that row-level security does not bind, and says how to fix it."""
    engine = sqlalchemy.create_engine(app_url, pool_size=pool_size, max_overflow=0, pool_pre_ping=True)
    try:
        with _in_words(app_url), engine.connect() as connection:
            _refuse_unbound_role(connection)
            _refuse_missing_schema(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def tenant_transaction(engine: Engine, tenant_id: UUID) -> Iterator[Connection]:
    """One transaction that sees and writes this tenant's rows alone; commits at the end, rolls back on an exception.

    The tenant is set for the transaction only, so a connection goes back to the pool belonging to nobody.
    """
    with engine.begin() as connection:
        set_tenant(connection, tenant_id)
        yield connection


@contextlib.contextmanager
def tenant_snapshot(engine: Engine, tenant_id: UUID) -> Iterator[Connection]:
    """As `tenant_transaction`, but every statement sees the database as it was at the first one: for sums that must agree."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            set_tenant(connection, tenant_id)
            yield connection


def clock(engine: Engine) -> datetime:
    """The database's time in UTC: the one clock for all processes that write the mirror, where the newer answer counts."""
    with engine.connect() as connection:
        now: datetime = connection.scalar(text("select clock_timestamp()"))
        return now.astimezone(UTC)


def set_tenant(connection: Connection, tenant_id: UUID) -> None:
    """Let the rest of the transaction that is open on this connection belong to the tenant."""
    connection.execute(text("select set_config('app.tenant_id', :tenant_id, true)"), {"tenant_id": str(tenant_id)})


def trouble_in_words(trouble: BaseException) -> str | None:
    """What to do when the server fails in the middle of work, as one sentence; None for any other trouble."""
    if not isinstance(trouble, psycopg.OperationalError | sqlalchemy.exc.OperationalError):
        return None
    said = " ".join(str(getattr(trouble, "orig", None) or trouble).split())
    return (
        "The database failed in the middle of the work; what was committed is kept, and the same command goes on from there. "
        f"Check that the server runs and that its disk is not full. It says: {said}"
    )


@contextlib.contextmanager
def _in_words(url: str) -> Iterator[None]:
    """A server that cannot be reached is told in one sentence, without its password."""
    try:
        yield
    except (psycopg.OperationalError, sqlalchemy.exc.OperationalError) as trouble:
        address = make_url(url)
        said = " ".join(str(getattr(trouble, "orig", None) or trouble).split())
        raise DatabaseUnreachable(
            f"The database {address.database} of {address.host}:{address.port or 5432} cannot be used as {address.username}. "
            f"Check that the server runs, and DATABASE_URL and DATABASE_OWNER_URL. It says: {said}"
        ) from trouble


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A plain connection on an address in SQLAlchemy's spelling."""
    return psycopg.connect(url.replace(POSTGRES_DRIVER, "postgresql://", 1), connect_timeout=10)


def _create_database(admin_url: str) -> None:
    """Make the database that the address names, where it is missing."""
    url = make_url(admin_url)
    maintenance = url.set(database="postgres").render_as_string(hide_password=False)
    if url.database in (None, "", "postgres"):
        return
    try:
        _connect(admin_url).close()
    except psycopg.OperationalError as trouble:
        if "does not exist" not in str(trouble):
            raise
        with _connect(maintenance) as connection:
            connection.autocommit = True
            # Several may start at once; the second finds it made.
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(url.database or "")))


def _passwords(credentials: Path | None) -> dict[str, str]:
    """The roles' passwords: those kept in the file, or new ones, which are then kept in it."""
    known: dict[str, str] = (
        json.loads(credentials.read_text(encoding="utf-8")) if credentials and credentials.exists() else {}
    )
    passwords = {role: secrets.token_urlsafe(24) for role in (OWNER_ROLE, APP_ROLE)} | known
    if credentials is not None and passwords != known:
        write_secret(credentials, json.dumps(passwords))
    return passwords


def _create_role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    """Make the role, or give an existing one this password."""
    exists = connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
    # An administrator who is no superuser (as hosting services give) may not alter these limits; `open_engine` checks them.
    statement = sql.SQL(
        "alter role {} with login password {}" if exists else f"create role {{}} with {ROLE_LIMITS} password {{}}"
    )
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
    # On the role and not on each connection: the job queue and any other client of the role find the tables, too.
    connection.execute(
        sql.SQL("alter role {} set search_path = {}").format(sql.Identifier(role), sql.Identifier(SCHEMA))
    )
    connection.execute(sql.SQL("alter role {} set timezone = 'UTC'").format(sql.Identifier(role)))


def _refuse_unbound_role(connection: Connection) -> None:
    """Raise when the role, or one it may become, is above row-level security."""
    role = connection.scalar(text("select current_user"))
    powers = connection.execute(
        text(
            "select bool_or(rolsuper), bool_or(rolbypassrls) from pg_roles "
            "where case when (select rolsuper from pg_roles where rolname = current_user) then rolname = current_user "
            "else pg_has_role(current_user, oid, 'member') end"
        )
    ).one()
    owns = connection.scalar(
        text(
            "select count(*) from pg_class where relkind in ('r', 'p', 'v', 'm') and relnamespace = to_regnamespace(:schema) "
            "and pg_has_role(current_user, relowner, 'member')"
        ),
        {"schema": SCHEMA},
    )
    fix = f"Let DATABASE_URL name the role {APP_ROLE}, which owns nothing and cannot bypass row-level security."
    if powers[0]:
        raise DatabaseRefused(
            f"The database role {role} is (or may become) a superuser, whom no tenant's rows are hidden from. {fix}"
        )
    if powers[1]:
        raise DatabaseRefused(
            f"The database role {role} may bypass row-level security (BYPASSRLS), so tenants would see each other. {fix}"
        )
    if owns:
        raise DatabaseRefused(
            f"The database role {role} owns the tables, so it could switch row-level security off. {fix}"
        )


def _refuse_missing_schema(connection: Connection) -> None:
    """Raise when the tables are not there or would not be found."""
    if connection.scalar(text("select to_regclass(:name)"), {"name": f"{SCHEMA}.alembic_version"}) is None:
        raise DatabaseRefused(
            "This database has no tables of ours yet. Migrate it first, with the owner's address in DATABASE_OWNER_URL."
        )
    known = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    versions = table("alembic_version", column("version_num"), schema=SCHEMA)
    found = connection.scalar(select(versions.c.version_num))
    if found != known:
        raise DatabaseRefused(
            f"The tables are at revision {found}, and this program needs {known}. Migrate them with the owner's address in "
            "DATABASE_OWNER_URL, or install the version that belongs to them."
        )
    if connection.scalar(text("select current_schema()")) != SCHEMA:
        raise DatabaseRefused(
            f"The database role does not look in the schema {SCHEMA}. Run: alter role {APP_ROLE} set search_path = {SCHEMA}"
        )
