"""Where a month's disputes stand against the card networks' programs: a dated table of their thresholds, and what applies; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

MILLION = 1_000_000


@dataclass(frozen=True)
class Threshold:
    """A line of a program. It is crossed where the count and the share are both reached.

    `counts` names what is counted and `over` what it is divided by: payments of the same month or of the one before. `valid_to`
    (not included) is None while it holds. `is_confirmed` says whether a network's own or an acquirer's page was read for it.
    """

    network: Literal["visa", "mastercard"]
    program: str
    level: str
    counts: Literal["disputes_and_warnings", "disputes", "fraud_disputes"]
    over: Literal["this_month", "month_before"]
    share_ppm: int
    minimum_count: int
    valid_from: date
    valid_to: date | None
    source: str
    is_confirmed: bool
    minimum_payments: int = 0
    minimum_fraud_usd_minor: int = 0


_VAMP = "support.checkout.com and directpaynet.com/vamp-guide on Visa's Acquirer Monitoring Program"
_MASTERCARD = "merchants' guides to Mastercard's programs; Mastercard's own manual was not read"

THRESHOLDS: tuple[Threshold, ...] = (
    # A fraud that becomes a dispute counts twice. In the US, Canada, the EU and Asia-Pacific; elsewhere other numbers hold.
    Threshold(
        "visa",
        "VAMP",
        "excessive",
        "disputes_and_warnings",
        "this_month",
        22_000,
        1_500,
        date(2025, 4, 1),
        date(2026, 4, 1),
        _VAMP,
        is_confirmed=True,
    ),
    Threshold(
        "visa",
        "VAMP",
        "excessive",
        "disputes_and_warnings",
        "this_month",
        15_000,
        1_500,
        date(2026, 4, 1),
        None,
        _VAMP,
        is_confirmed=True,
    ),
    Threshold(
        "mastercard",
        "ECM",
        "excessive",
        "disputes",
        "month_before",
        15_000,
        100,
        date(2025, 1, 1),
        None,
        _MASTERCARD,
        is_confirmed=False,
    ),
    Threshold(
        "mastercard",
        "HECM",
        "highly excessive",
        "disputes",
        "month_before",
        30_000,
        300,
        date(2025, 1, 1),
        None,
        _MASTERCARD,
        is_confirmed=False,
    ),
    Threshold(
        "mastercard",
        "EFM",
        "excessive fraud",
        "fraud_disputes",
        "this_month",
        5_000,
        0,
        date(2025, 1, 1),
        None,
        _MASTERCARD,
        is_confirmed=False,
        minimum_payments=1_000,
        minimum_fraud_usd_minor=5_000_000,
    ),
)


@dataclass(frozen=True)
class Activity:
    """What came in one month on one network: paid charges, disputes received (inquiries and prevented ones not), warnings.

    `fraud_usd_minor` is the amount of the disputes for fraud that are in US dollars.
    """

    month: date
    network: str
    payments: int
    payments_month_before: int
    disputes: int
    fraud_disputes: int
    fraud_usd_minor: int
    warnings: int


@dataclass(frozen=True)
class Standing:
    """A month against one threshold. `share_ppm` is None where there were no payments to divide by."""

    threshold: Threshold
    activity: Activity
    events: int
    payments: int
    share_ppm: int | None
    standing: Literal["below_minimum", "below", "crossed"]

    @property
    def sentence(self) -> str:
        """What a person reads."""
        line, month = self.threshold, f"{self.activity.month:%B %Y}"
        share = "no share" if self.share_ppm is None else f"{self.share_ppm / 10_000:.2f} %"
        counted = f"{self.events:,} event{'s' * (self.events != 1)} in {month}, {share} of {self.payments:,} payments"
        limit = f"{line.share_ppm / 10_000:g} %"
        match self.standing:
            case "below_minimum":
                return (
                    f"{counted}: below the minimum of {_minimum(line)}, so the limit of {limit} does not apply to you yet. "
                    "Your acquirer may still act."
                )
            case "below":
                return f"{counted}: below the limit of {limit}."
            case "crossed":
                return f"{counted}: the limit of {limit} is crossed."


def standings(months: Iterable[Activity]) -> list[Standing]:
    """Each month against each threshold that was valid at its beginning, in the order of the table."""
    given = list(months)
    return [
        _standing(line, activity)
        for line in THRESHOLDS
        for activity in given
        if line.network == activity.network
        and line.valid_from <= activity.month
        and (line.valid_to is None or activity.month < line.valid_to)
    ]


def _standing(line: Threshold, activity: Activity) -> Standing:
    events = {
        "disputes_and_warnings": activity.disputes + activity.warnings,
        "disputes": activity.disputes,
        "fraud_disputes": activity.fraud_disputes,
    }[line.counts]
    payments = activity.payments if line.over == "this_month" else activity.payments_month_before
    share_ppm = events * MILLION // payments if payments else None
    has_minimum = (
        events >= line.minimum_count
        and payments >= line.minimum_payments
        and activity.fraud_usd_minor >= line.minimum_fraud_usd_minor
    )
    # Compared as integers: the share that is shown is rounded down.
    is_crossed = payments > 0 and events * MILLION >= line.share_ppm * payments
    standing: Literal["below_minimum", "below", "crossed"] = (
        "below_minimum" if not has_minimum else "crossed" if is_crossed else "below"
    )
    return Standing(line, activity, events, payments, share_ppm, standing)


def _minimum(line: Threshold) -> str:
    parts = [
        f"{line.minimum_count:,} events" if line.minimum_count else "",
        f"{line.minimum_payments:,} payments" if line.minimum_payments else "",
        f"${line.minimum_fraud_usd_minor // 100:,} of fraud" if line.minimum_fraud_usd_minor else "",
    ]
    return " and ".join(part for part in parts if part)
