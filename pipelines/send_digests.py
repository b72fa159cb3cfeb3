"""Asks for the daily mails that are due: all of a day's in one transaction, so that a day has its mails once, whatever crashes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from uuid import UUID

import procrastinate
import structlog

from billing import digest_letter, mails
from billing.digest import Digest
from billing.digest_due import due, running
from billing.digest_letter import Reader
from billing.digest_settings import address_hash
from billing.mails import InlineImage, Mail, MailNotAllowed
from billing.principals import SYSTEM, Role, principal_of
from billing.recovery_letters import Letter
from pipelines.digest_facts import Gathered, gather
from pipelines.schedule import SEND_DIGESTS
from store import digest_days, digests
from store.database import Connection, Engine, clock, tenant_transaction
from store.digest_days import ASKED, PASSED_OVER, DigestDay
from store.digests import DigestRecipient
from store.failpoints import reach
from store.link_secret import link_secret
from store.settings import Settings
from store.tenants import read_tenant

log = structlog.get_logger(__name__)

MAY_ACT: Role = "support"


@dataclass(frozen=True)
class Post:
    """Where links lead and what signs them, and the host that mails come from."""

    public_url: str
    secret: bytes
    sender_host: str


def post_of(settings: Settings, tenant_id: UUID) -> Post:
    """What the settings say of links. Raises LinkSecretDamaged and OSError where the secret cannot be read."""
    sender = settings.mail_server.sender if settings.mail_server else ""
    host = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return Post(settings.public_url, link_secret(settings, tenant_id), host)


def ask_due(
    engine: Engine, home: Path, tenant_id: UUID, post: Post, *, now: datetime, at_once: bool = False
) -> int | None:
    """Ask for the mails of the running local day if they are due; returns how many, None when nothing was to be decided.

    Any number of workers may run it at once and it may die anywhere: the day's row and its mails are committed together, and
    whoever comes second finds the row. Waits for data that are late, up to two hours. 0 is a day that is passed over. `at_once`
    asks for the running day's before its hour, too, and waits for nothing.
    """
    tenant = read_tenant(engine, tenant_id)
    assert tenant is not None, "a worker serves a tenant that there is"
    with tenant_transaction(engine, tenant_id) as connection:
        settings = digests.settings(connection)
        found = due(settings, now)
        if at_once and settings.is_on:
            found = running(settings, now)
        if found is None or digest_days.is_decided(connection, found.day):
            return None
        recipients = digests.recipients(connection, only_on=True)
    if not recipients:
        return None
    gathered = gather(engine, home, tenant, settings, found, now=now)
    if gathered.digest.health.is_late and now < found.waits_until and not at_once:
        log.info("digest_waits", day=str(found.day), reported=str(found.reported), until=str(found.waits_until))
        return None
    images = digest_letter.charts(gathered.digest) if gathered.is_worth_it else {}
    reach("digest made")
    with tenant_transaction(engine, tenant_id) as connection:
        if not digest_days.decide(connection, tenant_id, _decided(gathered, len(recipients), now)):
            return None
        reach("digest day written")
        asked = 0
        for recipient in recipients if gathered.is_worth_it else ():
            asked += _ask(connection, tenant_id, gathered.digest, recipient, images, post, now)
            reach("digest mail asked")
    reach("digest committed")
    log.info("digest", day=str(found.day), mails=asked, version=gathered.version)
    return asked


def preview_of(
    engine: Engine, home: Path, tenant_id: UUID, post: Post, *, now: datetime
) -> tuple[Letter, tuple[InlineImage, ...]]:
    """Today's mail as it would go out at this moment to the first recipient who may act, with its pictures; nothing is written."""
    tenant = read_tenant(engine, tenant_id)
    assert tenant is not None, "a command opens an installation whose tenant there is"
    with tenant_transaction(engine, tenant_id) as connection:
        settings = digests.settings(connection)
        listed = [each for each in digests.recipients(connection, only_on=True) if _may_act(each)]
    digest = gather(engine, home, tenant, settings, running(settings, now), now=now).digest
    images = digest_letter.charts(digest)
    address = listed[0].address if listed else "you@example.com"
    return digest_letter.letter(
        digest, Reader(address, bool(listed), post.public_url, post.secret), images, now=now
    ), tuple(images.values())


def mail_of(
    digest: Digest, recipient: DigestRecipient, images: Mapping[UUID, InlineImage], post: Post, *, now: datetime
) -> Mail:
    """The day's mail for one recipient, under a key that holds the day and not the address."""
    reader = Reader(recipient.address, _may_act(recipient), post.public_url, post.secret)
    letter = digest_letter.letter(digest, reader, images, now=now)
    return Mail(
        key=f"{digest_days.about(digest.day)}:{address_hash(recipient.address)}",
        kind=digest_days.KIND,
        about=digest_days.about(digest.day),
        recipient=recipient.address,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        images=tuple(images.values()),
        headers=digest_letter.headers(reader, post.sender_host, now=now),
    )


def _may_act(recipient: DigestRecipient) -> bool:
    return principal_of(f"{recipient.name} ({recipient.role})").ranks_at_least(MAY_ACT)


def register(queue: procrastinate.App, engine: Engine, tenant_id: UUID, settings: Settings) -> None:
    """Put the job on the schedule, where a mail server is set: without one the mails of many days would gather."""
    if settings.mail_server is None:
        return
    lock = f"digests-{tenant_id}"

    @queue.periodic(cron=SEND_DIGESTS.cron, periodic_id=str(tenant_id))
    @queue.task(name=SEND_DIGESTS.name, queueing_lock=lock, lock=lock, pass_context=False)
    def send_digests(timestamp: int) -> None:
        post = post_of(settings, tenant_id)
        asked = ask_due(engine, settings.metering_home, tenant_id, post, now=clock(engine))
        log.info("digests_asked", due=timestamp, asked=asked)


def _decided(gathered: Gathered, recipients: int, now: datetime) -> DigestDay:
    digest = gathered.digest
    return DigestDay(
        day=digest.day,
        decided_at=now,
        outcome=ASKED if gathered.is_worth_it else PASSED_OVER,
        reported_day=digest.figures.day,
        version=gathered.version,
        is_late=digest.health.is_late,
        new=digest.news.count("new"),
        ongoing=digest.news.count("ongoing"),
        resolved=digest.news.count("resolved"),
        recipients=recipients,
    )


def _ask(
    connection: Connection,
    tenant_id: UUID,
    digest: Digest,
    recipient: DigestRecipient,
    images: Mapping[UUID, InlineImage],
    post: Post,
    now: datetime,
) -> int:
    """1 for a mail that was asked for, 0 for an address that takes none: one stopped address must not cost the others theirs."""
    try:
        mails.ask(connection, tenant_id, mail_of(digest, recipient, images, post, now=now), principal=SYSTEM, now=now)
    except MailNotAllowed as refusal:
        log.info("digest_not_asked", recipient=address_hash(recipient.address), reason=str(refusal))
        return 0
    return 1
