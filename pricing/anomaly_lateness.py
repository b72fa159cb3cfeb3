"""Which days' usage has not come in yet: a day that is late is unknown, and no fall of anything."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

# A provider is expected daily when it was used on this share of the four weeks before.
DAILY_SHARE, USUAL_DAYS, LEAST_DAYS = 0.9, 28, 14
# Of the customers who use a provider daily, fewer than this share on one day means that a file of it has not come.
PRESENT_SHARE, FEW_CUSTOMERS = 0.3, 5
# What has not come for so long will not: the provider is no longer used.
ENDED_AFTER_DAYS = 14
# A day is over when events reach so close to its end, or beyond it.
REACHES_END = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class LateDay:
    """A day of which the usage of a provider, or of the whole company (None), has not come in, or only a part of it."""

    day: date
    provider: str | None
    sentence: str


def last_closed_day(last_day: date, latest_record_at: datetime | None, as_of: datetime) -> date:
    """The last day of which all usage has come: one with events beyond its end, or up to three hours before it once it is over.

    `last_day` is the newest day with usage. Times are UTC; without a zone they are taken for it.
    """
    end = datetime.combine(last_day + timedelta(days=1), time())
    is_over = _plain(as_of) >= end
    if is_over and latest_record_at is not None and _plain(latest_record_at) >= end - REACHES_END:
        return last_day
    return last_day - timedelta(days=1)


def _plain(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def late_days(usage: pl.DataFrame, first: date, last: date, today: date) -> list[LateDay]:
    """The late days of `first` to `last` (the last closed day), and of those after it that are over by `today`, which still runs.

    `usage` are daily costs by scope (store.warehouse_spikes.daily_costs).
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    late = [LateDay(day, None, f"No usage of {day} has come in yet.") for day in _days(last, today)]
    there = set(usage.filter(scope="company")["day"])
    late += [LateDay(day, None, f"No usage of {day} has come in.") for day in days if day not in there]
    whole = {each.day for each in late}
    of_providers = usage.filter(pl.col("scope").is_in(["provider", "customer_provider"]))
    for (provider,), rows in of_providers.group_by("provider", maintain_order=True):
        used = _presence(rows, days)
        for number in _late_numbers(used):
            if days[number] not in whole:
                some = "No" if not used[0, number] else "Only a part of the"
                sentence = f"{some} usage of {provider} on {days[number]} has come in."
                late.append(LateDay(days[number], str(provider), sentence))
    return sorted(late, key=lambda each: (each.day, each.provider or ""))


def _days(last: date, today: date) -> Iterable[date]:
    """The days that are over and that nothing says are complete."""
    return (last + timedelta(days=number) for number in range(1, (today - last).days))


def _presence(rows: pl.DataFrame, days: list[date]) -> NDArray[np.bool_]:
    """Whether a provider was used by anybody (row 0) and by which of its customers (the others) on which day (columns)."""
    within = rows.filter(pl.col("day").is_between(days[0], days[-1]))
    customers = within["customer_id"].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    grid = np.zeros((int(customers.max(initial=0)) + 1, len(days)), dtype=np.bool_)
    grid[customers, (within["day"] - days[0]).dt.total_days().to_numpy()] = True
    return grid


def _late_numbers(used: NDArray[np.bool_]) -> list[int]:
    """The days on which the provider is missing, or nearly all customers who use it daily, though it was used daily before."""
    found: list[int] = []
    gap = 0
    for number in range(LEAST_DAYS, used.shape[1]):
        before = used[:, max(0, number - gap - USUAL_DAYS) : number - gap].mean(axis=1)
        is_there = bool(used[0, number])
        daily = before[1:] >= DAILY_SHARE
        few = int(daily.sum()) >= FEW_CUSTOMERS and float(used[1:][daily, number].mean()) < PRESENT_SHARE
        gap = 0 if is_there and not few else gap + 1
        if gap > ENDED_AFTER_DAYS:
            # It has ended: its last two weeks were no late days either, and what comes later is compared with what was.
            found = [day for day in found if day <= number - gap]
        elif gap and before[0] >= DAILY_SHARE:
            found.append(number)
    return found
