"""The spend table of a LiteLLM proxy's own Postgres, read and never written: for proxies whose API does not give single calls."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from store.setting_values import POSTGRES_DRIVER

# Prisma keeps LiteLLM's moments in UTC without a zone, and names tables and columns as it spells them.
_SPEND = """
select request_id, call_type, api_key, spend::text as spend, total_tokens, prompt_tokens, completion_tokens, "startTime", "endTime", model,
    custom_llm_provider, end_user, cache_hit, metadata
from "LiteLLM_SpendLogs"
where "startTime" >= %(start)s and "startTime" < %(end)s and ("startTime", request_id) > (%(after)s, %(after_id)s)
order by "startTime", request_id
limit %(limit)s
"""
PAGE_ROWS = 5000
CONNECT_SECONDS = 10
STATEMENT_TIMEOUT = "120s"


class SpendTableUnreadable(Exception):
    """The proxy's database does not answer, or lets us not read the table; the sentence says what it said, without the password."""


def spend_logs(url: str, start: datetime, end: datetime) -> Iterator[Sequence[dict[str, Any]]]:
    """The calls of a span (UTC) page by page, oldest first, as the proxy's API tells them. Raises SpendTableUnreadable.

    `spend` is the float's shortest text. The connection is read-only, so that no mistake of ours can change the proxy's books.
    """
    url = url.replace(POSTGRES_DRIVER, "postgresql://", 1)
    after, after_id = start.astimezone(UTC).replace(tzinfo=None), ""
    bounds = {"start": after, "end": end.astimezone(UTC).replace(tzinfo=None), "limit": PAGE_ROWS}
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS, row_factory=dict_row) as connection:
            connection.execute("set default_transaction_read_only = on")
            connection.execute(f"set statement_timeout = '{STATEMENT_TIMEOUT}'")
            while True:
                page = connection.execute(_SPEND, bounds | {"after": after, "after_id": after_id}).fetchall()
                if page:
                    after, after_id = page[-1]["startTime"], page[-1]["request_id"]
                    yield [_told(row) for row in page]
                if len(page) < PAGE_ROWS:
                    return
    except psycopg.Error as trouble:
        host = conninfo_to_dict(url).get("host") or "its host"
        raise SpendTableUnreadable(
            f"The LiteLLM proxy's database at {host} cannot be read ({' '.join(str(trouble).split())}): let the role in "
            'METERING_LITELLM_DATABASE_URL select from "LiteLLM_SpendLogs".'
        ) from trouble


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Moments as text with their zone."""
    moments = {name: row[name].replace(tzinfo=UTC).isoformat() for name in ("startTime", "endTime") if row[name]}
    return row | moments
