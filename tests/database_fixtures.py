"""Fixtures of the database: one server for the session, a fresh migrated database for each test, a tenant and an outsider."""

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from store import database, embedded_postgres
from store.database import DatabaseUrls
from store.tenants import ensure_tenant

TEMPLATE = f"metering_template_{os.getpid()}"
_numbers = count(1)


def in_database(url: str, name: str) -> str:
    """The same address with another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def plain(url: str) -> str:
    """An address in libpq's spelling, for psycopg."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.fixture(scope="session")
def postgres_admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's address: of TEST_DATABASE_ADMIN_URL's server, or of an embedded one that ends with the session."""
    given = os.environ.get("TEST_DATABASE_ADMIN_URL")
    if given:
        yield in_database(given.replace("postgresql://", "postgresql+psycopg://", 1), "postgres")
        return
    home = tmp_path_factory.mktemp("postgres-home")
    try:
        yield in_database(embedded_postgres.start(home, is_durable=False).url, "postgres")
    finally:
        embedded_postgres.stop(home)


@contextlib.contextmanager
def empty_database(admin_url: str) -> Iterator[str]:
    """A superuser's address of a new, empty database that is gone afterwards."""
    name = f"metering_empty_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(plain(admin_url), autocommit=True) as connection:
        connection.execute(f"create database {name}")
        try:
            yield in_database(admin_url, name)
        finally:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def roles_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that keeps the passwords of the server's roles: every test that prepares roles must name it."""
    return tmp_path_factory.mktemp("roles-home")


@pytest.fixture(scope="session")
def database_template(postgres_admin_url: str, roles_home: Path) -> Iterator[DatabaseUrls]:
    """A migrated database that nobody connects to, and the addresses of its roles."""
    urls = database.prepare_roles(in_database(postgres_admin_url, TEMPLATE), home=roles_home)
    database.migrate(urls.owner)
    yield urls
    with psycopg.connect(plain(postgres_admin_url), autocommit=True) as connection:
        connection.execute(f"drop database {TEMPLATE} with (force)")


@pytest.fixture
def database_urls(postgres_admin_url: str, database_template: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """The owner's and the application's addresses of a fresh, migrated, empty database."""
    name = f"metering_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(plain(postgres_admin_url), autocommit=True) as connection:
        connection.execute(f"create database {name} template {TEMPLATE}")
        try:
            yield DatabaseUrls(
                owner=in_database(database_template.owner, name), app=in_database(database_template.app, name)
            )
        finally:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def superuser_url(postgres_admin_url: str, database_urls: DatabaseUrls) -> str:
    """The superuser's address of this test's database, in libpq's spelling: for what no application may do."""
    return plain(in_database(postgres_admin_url, make_url(database_urls.app).database or ""))


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    """The application's engine on a fresh database."""
    opened = database.open_engine(database_urls.app)
    try:
        yield opened
    finally:
        opened.dispose()


@pytest.fixture
def tenant(engine: Engine) -> UUID:
    """The tenant whose story the test tells."""
    return ensure_tenant(engine, "acme", "Acme", "usd")


@pytest.fixture
def mallory(engine: Engine) -> UUID:
    """Another tenant, who may see nothing of the first."""
    return ensure_tenant(engine, "mallory", "Mallory", "usd")
