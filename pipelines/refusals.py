"""Refusals at the terminal: what a person can put right is one sentence and exit code 2; a mistake of ours stays a traceback."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from billing.alert_limits import LimitNotAllowed
from billing.alerts import AlertNotFound, AlertRefused
from billing.api_keys import KeyRefused
from billing.dead_letters import ReasonMissing
from billing.digest_settings import DigestNotAllowed
from billing.evidence_holdings import NoSuchDispute
from billing.evidence_pdf import EvidenceTooLong
from billing.investor_reports import ReportRefused, SnapshotDamaged
from billing.meter_rules import MeterRuleRefused
from billing.price_book import PriceBookNotAllowed
from billing.refund_steps import RefundNotAllowed
from pipelines.export_focus import ExportRefused
from pipelines.import_bill import BillRefused
from pipelines.installation import NoStripeKey
from pipelines.one_at_a_time import AlreadyRunning, FolderRefused
from pipelines.publish_warehouse import RateMissing
from pipelines.pull_stripe_client import StripePullError
from pipelines.pull_usage_client import UsagePullError
from pipelines.read_usage_chunks import UsageFileRefused
from pipelines.supervise import PortTaken, ProcessDied
from pipelines.write_config import ConfigExists
from pricing.contracts import TermRefused
from pricing.money import MoneyError
from pricing.watch_limits import LimitRefused
from store.database import DatabaseRefused, DatabaseUnreachable, trouble_in_words
from store.embedded_postgres import EmbeddedPostgresError
from store.lake import LakeDamaged
from store.link_secret import LinkSecretDamaged
from store.settings import ConfigurationError
from store.usage_connections import NoSuchConnection
from store.usage_imports import ImportOvertaken, ImportRunning
from store.warehouse import WarehouseNotWritten

REFUSED = 2
REFUSALS: tuple[type[Exception], ...] = (
    AlertNotFound,
    AlertRefused,
    AlreadyRunning,
    BillRefused,
    ConfigExists,
    ConfigurationError,
    DatabaseRefused,
    DatabaseUnreachable,
    DigestNotAllowed,
    EmbeddedPostgresError,
    EvidenceTooLong,
    ExportRefused,
    FolderRefused,
    ImportOvertaken,
    ImportRunning,
    KeyRefused,
    LakeDamaged,
    LimitNotAllowed,
    LimitRefused,
    LinkSecretDamaged,
    MoneyError,
    NoSuchDispute,
    NoStripeKey,
    NoSuchConnection,
    PortTaken,
    MeterRuleRefused,
    PriceBookNotAllowed,
    ProcessDied,
    RateMissing,
    ReasonMissing,
    RefundNotAllowed,
    ReportRefused,
    SnapshotDamaged,
    StripePullError,
    TermRefused,
    UsageFileRefused,
    UsagePullError,
    WarehouseNotWritten,
)
_SYSTEM_SENTENCES = {
    errno.ENOSPC: "The disk is full{at}: make room and run the same command again.",
    errno.EDQUOT: "The disk quota is used up{at}: make room and run the same command again.",
    errno.EROFS: "The file system is read-only{at}: choose another folder (METERING_HOME) or mount it writable.",
    errno.EACCES: "There is no permission{at}: give this user access or choose another place.",
    errno.EPERM: "That is not permitted{at}: give this user access or choose another place.",
    errno.ENOENT: "There is no such file or folder{at}: check the path.",
    errno.EISDIR: "That is a folder, not a file{at}: name a file.",
    errno.ENOTDIR: "A part of the path is no folder{at}: check the path.",
}


@contextmanager
def refusals_as_sentences(console: Console) -> Iterator[None]:
    """A block whose refusals end the command with their sentence; on standard error where the console is standard output.

    Anything else passes through unchanged.
    """
    try:
        yield
    except REFUSALS as refusal:
        _say(console, str(refusal))
        raise typer.Exit(REFUSED) from None
    except OSError as error:
        sentence = system_sentence(error)
        if sentence is None:
            raise
        _say(console, sentence)
        raise typer.Exit(REFUSED) from None
    except Exception as trouble:
        sentence = trouble_in_words(trouble)
        if sentence is None:
            raise
        _say(console, sentence)
        raise typer.Exit(REFUSED) from None


def system_sentence(error: OSError) -> str | None:
    """What a person can do about an answer of the operating system; None for one that has another cause."""
    # Libraries in between wrap an error without its number: the one it came from has it.
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _SYSTEM_SENTENCES:
            at = f" at {cause.filename}" if cause.filename else ""
            return _SYSTEM_SENTENCES[cause.errno].format(at=at)
        cause = cause.__cause__
    return None


def _say(console: Console, sentence: str) -> None:
    is_standard_output = console.file is sys.stdout
    errors = Console(stderr=True) if is_standard_output else console
    errors.print(sentence, markup=False, highlight=False, soft_wrap=True)
