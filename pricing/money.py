"""Settled money: integer minor units with their currency, and the few exact operations on them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# How Stripe counts minor units (docs.stripe.com/currencies). ISO 4217 differs for some: to Stripe an ISK or UGX amount
# of 500 is 5 crowns or shillings, for compatibility, although neither has a coin below one; MGA has no minor unit.
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_UNITS_IN_HUNDREDTHS = frozenset({"isk", "ugx"})
WHOLE_UNITS_IN_PAYOUTS = frozenset({"huf", "twd"})

NANO = 10**9
PICO_USD_PER_CENT = 10**10


class MoneyError(ValueError):
    """Two amounts cannot be combined, or a currency is not a currency. Trying again will not help."""


def exponent(currency: str) -> int:
    """How many decimals the minor unit stands for: 2 for usd, 0 for jpy, 3 for kwd."""
    if not re.fullmatch(r"[a-z]{3}", currency):
        raise MoneyError(f"A currency is three lower-case letters, not {currency!r}.")
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def charge_step(currency: str) -> int:
    """The minor units that a charge or refund must be a multiple of: 1, or 10 and 100 in Stripe's special cases."""
    if currency in WHOLE_UNITS_IN_HUNDREDTHS:
        return 100
    return 10 if exponent(currency) == 3 else 1


def payout_step(currency: str) -> int:
    """The minor units that a payout must be a multiple of; forint and Taiwan dollars are paid out whole."""
    return 100 if currency in WHOLE_UNITS_IN_PAYOUTS else charge_step(currency)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency's minor unit (cent, yen, fils)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same_currency(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same_currency(other).minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same_currency(other).minor

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same_currency(other).minor

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same_currency(other).minor

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same_currency(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        places = exponent(self.currency)
        digits = str(abs(self.minor)).rjust(places + 1, "0")
        amount = f"{digits[:-places]}.{digits[-places:]}" if places else digits
        return f"{'-' if self.minor < 0 else ''}{amount} {self.currency.upper()}"

    def _same_currency(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise MoneyError(f"{self} and {other} are different currencies; convert one at a dated rate first.")
        return other


def divide_half_away(numerator: int, denominator: int) -> int:
    """The nearest integer to a fraction; a half goes away from zero, so a refund rounds like its charge."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -magnitude if numerator < 0 else magnitude


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total (any integer unit) in proportion to weights >= 0, to the last unit.

    Each part is the exact share rounded down (towards zero) or one more; the parts sum to the total.
    """
    weight_sum = sum(weights)
    if weight_sum <= 0 or any(weight < 0 for weight in weights):
        raise MoneyError(f"Weights must be zero or more and not all zero, not {list(weights)}.")
    sign, size = (-1, -total) if total < 0 else (1, total)
    parts = [size * weight // weight_sum for weight in weights]
    # Rounding down leaves a few units over. They go where the most was cut off; sorted() is stable, so on a tie the
    # earliest part wins and a repeated run gives the same split.
    most_cut_first = sorted(range(len(weights)), key=lambda index: -(size * weights[index] % weight_sum))
    for index in most_cut_first[: size - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]


def convert_minor(amount_minor: int, from_currency: str, to_currency: str, rate_nano: int) -> int:
    """An amount in another currency's minor units, half away from zero.

    `rate_nano` is what one major unit of `from_currency` is worth in major units of `to_currency`, times 10^9.
    """
    if rate_nano <= 0:
        raise MoneyError(f"An exchange rate is more than zero, not {rate_nano} nano.")
    numerator = amount_minor * rate_nano * int(10 ** exponent(to_currency))
    return divide_half_away(numerator, NANO * int(10 ** exponent(from_currency)))


def convert_parts(parts_minor: Sequence[int], from_currency: str, to_currency: str, rate_nano: int) -> list[int]:
    """Convert the parts of one amount so that they add up to the converted whole.

    The running total is converted and the parts are its steps: converting part by part would lose or win minor units.
    """
    running = [0]
    for part in parts_minor:
        running.append(running[-1] + part)
    converted = [convert_minor(amount, from_currency, to_currency, rate_nano) for amount in running]
    return [after - before for before, after in pairwise(converted)]


def pico_usd_to_minor(pico: int) -> int:
    """Usage cost in pico-USD (10^-12 $) as whole cents, half away from zero: once, where it is shown."""
    return divide_half_away(pico, PICO_USD_PER_CENT)
