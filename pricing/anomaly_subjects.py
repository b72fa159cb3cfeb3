"""Daily cost of a company, its customers, providers, models and features as series that can be judged, each with its subject."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pricing.anomaly_lateness import LateDay
from pricing.anomaly_series import PICO, UsageSeries
from pricing.finding import Scope, Subject

SCOPES: tuple[Scope, ...] = ("company", "provider", "model", "feature", "customer", "customer_model")
KEYS = ("customer_id", "provider", "model", "feature")
# What was used is one quantity here: its worth at prices that do not change.
QUANTITIES = ("fixed_pico_usd",)
# Who has not used a provider for so long does not miss it.
IN_USE_DAYS = 28


@dataclass(frozen=True, slots=True)
class Subjects:
    """The series of one scope: `subjects` name the rows of `series`; `usage` is what these were made of, with its columns QUANTITIES.

    `events` and `unpriced` are (series, days): calls, and those among them that have no price.
    """

    scope: Scope
    subjects: list[Subject]
    series: UsageSeries
    usage: pl.DataFrame
    events: NDArray[np.int64]
    unpriced: NDArray[np.int64]


def subjects_of(usage: pl.DataFrame, scope: Scope, days: tuple[date, date], late: Collection[LateDay]) -> Subjects:
    """The series of `scope` over `days` (both included) from daily costs by scope (store.warehouse_spikes.daily_costs).

    A series begins with its first usage. Days without usage are zeros; late ones are unknown (NaN) for whoever uses what is late. Calls
    without a price cost what the priced ones of the same day do on average, for judging alone; a day that has no other calls is unknown.
    """
    rows = usage.filter(pl.col("scope") == scope, pl.col("day").is_between(*days)).with_row_index("place")
    names = rows.select(KEYS).unique(maintain_order=True).with_row_index("row")
    at = rows.join(names, on=KEYS, maintain_order="left", nulls_equal=True)["row"].to_numpy()
    day = (rows["day"] - days[0]).dt.total_days().to_numpy()
    shape = (names.height, (days[1] - days[0]).days + 1)
    place = np.full(shape, -1, dtype=np.int64)
    place[at, day] = rows["place"].to_numpy()
    events, unpriced, requests, cost = (
        _counts(shape, at, day, rows[name]) for name in ("events", "unpriced_events", "requests", "cost_pico_usd")
    )
    fixed = np.zeros(shape)
    fixed[at, day] = rows["fixed_usd"].to_numpy()
    priced = events - unpriced
    with np.errstate(divide="ignore", invalid="ignore"):
        fixed = np.where(unpriced > 0, np.where(priced > 0, fixed * events / priced, np.nan), fixed)
    is_unknown = ~np.logical_or.accumulate(place >= 0, axis=1) | _missing(usage, names, days, late)
    series = UsageSeries(
        keys=names.drop("row"),
        first_day=days[0],
        fixed_cost=np.where(is_unknown, np.nan, fixed),
        requests=np.where(is_unknown, np.nan, requests.astype(np.float64)),
        cost_pico_usd=cost,
        place=place,
        unit_dollars=np.full((names.height, 1), 1 / PICO),
    )
    counted = rows.select(
        "requests", (pl.col("fixed_usd") * PICO).round().cast(pl.Int64).alias(QUANTITIES[0]), "cost_pico_usd"
    )
    found = [Subject(scope=scope, **name) for name in names.select(KEYS).to_dicts()]
    return Subjects(scope, found, series, counted, events, unpriced)


def _counts(
    shape: tuple[int, int], at: NDArray[np.int64], day: NDArray[np.int64], column: pl.Series
) -> NDArray[np.int64]:
    grid = np.zeros(shape, dtype=np.int64)
    grid[at, day] = column.to_numpy()
    return grid


def _missing(
    usage: pl.DataFrame, names: pl.DataFrame, days: tuple[date, date], late: Collection[LateDay]
) -> NDArray[np.bool_]:
    """Where a series lacks what has not come in: its own provider's, or one that it may hold usage of."""
    grid = np.zeros((names.height, (days[1] - days[0]).days + 1), dtype=bool)
    for each in late:
        number = (each.day - days[0]).days
        if 0 <= number < grid.shape[1]:
            grid[_concerned(usage, names, each), number] = True
    return grid


def _concerned(usage: pl.DataFrame, names: pl.DataFrame, late: LateDay) -> NDArray[np.bool_]:
    if late.provider is None:
        return np.ones(names.height, dtype=bool)
    if names["provider"].null_count() == 0:
        return (names["provider"] == late.provider).to_numpy()
    if names["customer_id"].null_count() == 0:
        users = usage.filter(
            pl.col("scope") == "customer_provider",
            pl.col("provider") == late.provider,
            pl.col("day").is_between(late.day - timedelta(days=IN_USE_DAYS), late.day),
        )["customer_id"]
        return names["customer_id"].is_in(users.unique().to_list()).to_numpy()
    # The company's usage and that of its features hold every provider's.
    return np.ones(names.height, dtype=bool)


def subject_words(subject: Subject, names: dict[str, str]) -> str:
    """How a sentence begins that says what something cost, as in: Acme's gpt-5; OpenAI's models are called by their provider's name."""
    customer = names.get(subject.customer_id or "", subject.customer_id or "")
    words: dict[str, str] = {
        "company": "All AI usage",
        "provider": f"All usage of {subject.provider}",
        "model": f"All usage of {subject.model}",
        "feature": f"The feature {subject.feature}",
        "customer": customer,
        "customer_model": f"{customer}'s {subject.model}",
    }
    return words[subject.scope]


def scopes_in(usage: pl.DataFrame) -> Sequence[Scope]:
    """The scopes that there is usage of."""
    held = set(usage["scope"])
    return [scope for scope in SCOPES if scope in held]
