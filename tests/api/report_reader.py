"""Somebody outside with a link to a locked month: their browser, and the link as its maker gave it out."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from sqlalchemy import Engine
from starlette.applications import Starlette

from api import shared_reports
from billing import investor_reports, report_links
from billing.principals import Principal
from billing.report_links import Shared
from pricing.report_view import Redaction
from store import report_links as kept
from store.database import DatabaseUnreachable, tenant_transaction
from store.investor_reports import Snapshot
from tests.billing.reported_company import publish_october
from tests.store.warehouse_rows import OCTOBER

FAY, VIC = Principal("fay", "finance"), Principal("vic", "viewer")


class Browser:
    """A browser of somebody outside, with its cookies; `engine` None is a database that is away."""

    def __init__(self, engine: Engine | None, tenant: UUID) -> None:
        def books() -> tuple[Engine, UUID]:
            if engine is None:
                raise DatabaseUnreachable("away")
            return engine, tenant

        self.app = Starlette(routes=shared_reports.routes(books))
        self.cookies = httpx.Cookies()

    def call(self, method: str, path: str, **sent: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=("203.0.113.7", 4711))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://metering", cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, headers={"User-Agent": "Angel/1.0"}, **sent)  # type: ignore[arg-type]  # httpx's own words
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.call("GET", path)

    def enter(self, shared: Shared, password: str | None = None) -> httpx.Response:
        return self.call("POST", at(shared), data={"password": shared.password if password is None else password})


def at(shared: Shared, more: str = "") -> str:
    return f"/shared/{shared.token}{more}"


def lock(engine: Engine, tenant: UUID, home: Path, slug: str = "acme") -> Snapshot:
    warehouse = publish_october(home, tenant, slug=slug)
    with tenant_transaction(engine, tenant) as connection:
        return investor_reports.lock(
            connection, warehouse, OCTOBER, reason="board", after_revision=0, principal=FAY, now=datetime.now(UTC)
        )


def share(
    engine: Engine,
    tenant: UUID,
    snapshot: Snapshot,
    redaction: Redaction = "all",
    days: int = 7,
    ago: timedelta = timedelta(0),
) -> Shared:
    with tenant_transaction(engine, tenant) as connection:
        now = datetime.now(UTC) - ago
        return report_links.share(
            connection, snapshot, redaction=redaction, days=days, label="Angel Fund", principal=FAY, now=now
        )


def log_of(engine: Engine, tenant: UUID, shared: Shared) -> list[str]:
    with tenant_transaction(engine, tenant) as connection:
        return [view.kind for view in reversed(kept.view_log(connection, shared.link.link_id))]
