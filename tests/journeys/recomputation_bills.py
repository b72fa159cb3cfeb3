"""The providers' bills a second time: lines as they were pulled, added up by day, and what the company pays by them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from uuid import UUID

from sqlalchemy import Engine, text

from store.database import tenant_transaction

# The same model under the name of a dated snapshot, as in gpt-4o-2024-08-06 and claude-opus-4-5-20251101.
SNAPSHOT = re.compile(r"-20\d{2}-?\d{2}-?\d{2}$")
STILL_GROWING = timedelta(days=2)

Costs = Mapping[tuple[date, str | None, str | None], int]


@dataclass(frozen=True)
class Bills:
    """Pico-USD by day, provider and model, of every line but tax."""

    lines: Costs

    @cached_property
    def settled(self) -> Mapping[str | None, tuple[date, date]]:
        """By provider the first day of its bill and the last one on which it grows no more."""
        days: dict[str | None, list[date]] = defaultdict(list)
        for (day, provider, _), cost in self.lines.items():
            if cost:
                days[provider].append(day)
        return {provider: (min(found), max(found) - STILL_GROWING) for provider, found in days.items()}


def read_bills(engine: Engine, tenant_id: UUID, as_of: datetime) -> Bills:
    """The lines that were in force at a moment, as the database holds them."""
    query = text(
        "select day, provider, model, cost_pico_usd from provider_costs join usage_connections using (tenant_id, connection_id) "
        "where recorded_at <= :as_of and (superseded_at is null or superseded_at > :as_of) "
        "and disconnected_at is null and counts_as = 'bill' and charge_category <> 'tax'"
    )
    sums: dict[tuple[date, str | None, str | None], int] = defaultdict(int)
    with tenant_transaction(engine, tenant_id) as connection:
        for day, provider, model, cost in connection.execute(query, {"as_of": as_of}):
            sums[day, provider, None if model is None else SNAPSHOT.sub("", model)] += cost
    return Bills(sums)


def beyond_usage(bills: Bills, usage: Costs, month: date) -> int:
    """What the settled bills of a month come to beyond the usage of their days."""
    return sum(cost for key, cost in bills.lines.items() if _counts(bills, key, month)) - sum(
        cost for key, cost in usage.items() if _counts(bills, key, month)
    )


def agreement(bills: Bills, usage: Costs, month: date) -> Fraction:
    """What both have of a provider's model in the settled days of a month, as a share of the larger of the two."""
    models: dict[tuple[str | None, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for place, costs in enumerate((bills.lines, usage)):
        for key, cost in costs.items():
            if _counts(bills, key, month):
                models[key[1:]][place] += cost
    pairs: Iterable[list[int]] = models.values()
    return Fraction(sum(min(pair) for pair in pairs), sum(max(pair) for pair in pairs))


def _counts(bills: Bills, key: tuple[date, str | None, str | None], month: date) -> bool:
    if key[0].replace(day=1) != month or key[1] not in bills.settled:
        return False
    first, last = bills.settled[key[1]]
    return first <= key[0] <= last
