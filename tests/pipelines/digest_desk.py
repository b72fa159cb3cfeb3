"""An installation whose daily mail is due: recipients, an alert that is new, and a look at the data that is done."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from billing import digest_settings
from billing.principals import Principal
from billing.smtp_gateway import SmtpGateway
from pipelines.send_digests import Post, ask_due
from pipelines.send_mails import send_due
from pricing.finding import Finding, Subject
from store import alerts, digest_days, outgoing_mails
from store.alerts import DetectionRun
from store.database import tenant_transaction
from store.digest_days import DigestDay
from store.outgoing_mails import OutgoingMail
from tests.billing.told_digest import NOW, alert
from tests.mail_fixtures import Mailbox

FAY = Principal("fay", "founder")
ADDRESSES = ("fay@acme.example", "sam@acme.example")
POST = Post("https://metering.acme.example", b"s" * 32, "acme.example")
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)
NOWHERE = Path("/nonexistent")  # nothing is published there


def put_on_the_list(engine: Engine, tenant: UUID, *addresses: str) -> None:
    """Fay as a founder, everybody else as a viewer."""
    with tenant_transaction(engine, tenant) as connection:
        for address in addresses or ADDRESSES:
            role = "founder" if address.startswith("fay") else "viewer"
            digest_settings.add_recipient(connection, tenant, address, name="", role=role, principal=FAY, now=MIDNIGHT)  # type: ignore[arg-type]  # one of two roles


def look(
    engine: Engine, tenant: UUID, ran_at: datetime, *, version: int = 1, late: dict[str, list[str]] | None = None
) -> None:
    """Somebody has looked at a version, and is done with it."""
    run = DetectionRun(
        version=version, ran_at=ran_at, finished_at=ran_at, series=1, series_days=1, findings=1, opened=1, resolved=0,
        late_days=late or {}, troubles={}, seconds=0.1,
    )  # fmt: skip
    with tenant_transaction(engine, tenant) as connection:
        alerts.begin_run(connection, tenant, run)


def open_alert(engine: Engine, tenant: UUID, opened_at: datetime = NOW - timedelta(hours=1), **more: object) -> UUID:
    """The company's spike of the 29th, found at that moment."""
    fields = vars(alert(1, Subject(scope="company"))) | {"opened_at": opened_at, "changed_at": opened_at} | more
    with tenant_transaction(engine, tenant) as connection:
        made = alerts.add(connection, tenant, **fields)
        day = Finding(
            detector=made.detector, subject=made.subject, day=made.last_day, unit=made.unit, actual=made.actual,
            expected=made.expected, impact_minor=made.impact_minor, score=made.peak_score, sentence=made.sentence,
        )  # fmt: skip
        alerts.put_days(connection, tenant, made.alert_id, {made.last_day: day}, now=opened_at)
    return made.alert_id


def ready(engine: Engine, tenant: UUID) -> UUID:
    """Two recipients, one new alert, the data of the 29th looked at."""
    put_on_the_list(engine, tenant)
    look(engine, tenant, MIDNIGHT + timedelta(hours=1))
    return open_alert(engine, tenant)


def ask(engine: Engine, tenant: UUID, now: datetime = NOW, home: Path = NOWHERE) -> int | None:
    """What the schedule does every five minutes."""
    return ask_due(engine, home, tenant, POST, now=now)


def send(engine: Engine, tenant: UUID, box: Mailbox, now: datetime = NOW) -> int:
    """What the worker does beside it."""
    return send_due(engine, tenant, SmtpGateway(box.server, timeout_seconds=5), now=now)


def asked_mails(engine: Engine, tenant: UUID) -> list[OutgoingMail]:
    """Every mail that was ever asked for, oldest first."""
    with tenant_transaction(engine, tenant) as connection:
        return outgoing_mails.newest(connection)[::-1]


def decided(engine: Engine, tenant: UUID) -> list[DigestDay]:
    """The days that were decided, oldest first."""
    with tenant_transaction(engine, tenant) as connection:
        return digest_days.newest(connection)[::-1]
