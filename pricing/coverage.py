"""Coverage: how much of a month's usage has a price, how much has a customer, how much of it the provider's bill confirms."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

COVERAGE_MIN = Fraction(95, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Three shares that are never mixed into one; None is "not measured": no usage, no cost, no bill connected."""

    priced: Fraction | None = None
    attributed: Fraction | None = None
    reconciled: Fraction | None = None


class Doubt(StrEnum):
    """Why a month's state is unknown."""

    PRICED = "priced"
    ATTRIBUTED = "attributed"
    RECONCILED = "reconciled"
    NO_RATE = "no rate"
    NOTHING_SOLD = "nothing sold"


@dataclass(frozen=True, slots=True)
class Reason:
    """A doubt and, where it is a coverage, the share that is too low."""

    doubt: Doubt
    share: Fraction | None = None


_WORDS = {
    Doubt.PRICED: "only {share} of the usage has a price",
    Doubt.ATTRIBUTED: "only {share} of the AI cost belongs to a known customer",
    Doubt.RECONCILED: "only {share} of the AI cost agrees with the providers' bills",
    Doubt.NO_RATE: "an amount has no exchange rate",
    Doubt.NOTHING_SOLD: "nothing was sold",
}


_SHORT = {
    Doubt.PRICED: "{share} priced",
    Doubt.ATTRIBUTED: "{share} attributed",
    Doubt.RECONCILED: "{share} agrees with bills",
    Doubt.NO_RATE: "no exchange rate",
    Doubt.NOTHING_SOLD: "nothing sold",
}


def too_low(coverage: Coverage) -> tuple[Reason, ...]:
    """The measured coverages below 95 %, in the order priced, attributed, reconciled."""
    measured = (
        (Doubt.PRICED, coverage.priced),
        (Doubt.ATTRIBUTED, coverage.attributed),
        (Doubt.RECONCILED, coverage.reconciled),
    )
    return tuple(Reason(doubt, share) for doubt, share in measured if share is not None and share < COVERAGE_MIN)


def reason_words(reason: Reason, percent: Callable[[Fraction], str]) -> str:
    """A reason as the end of "unknown: ..."; `percent` prints a share as its reader does."""
    if reason.share is None:
        return _WORDS[reason.doubt]
    return f"{_WORDS[reason.doubt].format(share=percent(reason.share))} ({percent(COVERAGE_MIN)} is needed)"


def reason_in_short(reason: Reason, percent: Callable[[Fraction], str]) -> str:
    """A reason for a cell of a table: the number and what it is of."""
    return _SHORT[reason.doubt].format(share="" if reason.share is None else percent(reason.share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the priced share is made of. *Other* usage has no tokens: images, seconds, pages, search requests.

    `unpriced_other_high_pico_usd` is the most that unpriced other usage may cost (pricing.price_ranges); None where nobody lists
    a price for one of its units.
    """

    cost_pico_usd: int
    events: int
    unpriced_events: int
    tokens: int
    unpriced_tokens: int
    other_events: int = 0
    unpriced_other_events: int = 0
    unpriced_other_high_pico_usd: int | None = 0


def priced_share(usage: Measured) -> Fraction | None:
    """The lower of two shares: of tokens, and of other usage; by events where there is neither; None without usage.

    Tokens count alike, images and pages do not. Other usage without a price is therefore measured in money: the cost, as a share
    of the cost and the most that it may come to; where nobody knows its price, by its events.
    """
    if not usage.events:
        return None
    shares = []
    if usage.tokens:
        shares.append(1 - Fraction(usage.unpriced_tokens, usage.tokens))
    if usage.other_events:
        shares.append(_other_priced_share(usage))
    return min(shares, default=1 - Fraction(usage.unpriced_events, usage.events))


def _other_priced_share(usage: Measured) -> Fraction:
    most = usage.unpriced_other_high_pico_usd
    if most is None:
        return 1 - Fraction(usage.unpriced_other_events, usage.other_events)
    return Fraction(usage.cost_pico_usd, usage.cost_pico_usd + most) if most else Fraction(1)


def attributed_share(attributed_pico_usd: int, cost_pico_usd: int) -> Fraction | None:
    """The share of the AI cost that belongs to a known customer; None without cost."""
    return Fraction(attributed_pico_usd, cost_pico_usd) if cost_pico_usd else None


def reconciled_share(matched_pico_usd: int | None, compared_pico_usd: int | None) -> Fraction | None:
    """What usage log and bill have in common, as a share of the larger of the two; None where no bill is connected.

    Both are sums over provider and model: `matched` of the smaller one, `compared` of the larger one.
    """
    return Fraction(matched_pico_usd or 0, compared_pico_usd) if compared_pico_usd else None
