"""A tenant connected to running provider APIs: pull, look at what is in force, and let it be killed on the way."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import polars as pl
from sqlalchemy import Engine

from pipelines.pull_usage import Pulled, pull_usage
from pipelines.pull_usage_access import SOURCES
from store import lake, provider_reports, usage_connections
from store.database import tenant_transaction
from store.settings import Settings, load_settings
from store.usage_connections import CountsAs, UsageConnection
from tests.provider_fixtures import NOON, Providers

KEYS = {
    "metering_openai_admin_key": "sk-admin-1",
    "metering_anthropic_admin_key": "sk-ant-admin-1",
    "metering_openrouter_key": "sk-or-1",
    "metering_litellm_key": "sk-1",
    "metering_langfuse_keys": "pk-lf-1:sk-lf-1",
    "metering_helicone_key": "sk-helicone-1",
}


class Killed(Exception):
    """The process died here."""


def settings_for(url: str, **others: object) -> Settings:
    """Settings with a good key for every source at these providers."""
    bases = {f"metering_{kind}_base_url": url for kind in SOURCES}
    return load_settings(**{**KEYS, **bases, **others})


@dataclass
class Connected:
    """One tenant's connections to one set of providers; waits are noted and not slept."""

    engine: Engine
    tenant: UUID
    home: Path
    at: Providers
    waits: list[float] = field(default_factory=list)

    def connect(self, kind: str, counts_as: CountsAs | None = None) -> None:
        """Ask this source from now on."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            chosen = counts_as or SOURCES[kind].counts_as
            usage_connections.connect(connection, kind, "main", chosen, principal="ada", now=NOON)

    def pull(self, now: datetime = NOON, **settings: object) -> Pulled:
        """Pull at a moment, which the providers' clock shows, too; the outcome of the one source that is connected."""
        self.at.now_is(now)
        [pulled] = pull_usage(
            self.engine, self.home, self.tenant, settings_for(self.at.url, **settings), now=now, sleep=self.waits.append
        )
        return pulled

    def known(self) -> UsageConnection:
        """The one connection there is."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            [known] = usage_connections.read(connection)
        return known

    def costs(self) -> pl.DataFrame:
        """Lines of cost in force."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            return provider_reports.read_costs(connection)

    def usage(self) -> pl.DataFrame:
        """Lines of usage in force."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            return provider_reports.read_usage(connection)

    def events(self) -> int:
        """How many events the lake holds."""
        with tenant_transaction(self.engine, self.tenant) as connection:
            return lake.read_sums(connection).rows
