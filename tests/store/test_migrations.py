"""The schema comes from the migrations, from nothing, by any number of starters, and is the one that the code describes."""

import socket
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import make_url, text

from store import database
from store.database import MIGRATIONS, DatabaseRefused, DatabaseUnreachable, DatabaseUrls
from store.schema import metadata
from tests.database_fixtures import empty_database, plain


def test_the_migrated_schema_is_the_one_that_the_code_describes(database_urls: DatabaseUrls) -> None:
    engine = sqlalchemy.create_engine(database_urls.owner)
    with engine.connect() as connection:
        options = {
            "include_name": lambda name, kind, _: kind != "table" or not (name or "").startswith("procrastinate_")
        }
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    assert differences == []


def test_three_starts_at_once_from_nothing_end_well(postgres_admin_url: str, roles_home: Path) -> None:
    with empty_database(postgres_admin_url) as admin_url:
        with ThreadPoolExecutor(3) as pool:
            prepared = list(pool.map(lambda _: database.prepare_roles(admin_url, home=roles_home), range(3)))
            revisions = list(pool.map(lambda urls: database.migrate(urls.owner), prepared))
        database.open_engine(prepared[0].app).dispose()
    assert len(set(revisions)) == 1


def test_migrating_again_changes_nothing(database_urls: DatabaseUrls) -> None:
    assert database.migrate(database_urls.owner) == database.migrate(database_urls.owner)


def test_every_step_can_be_undone_and_done_again(database_urls: DatabaseUrls, superuser_url: str) -> None:
    engine = sqlalchemy.create_engine(database_urls.owner)
    with engine.begin() as connection:
        configuration = Config()
        configuration.set_main_option("script_location", str(MIGRATIONS))
        configuration.set_main_option("path_separator", "os")
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "base")
        left = connection.execute(
            text("select relname from pg_class where relnamespace = 'metering'::regnamespace and relkind = 'r'")
        )
        assert left.scalars().all() == ["alembic_version"]
        functions = connection.scalar(
            text("select count(*) from pg_proc where pronamespace = 'metering'::regnamespace")
        )
        assert functions == 0
    engine.dispose()
    assert database.migrate(database_urls.owner) is not None


def test_the_queue_schema_kept_here_is_that_of_the_installed_procrastinate() -> None:
    """When this fails, procrastinate was upgraded: turn its new migration scripts into a migration of ours."""
    installed = (resources.files("procrastinate") / "sql" / "schema.sql").read_text(encoding="utf-8")
    kept = (Path(MIGRATIONS) / "versions" / "0002_procrastinate_3_10.sql").read_text(encoding="utf-8")
    assert kept == installed


def test_an_empty_database_is_refused_with_what_to_do(postgres_admin_url: str, roles_home: Path) -> None:
    with empty_database(postgres_admin_url) as admin_url:
        urls = database.prepare_roles(admin_url, home=roles_home)
        with pytest.raises(DatabaseRefused, match="no tables of ours yet"):
            database.open_engine(urls.app)


def test_an_older_schema_is_refused_with_what_to_do(database_urls: DatabaseUrls, superuser_url: str) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute("update metering.alembic_version set version_num = '0001'")
    with pytest.raises(DatabaseRefused, match="revision 0001"):
        database.open_engine(database_urls.app)


def test_passwords_are_kept_in_a_file_for_its_owner_alone(
    postgres_admin_url: str, database_urls: DatabaseUrls, roles_home: Path
) -> None:
    with empty_database(postgres_admin_url) as admin_url:
        urls = database.prepare_roles(admin_url, home=roles_home)
    assert make_url(urls.app).password == make_url(database_urls.app).password
    assert str(make_url(urls.app).password) not in repr(urls)
    assert (roles_home / "postgres" / "credentials").stat().st_mode & 0o777 == 0o600


def test_an_administrator_who_is_no_superuser_can_prepare(
    postgres_admin_url: str, database_template: DatabaseUrls, roles_home: Path
) -> None:
    """Hosting services give a role that may make roles and databases, and no superuser."""
    assert database_template.app  # the roles are there; this administrator was given the right to administer them
    with (
        psycopg.connect(plain(postgres_admin_url), autocommit=True) as connection,
        empty_database(postgres_admin_url) as admin_url,
    ):
        connection.execute("create role metering_test_host login createrole createdb password 'secret'")
        try:
            connection.execute(f"alter database {make_url(admin_url).database} owner to metering_test_host")
            connection.execute("grant metering_owner, metering_app to metering_test_host with admin option")
            host = make_url(admin_url).set(username="metering_test_host", password="secret")
            urls = database.prepare_roles(host.render_as_string(hide_password=False), home=roles_home)
            database.migrate(urls.owner)
            database.open_engine(urls.app).dispose()
        finally:
            connection.execute(f"alter database {make_url(admin_url).database} owner to postgres")
            connection.execute("drop owned by metering_test_host")
            connection.execute("drop role metering_test_host")


def test_a_server_that_does_not_answer_and_a_wrong_password_are_said_in_a_sentence(database_urls: DatabaseUrls) -> None:
    with socket.socket() as silent:  # bound and not listening: nobody else can take the port
        silent.bind(("127.0.0.1", 0))
        nobody = make_url(database_urls.app).set(port=silent.getsockname()[1]).render_as_string(hide_password=False)
        for door in (database.open_engine, database.migrate, database.prepare_roles):
            with pytest.raises(DatabaseUnreachable, match=r"Check that the server runs.*Connection refused"):
                door(nobody)
    wrong = make_url(database_urls.app).set(password="hunter2").render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnreachable, match="password authentication failed") as refused:
        database.open_engine(wrong)
    assert "hunter2" not in str(refused.value)
