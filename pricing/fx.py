"""Exchange rates: a dated table, and which of its rates holds on a day."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from pricing.money import NANO, MoneyError, exponent

# A rate older than this says little about the day; no rate at all is better than a wrong one.
AGE_MAX = timedelta(days=45)
# A first invoice may be finalized days before its payment brings the first rate of its currency.
WAIT_MAX = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class FxRate:
    """One major unit of `base` was worth `rate_nano` / 10^9 major units of `quote` on `rate_date` (UTC)."""

    base: str
    quote: str
    rate_date: date
    rate_nano: int
    source: str


class RateTable:
    """Rates by currency pair and day; of two rates for one day the last given counts."""

    def __init__(self, rates: Iterable[FxRate]) -> None:
        by_pair: dict[tuple[str, str], dict[date, FxRate]] = {}
        for rate in rates:
            by_pair.setdefault((rate.base, rate.quote), {})[rate.rate_date] = rate
        self._rates = {pair: sorted(days.values(), key=_day) for pair, days in by_pair.items()}

    def find(self, base: str, quote: str, on: date) -> FxRate | None:
        """The rate that holds on the day: the latest up to it (AGE_MAX), else the first after it (WAIT_MAX), else None.

        A currency is worth one of itself on every day.
        """
        if base == quote:
            return FxRate(base, quote, on, NANO, "same currency")
        known = self._rates.get((base, quote), [])
        place = bisect_right(known, on, key=_day)
        if place and on - known[place - 1].rate_date <= AGE_MAX:
            return known[place - 1]
        if place < len(known) and known[place].rate_date - on <= WAIT_MAX:
            return known[place]
        return None


def _day(rate: FxRate) -> date:
    return rate.rate_date


def rate_nano(exchange_rate: Decimal) -> int:
    """An exact decimal rate as integer nano-units, half away from zero. Raises MoneyError for a rate that is not positive."""
    nano = int((exchange_rate * NANO).to_integral_value(rounding="ROUND_HALF_UP"))
    if nano <= 0:
        raise MoneyError(f"An exchange rate is more than zero, not {exchange_rate}.")
    return nano


def minor_rate_nano(exchange_rate: Decimal, base: str, quote: str) -> int:
    """The rate between major units for one between minor units, as Stripe's balance transactions state it.

    Stripe's `exchange_rate` multiplies the presentment currency's minor units; it differs from the usual rate only where the two
    currencies count decimals differently (jpy to usd).
    """
    shift = Decimal(10) ** (exponent(base) - exponent(quote))
    return rate_nano(exchange_rate * shift)


def parse_rate(text: str, base: str, quote: str) -> int:
    """A rate as a person writes it, as integer nano-units. Raises MoneyError for what is no currency or no rate."""
    exponent(base)
    exponent(quote)
    if base == quote:
        raise MoneyError(f"{base} is always worth one {quote}: no rate is needed.")
    try:
        return rate_nano(Decimal(text))
    except InvalidOperation:
        raise MoneyError(f"A rate is a number such as 1.0801, not {text!r}.") from None
