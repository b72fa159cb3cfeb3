"""Usage that a provider reports by day, made into rows of the day cube where no log has the calls: who it is for, and its price."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import duckdb
import polars as pl

from pricing.effective_cost import CUBE_KEYS
from pricing.price_book import PriceBook
from pricing.price_entry import AskedName, PriceEntry, UnitWithoutPrice, quote
from pricing.usage import BUCKETS

# The first of these that is told and means a customer says whose usage a line is; else the first that is told names it.
WHOSE = ("customer_ref", "api_key", "project")
# Prices that change within a day are taken as they are at noon: a line of a day does not say when.
_NOON = time(12)
_COSTS = ("list_cost_pico_usd", "reported_cost_pico_usd")
_CUBE_SCHEMA: dict[str, pl.DataType] = {
    "day": pl.Date(),
    **{key: pl.Int64() if key == "price_id" else pl.String() for key in CUBE_KEYS},
    "events": pl.Int64(),
    **dict.fromkeys(BUCKETS, pl.Int64()),
    # As text: sums of a day may be beyond 64 bits.
    **dict.fromkeys(_COSTS, pl.String()),
}

Line = Mapping[str, Any]


@dataclass(frozen=True)
class ReportedUsage:
    """Rows for the cube, the price entries that they name, and on how many days a provider's lines are withheld.

    `cube` has `day`, CUBE_KEYS, `events`, BUCKETS, and the list and reported cost as decimal text.
    """

    cube: pl.DataFrame
    entries: tuple[PriceEntry, ...]
    withheld: Mapping[str, int]

    @property
    def sums(self) -> dict[str, int]:
        """Events, events without a list price, and list cost in pico-USD, as a lake's manifest has them."""
        unpriced = self.cube.filter(pl.col("list_cost_pico_usd").is_null())
        costs = self.cube["list_cost_pico_usd"].drop_nulls()
        return {
            "events": int(self.cube["events"].sum()),
            "unpriced_events": int(unpriced["events"].sum()),
            "list_cost_pico_usd": sum(int(cost) for cost in costs),
        }

    def relation(self, con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        """The rows as the lake's cube has them (HUGEINT sums), in its order of columns."""
        buckets = ", ".join(f"{bucket}::hugeint as {bucket}" for bucket in BUCKETS)
        costs = ", ".join(f"{cost}::hugeint as {cost}" for cost in _COSTS)
        return con.from_arrow(self.cube.to_arrow()).project(f"day, {', '.join(CUBE_KEYS)}, events, {buckets}, {costs}")


def days_with_calls(names: Iterable[tuple[str | None, str | None, date]], book: PriceBook) -> set[tuple[str, date]]:
    """On which days which provider's calls are in the log, from its (provider, model, day): a model may say whose it is."""
    return {(_provider(provider, model, book), day) for provider, model, day in names}


def reported_usage(
    lines: pl.DataFrame, held: Collection[tuple[str, date]], customers: Collection[str], book: PriceBook
) -> ReportedUsage:
    """The cube's rows of lines of usage that count as the usage of record.

    `lines` have `day`, the labels and BUCKETS of store.provider_reports.USAGE_SCHEMA and `reported_cost_pico_usd`. Where the
    log holds calls of the same provider and day (`held`), the log counts and the lines are withheld: nothing tells which of
    its calls a report has, too. `customers` are the names that mean a customer. A line without a count of requests is one event.

    **Length is not told by the day**, so lines are priced as short inputs: what longer ones cost more is not in the list cost.
    A line with a cost of its own is not priced by any list.
    """
    counted: list[Line] = []
    withheld: dict[str, set[date]] = {}
    for line in lines.iter_rows(named=True):
        if (line["provider"], line["day"]) in held:
            withheld.setdefault(line["provider"], set()).add(line["day"])
        else:
            counted.append(line)
    price = _pricer(book)
    used: dict[int, PriceEntry] = {}
    rows = []
    for told in counted:
        entry, cost, reason = price(told)
        if entry is not None:
            used[entry.price_id] = entry
        rows.append(_row(told, customers, entry, cost, reason))
    return ReportedUsage(
        cube=pl.DataFrame(rows, schema=_CUBE_SCHEMA),
        entries=tuple(used[price_id] for price_id in sorted(used)),
        withheld={provider: len(days) for provider, days in sorted(withheld.items())},
    )


def _provider(provider: str | None, model: str | None, book: PriceBook) -> str:
    found = book.find(provider, model)
    return (provider or "").lower() if isinstance(found, str) else found[0]


def _row(
    line: Line, customers: Collection[str], entry: PriceEntry | None, cost: int | None, reason: str | None
) -> dict[str, Any]:
    told = [line[name] for name in WHOSE if line[name] is not None]
    reported = line["reported_cost_pico_usd"]
    return {
        "day": line["day"],
        "customer_ref": next((name for name in told if name in customers), told[0] if told else None),
        "provider": line["provider"],
        "model": line["model"],
        "feature": None,
        "service_tier": line["service_tier"],
        "price_id": None if entry is None else entry.price_id,
        "unpriced_reason": reason,
        "reported_by": None if reported is None else "provider",
        "events": max(1, line["requests"] or 0),
        **{bucket: line[bucket] or 0 for bucket in BUCKETS},
        "list_cost_pico_usd": None if cost is None else str(cost),
        "reported_cost_pico_usd": None if reported is None else str(reported),
    }


Priced = tuple[PriceEntry | None, int | None, str | None]


def _pricer(book: PriceBook) -> Callable[[Line], Priced]:
    """A line's entry, its cost in pico-USD, or why it has none; names are looked up once."""
    known: dict[tuple[AskedName, date], PriceEntry | str] = {}

    def price(line: Line) -> Priced:
        if line["reported_cost_pico_usd"] is not None:
            return None, None, "the provider's report has its own cost"
        asked = AskedName(line["provider"], line["model"], line["service_tier"] or "standard", line["region"])
        key = (asked, line["day"])
        if key not in known:
            known[key] = _entry(book, asked, line["day"])
        found = known[key]
        if isinstance(found, str):
            return None, None, found
        try:
            return found, quote(found, {bucket: line[bucket] or 0 for bucket in BUCKETS}), None
        except UnitWithoutPrice as lacking:
            return None, None, str(lacking)

    return price


def _entry(book: PriceBook, asked: AskedName, day: date) -> PriceEntry | str:
    """The entry for short inputs in force at noon of the day, or why there is none."""
    name = "/".join(part for part in (asked.provider, asked.model) if part)
    entries = book.prices_for(asked)
    if isinstance(entries, str):
        return f"no price entry for {name}: {entries}"
    at = datetime.combine(day, _NOON, UTC)
    for entry in entries:
        is_short = entry.above_input_tokens is None
        has_begun = entry.valid_from is None or entry.valid_from <= at
        is_in_force = has_begun and (entry.valid_to is None or at < entry.valid_to)
        if is_short and is_in_force and _holds_at_noon(entry):
            return entry
    return f"no price entry for {name} on {day}"


def _holds_at_noon(entry: PriceEntry) -> bool:
    minute = _NOON.hour * 60
    return (entry.tod_from_minute or 0) <= minute < (entry.tod_to_minute or 24 * 60)
