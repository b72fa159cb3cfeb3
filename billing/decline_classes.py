"""What one declined try means for the next ones: never, only with the customer, with a renewed card, or later."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from billing.decline_codes import decline_class

RecoveryClass = Literal["never", "needs_customer", "expired", "later"]

# Visa's category 1 of network decline codes: no reattempt, and a fee for each one made (Visa Core Rules, 2026-11).
VISA_NEVER = frozenset({"04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"})
# Mastercard's merchant advice codes (2026-11): do not retry, canceled, product not allowed, sanctions.
MASTERCARD_NEVER = frozenset({"03", "21", "22", "42"})
# New data are at hand, the token lacks something, a prepaid or single-use card: the customer has to give another.
MASTERCARD_NEEDS_CUSTOMER = frozenset({"01", "04", "40", "41"})
# How long Mastercard asks to wait; 02 is "later", for which 72 hours are suggested.
_MARGIN = timedelta(minutes=1)
MASTERCARD_WAITS = {
    "02": timedelta(hours=72),
    "24": timedelta(hours=1) + _MARGIN,
    "25": timedelta(hours=24) + _MARGIN,
    "26": timedelta(days=2) + _MARGIN,
    "27": timedelta(days=4) + _MARGIN,
    "28": timedelta(days=6) + _MARGIN,
    "29": timedelta(days=8) + _MARGIN,
    "30": timedelta(days=10) + _MARGIN,
}
# The bank wants the customer in front of a screen: a try without them is lost (docs.stripe.com/billing, off-session).
NEVER_WITHOUT_CUSTOMER = frozenset({"authentication_required"})
# Nothing is wrong with the card; the bank or the line was busy, so the first tries come soon.
BUSY = frozenset({"issuer_not_available", "processing_error", "try_again_later"})


@dataclass(frozen=True)
class Decline:
    """What Stripe tells of a declined try: card brand (Stripe's word) and the codes of bank and network; None is not told."""

    brand: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None


UNKNOWN = Decline()


def class_of(decline: Decline) -> RecoveryClass:
    """The class of a decline. A prohibition wins over everything, whoever speaks it; a code that nobody knows may be tried later."""
    by_stripe = decline_class(decline.decline_code, decline.advice_code)
    if by_stripe == "never" or _network_forbids(decline):
        return "never"
    if decline.decline_code == "expired_card":
        return "expired"
    if by_stripe == "needs_customer" or (
        decline.brand == "mastercard" and decline.network_advice_code in MASTERCARD_NEEDS_CUSTOMER
    ):
        return "needs_customer"
    return "later"


def _network_forbids(decline: Decline) -> bool:
    if decline.brand == "visa":
        return decline.network_decline_code in VISA_NEVER
    return decline.brand == "mastercard" and decline.network_advice_code in MASTERCARD_NEVER


def may_be_tried_without_customer(decline: Decline) -> bool:
    """Whether another try with the same card may be made by a machine at all."""
    return class_of(decline) != "never" and decline.decline_code not in NEVER_WITHOUT_CUSTOMER


def is_busy(decline: Decline) -> bool:
    """Whether bank or network were only busy, so that the next try may come within hours."""
    return decline.decline_code in BUSY or (decline.decline_code is None and decline.advice_code == "try_again_later")


def wait_of(decline: Decline) -> timedelta:
    """How long the network asks to wait before the next try; zero when it does not."""
    if decline.brand != "mastercard" or decline.network_advice_code is None:
        return timedelta(0)
    return MASTERCARD_WAITS.get(decline.network_advice_code, timedelta(0))
