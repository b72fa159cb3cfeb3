"""A LiteLLM proxy's spend table is read page by page and never written; what cannot be read is said without the password."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine

from pipelines.pull_usage import pull_usage
from store import lake, litellm_spend, usage_connections
from store.database import tenant_transaction
from store.litellm_spend import SpendTableUnreadable, spend_logs
from store.settings import load_settings
from store.usage_connections import CountsAs
from tests.database_fixtures import empty_database, plain

START = datetime(2026, 11, 17, tzinfo=UTC)
TABLE = """
create table "LiteLLM_SpendLogs" (
    request_id text primary key, call_type text, api_key text, spend double precision, total_tokens integer, prompt_tokens integer,
    completion_tokens integer, "startTime" timestamp, "endTime" timestamp, model text, custom_llm_provider text, end_user text,
    cache_hit text, metadata jsonb
)"""


@pytest.fixture
def proxy(postgres_admin_url: str) -> Iterator[str]:
    """The database of a proxy with seven calls, five of them in one second."""
    with empty_database(postgres_admin_url) as url:
        with psycopg.connect(plain(url)) as connection:
            connection.execute(TABLE)
            for number, after in enumerate((0, 5, 5, 5, 5, 5, 90_000)):
                at = START.replace(tzinfo=None) + timedelta(seconds=after)
                connection.execute(
                    """insert into "LiteLLM_SpendLogs" values (%s, 'acompletion', 'hash', 0.1, 110, 100, 10, %s, %s, 'gpt-4o', 'openai',
                    'cus_ada', 'False', '{}')""",
                    [f"r{number}", at, at],
                )
        yield plain(url)


def ids(url: str, start: datetime, end: datetime) -> list[list[Any]]:
    return [[row["request_id"] for row in page] for page in spend_logs(url, start, end)]


def test_pages_break_between_calls_of_one_second_without_losing_any(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm_spend, "PAGE_ROWS", 2)
    assert ids(proxy, START, START + timedelta(days=1)) == [["r0", "r1"], ["r2", "r3"], ["r4", "r5"]]
    assert ids(proxy, START + timedelta(days=1), START + timedelta(days=2)) == [["r6"]]


def test_the_spend_is_what_the_float_means(proxy: str) -> None:
    [page] = spend_logs(proxy, START, START + timedelta(hours=1))
    assert (page[0]["spend"], page[0]["startTime"]) == ("0.1", "2026-11-17T00:00:00+00:00")


def test_a_table_that_cannot_be_read_is_one_sentence_without_the_password(postgres_admin_url: str) -> None:
    with empty_database(postgres_admin_url) as url, pytest.raises(SpendTableUnreadable) as told:
        list(spend_logs(plain(url), START, START + timedelta(days=1)))
    assert "LiteLLM_SpendLogs" in str(told.value)
    password = psycopg.conninfo.conninfo_to_dict(plain(postgres_admin_url))["password"]
    assert str(password) not in str(told.value)


def test_calls_from_the_database_go_into_the_lake_once(
    engine: Engine, tenant: UUID, mallory: UUID, proxy: str, tmp_path: Path
) -> None:
    now = START + timedelta(days=2)
    settings = load_settings(metering_litellm_database_url=proxy)
    with tenant_transaction(engine, tenant) as connection:
        usage_connections.connect(connection, "litellm", "main", CountsAs.USAGE, principal="ada", now=now)
    pulled = [pull_usage(engine, tmp_path, tenant, settings, now=now) for _ in range(2)]
    assert [(each.calls, each.rejected, each.trouble) for [each] in pulled] == [(7, 0, None), (0, 0, None)]
    with tenant_transaction(engine, mallory) as connection:
        assert lake.read_sums(connection).rows == 0
