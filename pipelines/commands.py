"""The work behind each `metering` command: opens the installation, runs one job and prints what came of it."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from pipelines import demo_digest, demo_meters, demo_sources, price_file, publish_warehouse
from pipelines import import_usage as usage
from pipelines import worker as worker_process
from pipelines.find_alerts import find_alerts
from pipelines.installation import Installation, open_installation, postgres_in_use, stripe_config
from pipelines.margin_table import print_margin_table
from pipelines.one_at_a_time import only_one
from pipelines.progress import progress_bars
from pipelines.pull_stripe import StripeConfig
from pipelines.refresh import refresh
from pipelines.running import SANDBOX_KEY, demo_channels, serve_until_interrupted, start_sandbox, tell_sandbox_where
from pipelines.send_messages import keep_channels
from pipelines.summaries import print_import_summary, print_price_summary, print_refresh
from pipelines.supervise import free_port, interrupt_on_sigterm, leave_when_stdin_ends, stop_children
from pipelines.write_config import write_config
from pricing.fx import FxRate, parse_rate
from store import audit, embedded_postgres, fx_rates
from store.database import open_engine, prepare_roles, tenant_transaction
from store.settings import ConfigurationError, Settings, load_settings
from store.tenants import ensure_tenant

Clock = Callable[[], datetime]
DEMO_TENANT = "demo"


def demo(console: Console, *, once: bool, port: int | None, now: Clock) -> None:
    """From an empty folder to the demo company's margin page; every step is incremental the second time."""
    interrupt_on_sigterm()
    channels = demo_channels()
    settings = load_settings(metering_tenant=DEMO_TENANT, **{name.lower(): value for name, value in channels.items()})
    with only_one(settings.metering_home):
        page_port = None if once else free_port(port or settings.metering_port, must=port is not None)
        with open_installation(settings, tenant_name="Demo company") as installation:
            sandbox = start_sandbox(settings)
            try:
                keep_channels(installation.engine, installation.tenant_id, settings, now=now())
                _import_usage(console, installation, [sandbox.usage_file], now=now)
                demo_sources.pull_demo_sources(
                    console, installation, settings, sandbox.stripe.api_base, sandbox.bills, now=now
                )
                _pull_and_publish(console, installation, sandbox.stripe, now=now)
                print_margin_table(console, installation.home, installation.tenant_id)
                demo_digest.put_on_the_list(console, installation, now=now)
                demo_meters.compare_in_the_shadow(console, installation, sandbox.stripe, now=now)
                if page_port is not None:
                    serve_until_interrupted(
                        console,
                        settings,
                        installation,
                        sandbox.stripe,
                        page_port,
                        [sandbox.child],
                        write_key=SANDBOX_KEY,
                        webhook_secrets=tell_sandbox_where(sandbox, page_port),
                        smtp_url="off",  # the demo company's customers are nobody to write to
                        worker_settings=demo_sources.environment(sandbox.stripe.api_base) | channels,
                    )
            finally:
                stop_children([sandbox.child])


def up(console: Console, *, once: bool, port: int | None, now: Clock) -> None:
    """The same path against the Stripe account that the settings name."""
    interrupt_on_sigterm()
    settings = load_settings()
    stripe = stripe_config(settings)
    _refuse_demo_tenant(settings)
    with only_one(settings.metering_home):
        page_port = None if once else free_port(port or settings.metering_port, must=port is not None)
        with open_installation(settings, tenant_name=settings.metering_tenant) as installation:
            keep_channels(installation.engine, installation.tenant_id, settings, now=now())
            _pull_and_publish(console, installation, stripe, now=now)
            print_margin_table(console, installation.home, installation.tenant_id)
            if page_port is not None:
                serve_until_interrupted(
                    console,
                    settings,
                    installation,
                    stripe,
                    page_port,
                    [],
                    write_key=_secret(settings.stripe_write_key),
                    webhook_secrets=_secret(settings.stripe_webhook_secrets),
                    smtp_url=_secret(settings.smtp_url) or "off",
                )


def _secret(setting: SecretStr | None) -> str:
    return setting.get_secret_value() if setting else ""


def _refuse_demo_tenant(settings: Settings) -> None:
    """A real account pulled into the demo company's tenant would mix two companies in one margin."""
    if settings.metering_tenant == DEMO_TENANT:
        raise ConfigurationError(
            [f"METERING_TENANT={DEMO_TENANT} is the demo company's: choose another name for your own account."]
        )


def _import_usage(
    console: Console,
    installation: Installation,
    files: list[Path],
    *,
    usage_format: str | None = None,
    columns: str | None = None,
    mapping: Path | None = None,
    now: Clock,
) -> None:
    with progress_bars(console, "Usage") as progress:
        summary = usage.import_files(
            installation.engine,
            installation.home,
            installation.tenant_id,
            files,
            format=usage_format,
            columns=columns,
            mapping=mapping,
            now=now(),
            progress=progress,
        )
    print_import_summary(console, summary)


def _pull_and_publish(console: Console, installation: Installation, stripe: StripeConfig, *, now: Clock) -> None:
    with progress_bars(console, "Stripe") as advance:
        outcome = refresh(
            installation.engine, installation.home, installation.tenant_id, stripe, now=now(), progress=advance
        )
    print_refresh(console, outcome)


def init(console: Console, folder: Path) -> None:
    """Write .env and say what comes next."""
    path = write_config(folder)
    console.print(f"Wrote {path}. Put your restricted Stripe key into it, then run: metering up", highlight=False)


def refresh_once(console: Console, *, now: Clock) -> None:
    """One pass against the configured Stripe account."""
    settings = load_settings()
    stripe = stripe_config(settings)
    _refuse_demo_tenant(settings)
    with open_installation(settings, tenant_name=settings.metering_tenant) as installation:
        _pull_and_publish(console, installation, stripe, now=now)


def import_usage(
    console: Console,
    files: list[Path],
    *,
    usage_format: str | None,
    mapping: Path | None,
    columns: str | None,
    now: Clock,
) -> None:
    """Import, say what was accepted, and publish so that the pages show it."""
    settings = load_settings()
    with open_installation(settings, tenant_name=settings.metering_tenant) as installation:
        _import_usage(
            console, installation, files, usage_format=usage_format, columns=columns, mapping=mapping, now=now
        )
        publication = publish_warehouse.publish(
            installation.engine, installation.home, installation.tenant_id, now=now()
        )
        console.print(publication.message, highlight=False)
        found = find_alerts(installation.engine, installation.home, installation.tenant_id, now=now())
        console.print(found.message, highlight=False)


def price(console: Console, file: Path, out: Path | None, *, usage_format: str | None, columns: str | None) -> None:
    """Price a file with no database and print what it came to."""
    summary = price_file.price_file(file, out, format=usage_format, columns=columns)
    print_price_summary(console, summary, out)


def worker(*, watch_stdin: bool) -> None:
    """The worker of an installation that was set up before: it migrates nothing."""
    settings = load_settings()
    if watch_stdin:
        leave_when_stdin_ends()
    with postgres_in_use(settings):
        app_url = _running_app_url(settings)
        engine = open_engine(app_url)
        tenant_id = ensure_tenant(
            engine, settings.metering_tenant, settings.metering_tenant, settings.metering_reporting_currency
        )
        stripe = stripe_config(settings) if settings.stripe_api_key else None
        queue = worker_process.build_queue(
            engine,
            app_url,
            settings.metering_home,
            tenant_id,
            stripe,
            has_webhooks=bool(settings.webhook_secrets),
            mails_customers=settings.metering_customer_mails and settings.mail_server is not None,
            portal_url=settings.stripe_portal_url,
            settings=settings,
        )
        with worker_process.money_rounds(engine, tenant_id, settings, stripe) as rounds:
            worker_process.run(queue, app_url, rounds)


def _running_app_url(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return prepare_roles(embedded_postgres.start(settings.metering_home)).app


def add_rate(console: Console, base: str, quote: str, day: date, rate: str, *, now: Clock) -> None:
    """Record a rate with its audit line and publish, so that what had no rate is counted."""
    pair = (base.lower(), quote.lower())
    given = FxRate(*pair, day, parse_rate(rate, *pair), "recorded by hand")
    settings = load_settings()
    with open_installation(settings, tenant_name=settings.metering_tenant) as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            is_new = fx_rates.record(connection, [given], now=now()) == 1
            if is_new:
                deed = {"rate": rate, "day": day}
                audit.append(
                    connection,
                    at=now(),
                    principal="command line",
                    action="fx_rate:record",
                    subject=f"{given.base}/{given.quote}",
                    after=deed,
                )
        if not is_new:
            console.print(f"A rate of {base} in {quote} is known for {day} already; it stays.", highlight=False)
            return
        publication = publish_warehouse.publish(
            installation.engine, installation.home, installation.tenant_id, now=now()
        )
    console.print(f"Recorded. {publication.message}", highlight=False)


def stop(console: Console) -> None:
    """Stop the embedded Postgres, if one runs."""
    settings = load_settings()
    running = embedded_postgres.is_running(settings.metering_home)
    embedded_postgres.stop(settings.metering_home)
    console.print("Stopped the embedded Postgres." if running else "No embedded Postgres was running.")


def database_prepare(console: Console, admin_url: str) -> None:
    """Create the two roles and print the lines for .env."""
    urls = prepare_roles(admin_url)
    console.print("Put these two lines into .env; they are not shown again:", highlight=False)
    console.print(f"DATABASE_URL={urls.app}\nDATABASE_OWNER_URL={urls.owner}", highlight=False, soft_wrap=True)


def audit_verify(console: Console) -> bool:
    """Print the verdict on the tenant's audit chain; True when it is intact."""
    settings = load_settings()
    with (
        open_installation(settings, tenant_name=settings.metering_tenant) as installation,
        tenant_transaction(installation.engine, installation.tenant_id) as connection,
    ):
        verdict = audit.verify(connection)
    console.print(verdict.message, highlight=False)
    return verdict.intact
