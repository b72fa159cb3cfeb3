"""What each way of dealing with a dispute, an inquiry or an early fraud warning is worth, from our own record; pure integer money."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pricing.share_interval import MILLION, wilson_ppm

# With fewer decided disputes the interval is wider than the question: at 10 of which half were won it is 24 % to 76 %.
ENOUGH = 10

# What Stripe takes for a dispute in the United States (support.stripe.com/topics/disputes); other currencies: as last booked.
LISTED_FEE_MINOR: Mapping[str, int] = {"usd": 1_500}
# Answering a dispute costs the fee once more and a win brings that back; not in Japan and Mexico (same page).
NO_FEE_FOR_ANSWERING = frozenset({"jpy", "mxn"})

Way = Literal["fight", "accept", "answer", "refund", "wait"]


@dataclass(frozen=True)
class Record:
    """How often something happened, of how many times that it could have."""

    happened: int
    of: int


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval (Wilson), in parts per million, and what it was counted over."""

    record: Record
    low_ppm: int
    high_ppm: int
    over: str

    @property
    def ppm(self) -> int:
        """The share itself, rounded."""
        return _divided(self.record.happened * MILLION, self.record.of)


@dataclass(frozen=True)
class Worth:
    """What one way changes our balance by from now on, in minor units: on average, and from the worst to the best.

    `expected_minor` is None where no rate of ours says how likely each end is; then the sentence says between what it lies.
    """

    way: Way
    expected_minor: int | None
    low_minor: int | None
    high_minor: int | None
    sentence: str


@dataclass(frozen=True)
class Economics:
    """The ways there are. `break_even_ppm`: winning more often than this, fighting pays. `rate_words` says what the rate rests on."""

    ways: tuple[Worth, ...]
    rate: Rate | None
    rate_words: str
    break_even_ppm: int | None

    def of(self, way: Way) -> Worth | None:
        """What one way is worth; None when there is no such way here."""
        return next((worth for worth in self.ways if worth.way == way), None)


def wilson(record: Record, over: str) -> Rate:
    """The share with its interval; the ends are rounded outwards. `record.of` must be more than zero."""
    low_ppm, high_ppm = wilson_ppm(record.happened, record.of)
    return Rate(record, low_ppm, high_ppm, over)


def win_rate(by_reason: Mapping[str, Record], reason: str | None) -> tuple[Rate | None, str]:
    """Our share of won disputes of this reason, else of all reasons, else none; and in words what it rests on.

    Counted over answered disputes that the bank has decided. A rate is never taken from elsewhere.
    """
    own = by_reason.get(reason or "", Record(0, 0))
    every = Record(sum(one.happened for one in by_reason.values()), sum(one.of for one in by_reason.values()))
    words = (reason or "no reason").replace("_", " ")
    if own.of >= ENOUGH:
        return wilson(own, words), f"{own.happened} of {own.of} answered disputes for {words} were won."
    few = f"{own.of or 'No'} answered dispute{'s' * (own.of > 1)} for {words} decided so far"
    if every.of >= ENOUGH:
        return wilson(every, "all reasons"), f"{few}: {every.happened} of {every.of} of all reasons were won."
    return None, f"{few}, {every.of} of all reasons: too few for a rate ({ENOUGH} are needed)."


def fee_of(currency: str, booked_minor: int | None) -> int | None:
    """What a dispute in this currency costs: as booked for it or lately, else Stripe's listed fee; None when neither is known."""
    return booked_minor if booked_minor is not None else LISTED_FEE_MINOR.get(currency)


def chargeback(amount_minor: int, currency: str, fee_minor: int | None, rate: tuple[Rate | None, str]) -> Economics:
    """Fight or accept a chargeback. Its money and its fee are gone already, so accepting changes nothing any more.

    Winning brings the amount back; losing costs the fee for answering, taken to be as high as the dispute's own.
    """
    found, words = rate
    accept = Worth("accept", 0, 0, 0, "The money stays with the customer; nothing more is taken.")
    if fee_minor is None:
        unknown = Worth("fight", None, None, amount_minor, f"Stripe's fee in {currency.upper()} is not known here.")
        return Economics((unknown, accept), found, words, None)
    stake_minor = 0 if currency in NO_FEE_FOR_ANSWERING else fee_minor
    fight = Worth(
        "fight",
        None if found is None else _expected(found.record, amount_minor, -stake_minor),
        -stake_minor if found is None else _at(found.low_ppm, amount_minor, -stake_minor),
        amount_minor if found is None else _at(found.high_ppm, amount_minor, -stake_minor),
        "The amount comes back if it is won; the fee for answering is lost if it is not.",
    )
    break_even = _divided(stake_minor * MILLION, amount_minor + stake_minor) if amount_minor > 0 else None
    return Economics((fight, accept), found, words, break_even)


def inquiry(amount_minor: int, fee_minor: int | None, rate: tuple[Rate | None, str]) -> Economics:
    """Answer an inquiry or refund it. No money is taken yet; how many inquiries become chargebacks is not known here.

    The best end of answering is that the bank asks no further, the worst a chargeback that is fought and lost.
    """
    found, words = rate
    refund = Worth(
        "refund", -amount_minor, -amount_minor, -amount_minor, "The customer has the money back; no fee is taken."
    )
    worst_minor = None if fee_minor is None else -amount_minor - fee_minor
    answer = Worth(
        "answer",
        None,
        worst_minor,
        0,
        "Nothing if the bank asks no further; the amount and the fee if it charges back.",
    )
    accept = Worth(
        "accept", None, worst_minor, 0, "Without an answer the bank may charge back: the amount and the fee are taken."
    )
    return Economics((answer, refund, accept), found, words, None)


def early_warning(amount_minor: int, currency: str, fee_minor: int | None, disputed: Record) -> Economics:
    """Refund a payment that its issuer calls fraud, or wait. `disputed`: of earlier warnings, how many became disputes.

    Only a full refund helps, and only before the dispute. Waiting is reckoned as a dispute that is accepted.
    """
    refund = Worth(
        "refund", -amount_minor, -amount_minor, -amount_minor, "The customer has the money back; no dispute, no fee."
    )
    words = (
        f"{disputed.happened} of {disputed.of} earlier warnings became disputes" if disputed.of else "No warning before"
    )
    if fee_minor is None:
        said = f"Stripe's fee in {currency.upper()} is not known here."
        return Economics((refund, Worth("wait", None, None, 0, said)), None, f"{words}.", None)
    loss_minor = -amount_minor - fee_minor
    becomes = wilson(disputed, "early fraud warnings") if disputed.of >= ENOUGH else None
    wait = Worth(
        "wait",
        None if becomes is None else _expected(becomes.record, loss_minor, 0),
        loss_minor if becomes is None else _at(becomes.high_ppm, loss_minor, 0),
        0 if becomes is None else _at(becomes.low_ppm, loss_minor, 0),
        "Nothing if no dispute comes; the amount and the fee if one does.",
    )
    few = "" if becomes is not None else f": too few for a rate ({ENOUGH} are needed)"
    # Refunding costs A, waiting q (A + F): above q = A / (A + F) refunding is cheaper.
    return Economics((refund, wait), becomes, f"{words}{few}.", _divided(amount_minor * MILLION, -loss_minor))


def _expected(record: Record, if_so_minor: int, if_not_minor: int) -> int:
    """The average over the record itself, rounded half to even."""
    return _divided(record.happened * if_so_minor + (record.of - record.happened) * if_not_minor, record.of)


def _at(ppm: int, if_so_minor: int, if_not_minor: int) -> int:
    """The average at a share of so many parts per million."""
    return _divided(ppm * if_so_minor + (MILLION - ppm) * if_not_minor, MILLION)


def _divided(number: int, by: int) -> int:
    """A quotient rounded half to even; `by` is more than zero."""
    whole, rest = divmod(number, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))
