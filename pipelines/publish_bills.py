"""The bills of a version: read from the providers' reports, compared with the usage, and made into the rows that the invoice wins by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from pricing.catalogue_names import find_provider
from pricing.fx import RateTable
from pricing.metered_units import metered_quantity
from pricing.money import NANO, divide_half_away
from pricing.price_book import PriceBook
from pricing.usage import BUCKETS
from pricing.usage_reconciliation import (
    Billed,
    Variance,
    bill_state,
    matched_and_compared,
    reconcile,
    settled_until,
)
from store import provider_reports, warehouse, warehouse_reconciliation
from store.database import Connection
from store.warehouse_reconciliation import Difference

Row = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """Usage and bills side by side; `settled` are the days, by provider, whose bill is what the company pays."""

    variances: list[Variance] = field(default_factory=list)
    settled: Mapping[str, tuple[date, date]] = field(default_factory=dict)
    spelled: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def is_settled(self, provider: str, day: date) -> bool:
        """Whether the bill of that provider grows no more on that day."""
        span = self.settled.get(provider)
        return span is not None and span[0] <= day <= span[1]

    def differences(self) -> list[Difference]:
        """What settled bills have beyond the usage, by day, provider and model."""
        sums: dict[tuple[date, str, str | None], int] = defaultdict(int)
        for each in self.variances:
            if self.is_settled(each.provider, each.day):
                sums[each.day, each.provider, each.model] += each.gap_pico_usd
        return [
            Difference(day=day, provider=provider, model=model, cost_pico_usd=gap)
            for (day, provider, model), gap in sums.items()
            if gap
        ]


def read_bills(connection: Connection, rates: RateTable) -> list[Billed]:
    """The lines of all connected bills in dollars, and the quantities of their usage reports where a line tells none."""
    costs = provider_reports.read_costs(connection).filter(pl.col("counts_as") == "bill")
    lines = [_line(row, rates) for row in costs.iter_rows(named=True)]
    told = {(line.provider, line.unit) for line in lines if line.quantity is not None}
    usage = provider_reports.read_usage(connection).filter(pl.col("counts_as") == "bill")
    sums = usage.group_by("day", "provider", "model").agg(
        pl.when(pl.col(bucket).is_not_null().any()).then(pl.col(bucket).sum()).alias(bucket) for bucket in BUCKETS
    )
    for row in sums.iter_rows(named=True):
        provider = provider_id(row["provider"])
        lines += [
            Billed(day=row["day"], provider=provider, model=row["model"], unit=bucket, quantity=row[bucket], cost_pico_usd=0)
            for bucket in BUCKETS
            if row[bucket] is not None and (provider, bucket) not in told
        ]  # fmt: skip
    return lines


def _line(row: Mapping[str, Any], rates: RateTable) -> Billed:
    dated = None
    if row["currency"] != "usd":
        rate = rates.find(row["currency"], "usd", row["day"])
        # Without a rate of our own there is nothing to hold the provider's against.
        dated = None if rate is None else divide_half_away(row["billed_pico"] * rate.rate_nano, NANO)
    return Billed(
        day=row["day"],
        provider=provider_id(row["provider"]),
        model=row["model"],
        unit=row["unit"],
        quantity=row["quantity"],
        cost_pico_usd=row["cost_pico_usd"],
        dated_pico_usd=dated,
        charge_category=row["charge_category"],
    )


def provider_id(name: str) -> str:
    """The one name of a provider that logs and bills spell differently: the catalogue's, or the name in lower case."""
    found = find_provider(name)
    return found.id if found is not None else name.strip().lower()


def compare(
    con: warehouse.Building,
    costed: warehouse_reconciliation.Costed,
    bills: Sequence[Billed],
    book: PriceBook,
    entries: pl.DataFrame,
) -> Compared:
    """Usage (pricing.effective_cost.COSTED_COLUMNS) against the bills; nothing where no bill is connected."""
    if not bills:
        return Compared()
    billed_by = {line.provider for line in bills}
    spelled: dict[str, list[str]] = defaultdict(list)
    known: dict[tuple[str, str], str | None] = {}
    for provider, model in warehouse_reconciliation.names(costed):
        if provider_id(provider) not in billed_by:
            continue
        if provider not in spelled[provider_id(provider)]:
            spelled[provider_id(provider)].append(provider)
        if model is not None:
            known.setdefault((provider_id(provider), _listed_name(book, provider, model)), model)
    logged = warehouse_reconciliation.logged_units(
        con, costed, entries, [name for all_ in spelled.values() for name in all_]
    )
    ours = [replace(entry, provider=provider_id(entry.provider)) for entry in logged]

    def model_name(provider: str, model: str | None) -> str | None:
        """The log's own word for the model, where it has one."""
        return None if model is None else known.get((provider, _listed_name(book, provider, model)), model)

    return Compared(reconcile(ours, bills, model_name=model_name), settled_until(bills), spelled)


def _listed_name(book: PriceBook, provider: str, model: str) -> str:
    """The catalogue's name of a model, under which an alias and its snapshots are one; its own where the catalogue has none."""
    found = book.find(provider, model)
    return model if isinstance(found, str) else found[1]


def fill(con: warehouse.Building, compared: Compared, metered: Sequence[Row]) -> None:
    """Write the tables of usage, bills and what metered prices charged for, and what log and bills have in common into the months'
    coverage; after the usage itself.
    """
    warehouse.load(con, "invoiced_units", invoiced_rows(con, metered))
    places = [(each, _place(each)) for each in compared.variances]
    cells = [
        place
        | {
            "logged_quantity": each.logged_quantity,
            "billed_quantity": each.billed_quantity,
            "logged_pico_usd": each.logged_pico_usd,
            "billed_pico_usd": each.billed_pico_usd,
            "is_settled": compared.is_settled(each.provider, each.day),
        }
        for each, place in places
    ]
    parts = [
        place | {"cause": part.cause.value, "part_pico_usd": part.pico_usd}
        for each, place in places
        for part in each.parts
    ]
    warehouse.load(con, "bill_cells", cells)
    warehouse.load(con, "bill_parts", parts)
    warehouse.load(con, "bill_months", _months(con, compared))
    settled = [each for each in compared.variances if compared.is_settled(each.provider, each.day)]
    sums: dict[date, tuple[int, int]] = {}
    for (month, _), (matched, larger) in matched_and_compared(settled).items():
        before = sums.get(month, (0, 0))
        sums[month] = (before[0] + matched, before[1] + larger)
    warehouse_reconciliation.agree(con, sums)


def _place(each: Variance) -> Row:
    return {
        "month": each.day.replace(day=1),
        "day": each.day,
        "provider": each.provider,
        "model": each.model,
        "unit": each.unit,
    }


def _months(con: warehouse.Building, compared: Compared) -> list[Row]:
    """One row for each provider and month with usage or a bill."""
    rows: dict[tuple[date, str], Row] = {}

    def row_of(month: date, provider: str) -> Row:
        bill = ("first_day", "last_day", "logged_pico_usd", "billed_pico_usd", "matched_pico_usd", "compared_pico_usd")
        plain: Row = {"month": month, "provider": provider, "usage_pico_usd": 0, "state": bill_state(None, None).value}
        return rows.setdefault((month, provider), plain | dict.fromkeys(bill))

    for month, name, cost in warehouse_reconciliation.usage_by_month(con):
        row_of(month, provider_id(name))["usage_pico_usd"] += cost
    for each in compared.variances:
        row = row_of(each.day.replace(day=1), each.provider)
        row["first_day"] = min(row["first_day"] or each.day, each.day)
        row["last_day"] = max(row["last_day"] or each.day, each.day)
        row["logged_pico_usd"] = (row["logged_pico_usd"] or 0) + each.logged_pico_usd
        row["billed_pico_usd"] = (row["billed_pico_usd"] or 0) + each.billed_pico_usd
    for key, (matched, larger) in matched_and_compared(compared.variances).items():
        rows[key] |= {
            "matched_pico_usd": matched,
            "compared_pico_usd": larger,
            "state": bill_state(matched, larger).value,
        }
    return [rows[key] for key in sorted(rows)]


def settled_spellings(compared: Compared) -> Iterable[tuple[str, date, date]]:
    """(provider as the log spells it, first, last day) of what the bills settle: usage without a price has its cost there."""
    return [
        (name, *compared.settled[provider])
        for provider, names in compared.spelled.items()
        if provider in compared.settled
        for name in names
    ]


def invoiced_rows(con: warehouse.Building, lines: Sequence[Row]) -> list[Row]:
    """What metered prices charged for beside what the log has of the same customer in the same period.

    Usage is summed by UTC day; a day counts to the period in which it begins, as a daily report to a meter does.
    """
    periods = [(line["customer_id"], line["period_start"], line["period_end"]) for line in lines]
    rows = []
    for line, quantities in zip(lines, warehouse_reconciliation.used_in(con, periods), strict=True):
        found = metered_quantity(line["unit_label"], quantities)
        month = (line["period_end"] - timedelta(seconds=1)).date().replace(day=1)
        rows.append({**line, "month": month, "logged_quantity": None if found is None else round(found)})
    return rows
