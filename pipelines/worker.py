"""The worker process: runs the schedule's jobs from the queue in Postgres until it is asked to stop."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import procrastinate
import structlog

from billing.dispute_outcomes import expire_overdue
from billing.smtp_gateway import SmtpGateway
from billing.stripe_gateway import StripeGateway
from pipelines import alert_jobs, meter_jobs, reprice, send_digests, usage_intake_jobs
from pipelines.ask_customer_mails import ask_card_mails, ask_recovery_mails
from pipelines.attend import Round, attending
from pipelines.check_refunds import check_due
from pipelines.dry_run_inbox import dry_run_wanted
from pipelines.fill_gaps import fill_gaps
from pipelines.handle_inbox import handle_due
from pipelines.observe_stripe import observe_all
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_client import StripeReader
from pipelines.pull_usage import pull_usage
from pipelines.reconcile import RunUnderWay, attend, reconcile
from pipelines.refresh import refresh
from pipelines.retry_payments import retry_due
from pipelines.schedule import (
    ASK_CARD_MAILS,
    ASK_MAILS,
    EXPIRE_DISPUTES,
    FILL_GAPS,
    OBSERVE_ALL,
    PULL_USAGE,
    RECONCILE,
    REFRESH,
    RETURN_STALLED,
    VERIFY_AUDIT,
)
from pipelines.send_commands import send_due
from pipelines.send_mails import send_due as send_mails_due
from pipelines.send_messages import message_round
from store import audit
from store.database import Engine, clock, tenant_transaction
from store.inbox import CHANNEL as INBOX
from store.jobs import open_job_queue, retry_stalled_jobs
from store.outgoing_mails import CALLS as MESSAGES
from store.outgoing_mails import CHANNEL as MAILS
from store.reconciliation_runs import CHANNEL as RECONCILIATION
from store.recovery_cases import CHANNEL as RECOVERY
from store.refund_requests import CHANNEL as REFUND_QUEUE
from store.restatements import CHANNEL as PRICE_BOOK
from store.settings import Settings
from store.stripe_commands import CHANNEL as OUTBOX
from store.tenants import list_tenants

log = structlog.get_logger(__name__)

SILENT_SECONDS = 30.0


def build_queue(
    engine: Engine,
    app_url: str,
    home: Path,
    tenant_id: UUID,
    stripe: StripeConfig | None,
    *,
    has_webhooks: bool = False,
    mails_customers: bool = False,
    portal_url: str | None = None,
    settings: Settings | None = None,
) -> procrastinate.App:
    """The queue with every job of the schedule registered for this installation's tenant.

    Without a Stripe key there is nothing to pull, so the refresh is not scheduled; without webhooks none can be missed.
    Customers are written to only where that is wished. With `settings`, which hold the keys, reports of usage are pulled.
    """
    queue = open_job_queue(app_url)
    _register_upkeep(queue, engine)
    usage_intake_jobs.register(queue, engine, home, tenant_id)
    alert_jobs.register(queue, engine, home, tenant_id)
    if settings is not None:
        _register_usage_pull(queue, engine, home, tenant_id, settings)
        send_digests.register(queue, engine, tenant_id, settings)
    if mails_customers:
        _register_customer_mails(queue, engine, tenant_id, portal_url)
    if stripe is not None:
        _register_refresh(queue, engine, home, tenant_id, stripe)
        _register_reconciliation(queue, engine, tenant_id, stripe)
        if settings is not None:
            meter_jobs.register(queue, engine, tenant_id, settings, stripe)
        if has_webhooks:
            _register_gap_search(queue, engine, tenant_id, stripe)
    return queue


def _register_refresh(
    queue: procrastinate.App, engine: Engine, home: Path, tenant_id: UUID, stripe: StripeConfig
) -> None:
    # One waiting refresh is enough, and two of one tenant never run at once.
    @queue.periodic(cron=REFRESH.cron, periodic_id=str(tenant_id))
    @queue.task(
        name=REFRESH.name, queueing_lock=f"refresh-{tenant_id}", lock=f"refresh-{tenant_id}", pass_context=False
    )
    def run_refresh(timestamp: int) -> None:
        outcome = refresh(engine, home, tenant_id, stripe, now=clock(engine))
        log.info("refreshed", due=timestamp, version=outcome.publication.version, message=outcome.publication.message)


def _register_usage_pull(
    queue: procrastinate.App, engine: Engine, home: Path, tenant_id: UUID, settings: Settings
) -> None:
    lock = f"usage-{tenant_id}"

    @queue.periodic(cron=PULL_USAGE.cron, periodic_id=str(tenant_id))
    @queue.task(name=PULL_USAGE.name, queueing_lock=lock, lock=lock, pass_context=False)
    def run_usage_pull(timestamp: int) -> None:
        for pulled in pull_usage(engine, home, tenant_id, settings, now=clock(engine)):
            log.info(
                "usage_pulled",
                due=timestamp,
                source=pulled.connection.source,
                new=pulled.change.new,
                restated=pulled.change.restated,
                calls=pulled.calls,
                trouble=pulled.trouble,
            )


def _register_gap_search(queue: procrastinate.App, engine: Engine, tenant_id: UUID, stripe: StripeConfig) -> None:
    lock = f"gaps-{tenant_id}"

    @queue.periodic(cron=FILL_GAPS.cron, periodic_id=str(tenant_id))
    @queue.task(name=FILL_GAPS.name, queueing_lock=lock, lock=lock, pass_context=False)
    def search_gaps(timestamp: int) -> None:
        with StripeReader(stripe) as reader:
            report = fill_gaps(engine, tenant_id, reader, now=clock(engine))
        log.info("gaps_searched", due=timestamp, listed=report.listed, missed=report.missed)


def _register_reconciliation(queue: procrastinate.App, engine: Engine, tenant_id: UUID, stripe: StripeConfig) -> None:
    lock = f"reconcile-{tenant_id}"

    @queue.periodic(cron=RECONCILE.cron, periodic_id=str(tenant_id))
    @queue.task(name=RECONCILE.name, queueing_lock=lock, lock=lock, pass_context=False)
    def run_reconciliation(timestamp: int) -> None:
        try:
            with StripeReader(stripe) as reader:
                report = reconcile(engine, tenant_id, reader, now=clock(engine))
        except RunUnderWay as other:
            log.info("not_reconciled", due=timestamp, reason=str(other))
            return
        log.info("reconciled", due=timestamp, checked=dict(report.checked), open=dict(report.open))


def _register_customer_mails(queue: procrastinate.App, engine: Engine, tenant_id: UUID, portal_url: str | None) -> None:
    @queue.periodic(cron=ASK_MAILS.cron, periodic_id=str(tenant_id))
    @queue.task(name=ASK_MAILS.name, queueing_lock=f"mails-{tenant_id}", pass_context=False)
    def ask_mails(timestamp: int) -> None:
        asked = ask_recovery_mails(engine, tenant_id, now=clock(engine), portal_url=portal_url)
        log.info("mails_asked", due=timestamp, asked=asked)

    if portal_url is None:
        log.info("card_mails_rest", reason="STRIPE_PORTAL_URL is not set, so there is no page to send customers to")
        return

    @queue.periodic(cron=ASK_CARD_MAILS.cron, periodic_id=str(tenant_id))
    @queue.task(name=ASK_CARD_MAILS.name, queueing_lock=f"card-mails-{tenant_id}", pass_context=False)
    def ask_for_cards(timestamp: int) -> None:
        asked = ask_card_mails(engine, tenant_id, now=clock(engine), portal_url=portal_url)
        log.info("card_mails_asked", due=timestamp, cards=asked)


def _register_upkeep(queue: procrastinate.App, engine: Engine) -> None:
    @queue.periodic(cron=RETURN_STALLED.cron)
    @queue.task(name=RETURN_STALLED.name, queueing_lock=RETURN_STALLED.name, pass_context=False)
    async def return_stalled(timestamp: int) -> None:
        returned = await retry_stalled_jobs(queue, silent_seconds=SILENT_SECONDS)
        log.debug("stalled_jobs_returned", due=timestamp, jobs=returned)

    @queue.periodic(cron=VERIFY_AUDIT.cron)
    @queue.task(name=VERIFY_AUDIT.name, queueing_lock=VERIFY_AUDIT.name, pass_context=False)
    def verify_audit(timestamp: int) -> None:
        for tenant in list_tenants(engine):
            with tenant_transaction(engine, tenant.tenant_id) as connection:
                verdict = audit.verify(connection)
            log.info(
                "audit_verified", due=timestamp, tenant=tenant.slug, intact=verdict.intact, message=verdict.message
            )

    @queue.periodic(cron=OBSERVE_ALL.cron)
    @queue.task(name=OBSERVE_ALL.name, queueing_lock=OBSERVE_ALL.name, pass_context=False)
    def observe(timestamp: int) -> None:
        for tenant in list_tenants(engine):
            shown = observe_all(engine, tenant.tenant_id, now=datetime.now(UTC))
            log.info("observed", due=timestamp, tenant=tenant.slug, objects=shown)

    @queue.periodic(cron=EXPIRE_DISPUTES.cron)
    @queue.task(name=EXPIRE_DISPUTES.name, queueing_lock=EXPIRE_DISPUTES.name, pass_context=False)
    def expire_disputes(timestamp: int) -> None:
        for tenant in list_tenants(engine):
            with tenant_transaction(engine, tenant.tenant_id) as connection:
                expired = expire_overdue(connection, tenant.tenant_id, clock(engine))
            log.info("disputes_expired", due=timestamp, tenant=tenant.slug, expired=expired)


@contextmanager
def money_rounds(
    engine: Engine, tenant_id: UUID, settings: Settings, stripe: StripeConfig | None
) -> Iterator[dict[str, Round]]:
    """What is attended to beside the schedule: by what the settings give keys and servers for."""
    rounds: dict[str, Round] = {
        PRICE_BOOK: lambda now: reprice.attend(engine, settings.metering_home, tenant_id, now=now)
    }
    with ExitStack() as open_ones:
        if stripe is not None:
            reader = open_ones.enter_context(StripeReader(stripe))
            rounds[REFUND_QUEUE] = lambda now: check_due(engine, tenant_id, reader, now=now)
            rounds[RECONCILIATION] = lambda now: attend(engine, tenant_id, reader, now=now)
            rounds[INBOX] = lambda _now: _attend_inbox(engine, tenant_id, reader)
        if settings.stripe_write_key is None:
            log.info("outbox_rests", reason="STRIPE_WRITE_KEY is not set, so nothing is sent to Stripe")
        else:
            gateway = StripeGateway(settings.stripe_write_key.get_secret_value(), settings.stripe_api_base)
            open_ones.callback(gateway.close)
            rounds[OUTBOX] = lambda now: send_due(engine, tenant_id, gateway, now=now)
            # Only where tries are sent, or they would gather and all be made on the day the key is set.
            rounds[RECOVERY] = lambda now: retry_due(engine, tenant_id, now=now)
        if settings.mail_server is None:
            log.info("mails_rest", reason="SMTP_URL is not set or off, so mails wait")
        else:
            mailer = SmtpGateway(settings.mail_server)
            rounds[MAILS] = lambda now: send_mails_due(engine, tenant_id, mailer, now=now)
        messages = message_round(engine, tenant_id, settings)
        if messages is not None:
            rounds[MESSAGES] = messages
        yield rounds


def _attend_inbox(engine: Engine, tenant_id: UUID, reader: StripeReader) -> int:
    now = clock(engine)
    return handle_due(engine, tenant_id, reader, now=now) + dry_run_wanted(engine, tenant_id, reader, now=now)


def run(queue: procrastinate.App, app_url: str, rounds: dict[str, Round]) -> None:
    """Work until SIGTERM or Ctrl-C; a running job and a round that has begun are finished first."""
    with queue.open(), attending(app_url, rounds):
        queue.run_worker(concurrency=2, update_heartbeat_interval=5, stalled_worker_timeout=SILENT_SECONDS)
