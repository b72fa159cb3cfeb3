"""Opens the installation that the settings describe: its Postgres (embedded or external), migrated, and its tenant."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pipelines.one_at_a_time import last_one_out
from pipelines.pull_stripe import StripeConfig
from store import embedded_postgres
from store.database import Engine, migrate, open_engine, prepare_roles
from store.settings import Settings, load_settings
from store.tenants import ensure_tenant


@dataclass(frozen=True)
class Installation:
    """An open installation: where it lies, its engine on the application's role, and the tenant commands speak of."""

    home: Path
    engine: Engine
    app_url: str
    tenant_id: UUID


class NoStripeKey(Exception):
    """No Stripe key is set, so there is nothing to pull from."""


def stripe_config(settings: Settings) -> StripeConfig:
    """Where and as whom to read Stripe. Raises NoStripeKey when no key is set."""
    if settings.stripe_api_key is None:
        raise NoStripeKey(
            "STRIPE_API_KEY is not set: put a restricted read-only key into .env (`metering init` writes one)."
        )
    return StripeConfig(
        api_key=settings.stripe_api_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        requests_per_second=settings.stripe_requests_per_second,
    )


def _prepared(settings: Settings) -> str:
    """The application's URL of a database that is there and migrated: the external one, or the embedded one."""
    if settings.database_url is None:
        urls = prepare_roles(embedded_postgres.start(settings.metering_home))
        migrate(urls.owner)
        return urls.app
    if settings.database_owner_url is not None:
        migrate(settings.database_owner_url.get_secret_value())
    return settings.database_url.get_secret_value()


@contextmanager
def open_installation(settings: Settings, *, tenant_name: str) -> Iterator[Installation]:
    """Start or reach Postgres, migrate, open the engine as the application's role and make sure the tenant exists.

    Several commands may have the same folder open; the last of them to end stops the embedded Postgres.
    """
    with postgres_in_use(settings):
        app_url = _prepared(settings)
        engine = open_engine(app_url)
        try:
            tenant_id = ensure_tenant(
                engine, settings.metering_tenant, tenant_name, settings.metering_reporting_currency
            )
            yield Installation(settings.metering_home, engine, app_url, tenant_id)
        finally:
            engine.dispose()


def this_installation() -> AbstractContextManager[Installation]:
    """The installation of the environment's settings, for commands that take none of their own."""
    settings = load_settings()
    return open_installation(settings, tenant_name=settings.metering_tenant)


@contextmanager
def postgres_in_use(settings: Settings) -> Iterator[None]:
    """Keep the embedded Postgres from being stopped by others for the block; an external one needs no keeping."""
    if settings.database_url is not None:
        yield
        return
    home = settings.metering_home
    with last_one_out(home, lambda: embedded_postgres.stop(home)):
        yield
