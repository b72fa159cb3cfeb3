"""AI cost by customer and month worked out a second time: one loop over the events, whole numbers, no table and no join."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tests.journeys.recomputation_account import Account
from tests.journeys.recomputation_revenue import half_away

INPUT_PARTS = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "input_audio_tokens")
OUTPUT_PARTS = ("reasoning_tokens", "output_audio_tokens")
BESIDE_TOKENS = ("images", "seconds", "pages", "search_requests")
UNITS = ("input_uncached_tokens", *INPUT_PARTS, "output_text_tokens", *OUTPUT_PARTS, *BESIDE_TOKENS, "requests")
COLUMNS = ("event_id", "occurred_at", "customer_id", "provider", "model", "service_tier", "region", "input_tokens")
COLUMNS += (*INPUT_PARTS, "output_tokens", *OUTPUT_PARTS, *BESIDE_TOKENS, "requests", "reported_cost_usd")
FREE_WITHOUT_A_PRICE = "requests"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_A_DAY = 86_400 * 10**6

Model = tuple[str | None, str | None]
PricesOf = Callable[[str | None, str | None, str | None, str | None], Sequence[Any]]


class Event(NamedTuple):
    """A model call as in the usage file; `occurred_at` in microseconds since 1970 UTC, totals include their parts."""

    event_id: str
    occurred_at: int
    customer_id: str | None
    provider: str | None
    model: str | None
    service_tier: str | None
    region: str | None
    input_tokens: int
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    images: int = 0
    seconds: int = 0
    pages: int = 0
    search_requests: int = 0
    requests: int = 1
    # Dollars that the provider itself says the call cost: they go before any price list.
    reported_cost_usd: Decimal | float | None = None

    def units(self) -> tuple[int, ...]:
        """What is billed, in the order of UNITS: every token in one place."""
        input_parts = self[8:12]
        output_parts = self[13:15]
        return (
            self.input_tokens - sum(input_parts),
            *input_parts,
            self.output_tokens - sum(output_parts),
            *output_parts,
            *self[15:20],
        )

    def reported_pico_usd(self) -> int | None:
        """What the provider said, in whole pico-USD."""
        said = self.reported_cost_usd
        return None if said is None else half_away(Fraction(Decimal(str(said))) * 10**12)


@dataclass
class Spending:
    """Of one customer and month. The cost is of the events that have a price: in pico-USD, exactly."""

    events: int = 0
    unpriced_events: int = 0
    tokens: int = 0
    unpriced_tokens: int = 0
    cost_pico_usd: int = 0


@dataclass
class Usage:
    """What was spent by month and customer (None: nobody known), and what has no price by month and provider, in UNITS."""

    spending: dict[tuple[date, str | None], Spending] = field(default_factory=lambda: defaultdict(Spending))
    unpriced: dict[tuple[date, str | None], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0] * len(UNITS))
    )
    by_day: dict[tuple[date, str | None, str | None], int] = field(default_factory=lambda: defaultdict(int))
    calls_without_tokens: int = 0


@dataclass(frozen=True)
class Price:
    """A price entry as the loop needs it: bounds that exclude their end, and pico-USD a unit in the order of UNITS."""

    valid_from: int | None
    valid_to: int | None
    above_input_tokens: int | None
    up_to_input_tokens: int | None
    from_minute: int | None
    to_minute: int | None
    each: tuple[int | None, ...]
    parts_of_3600: tuple[int, ...]

    def holds(self, at: int, input_tokens: int) -> bool:
        """Whether it is the price of a call at that moment with that much input."""
        minute = at % MICROSECONDS_A_DAY // (60 * 10**6)
        return (
            (self.valid_from is None or self.valid_from <= at)
            and (self.valid_to is None or at < self.valid_to)
            and (self.above_input_tokens is None or input_tokens > self.above_input_tokens)
            and (self.up_to_input_tokens is None or input_tokens <= self.up_to_input_tokens)
            and (self.from_minute is None or self.from_minute <= minute)
            and (self.to_minute is None or minute < self.to_minute)
        )

    def cost(self, units: Sequence[int]) -> int | None:
        """Pico-USD; None where a unit was used that has no price. What is less than one is rounded once, a half up."""
        whole = parts = 0
        for unit, quantity, each, part in zip(UNITS, units, self.each, self.parts_of_3600, strict=True):
            if each is not None:
                whole += quantity * each
                parts += quantity * part
            elif quantity and unit != FREE_WITHOUT_A_PRICE:
                return None
        return whole + (2 * parts + 3600) // 7200


def read_price(entry: Any) -> Price:
    """The numbers of a price entry, and nothing that it can do."""

    def moment(at: datetime | None) -> int | None:
        return None if at is None else (at - EPOCH).days * MICROSECONDS_A_DAY + (at - EPOCH).seconds * 10**6

    return Price(
        valid_from=moment(entry.valid_from),
        valid_to=moment(entry.valid_to),
        above_input_tokens=entry.above_input_tokens,
        up_to_input_tokens=entry.up_to_input_tokens,
        from_minute=entry.tod_from_minute,
        to_minute=entry.tod_to_minute,
        each=tuple(entry.unit_pico_usd.get(unit) for unit in UNITS),
        parts_of_3600=tuple(entry.remainders.get(unit, 0) for unit in UNITS),
    )


def read_events(path: Path) -> Iterator[Event]:
    """The rows of a usage file in our own schema."""
    frame = pl.read_parquet(path, columns=list(COLUMNS)).select(COLUMNS)
    rows = frame.with_columns(pl.col("occurred_at").dt.epoch("us")).iter_rows()
    return (Event(*row) for row in rows)


def owners(account: Account) -> dict[str, str]:
    """Which customer a name in the usage means: its id, or what stands in its metadata."""
    found = {customer["id"]: customer["id"] for customer in account.customers}
    for customer in account.customers:
        for name in customer["metadata"].values():
            found[name] = customer["id"]
    return found


def usage(events: Iterable[Event], owner_of: Mapping[str, str], prices_of: PricesOf) -> Usage:
    """Add up every event at what its provider reports, or else at the one price that holds for it; an id counts once."""
    found = Usage()
    seen: set[str] = set()
    known: dict[tuple[str | None, ...], list[Price]] = {}
    for event in events:
        if event.event_id in seen:
            continue
        seen.add(event.event_id)
        name = event.provider, event.model, event.service_tier, event.region
        if name not in known:
            known[name] = [read_price(entry) for entry in prices_of(*name)]
        holding = [price for price in known[name] if price.holds(event.occurred_at, event.input_tokens)]
        assert len(holding) <= 1, f"{event} has {len(holding)} prices"
        units = event.units()
        reported = event.reported_pico_usd()
        cost = reported if reported is not None else holding[0].cost(units) if holding else None
        _add(found, event, owner_of.get(event.customer_id or ""), cost)
        found.calls_without_tokens += not event.input_tokens and not event.output_tokens
    return found


_MONTHS: dict[int, date] = {}


def _month(at: int) -> date:
    day = at // MICROSECONDS_A_DAY
    if day not in _MONTHS:
        _MONTHS[day] = date.fromordinal(date(1970, 1, 1).toordinal() + day).replace(day=1)
    return _MONTHS[day]


def _add(found: Usage, event: Event, customer: str | None, cost: int | None) -> None:
    month = _month(event.occurred_at)
    spent = found.spending[month, customer]
    tokens = event.input_tokens + event.output_tokens
    spent.events += 1
    spent.tokens += tokens
    if cost is None:
        spent.unpriced_events += 1
        spent.unpriced_tokens += tokens
        sums = found.unpriced[month, event.provider]
        for place, quantity in enumerate(event.units()):
            sums[place] += quantity
    else:
        spent.cost_pico_usd += cost
        day = date.fromordinal(EPOCH.toordinal() + event.occurred_at // MICROSECONDS_A_DAY)
        found.by_day[day, event.provider, event.model] += cost


def cost_cents(pico_usd: int) -> int:
    """Rounded to cents once, a half away from zero."""
    return half_away(Fraction(pico_usd, 10**10))
