"""Which terms and free quotas hold for each name of the usage, from when until when: the table that the day cube is joined to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import polars as pl

from pricing.contracts import Commitment, Credit, Term, UnitPrices, VolumeTiers, choose
from pricing.price_entry import tier_named
from pricing.usage import BUCKETS

_ALWAYS = date(1900, 1, 1), date(2200, 1, 1)


class FreeQuota(Protocol):
    """Units of a bucket that a provider gives away in each UTC day or month, over all its `models` and all customers together."""

    @property
    def provider(self) -> str:
        """The provider as the price book names it."""

    @property
    def models(self) -> tuple[str, ...]:
        """Patterns of the models' names; `*` stands for any letters."""

    @property
    def bucket(self) -> str:
        """One of pricing.usage.BUCKETS."""

    @property
    def quantity(self) -> int:
        """How many of its units."""

    @property
    def period(self) -> str:
        """`day` or `month`."""

    @property
    def valid_from(self) -> date | None:
        """The first UTC day; None: always."""

    @property
    def valid_to(self) -> date | None:
        """The day after the last one; None: no end is known."""


class Name(NamedTuple):
    """Usage that is priced alike: what the log says, and the price entry that its events have (None: none)."""

    provider: str | None
    model: str | None
    service_tier: str | None
    price_id: int | None


@dataclass(frozen=True)
class Rates:
    """The table to join (`rows`), and what its numbers `<bucket>_tier` and `<bucket>_free` stand for.

    A row holds from `from_day` until before `until_day`. `<bucket>_own` is a negotiated price, `<bucket>_listed` the entry's.
    """

    rows: pl.DataFrame
    buckets: tuple[str, ...]
    tiers: tuple[VolumeTiers, ...]
    allowances: tuple[FreeQuota, ...]

    def with_tiers(self) -> list[str]:
        """The buckets that some row has graduated prices for."""
        return [bucket for bucket in self.buckets if self.rows[f"{bucket}_tier"].is_not_null().any()]

    def with_allowances(self) -> list[str]:
        """The buckets of which some row has a part for free."""
        return [bucket for bucket in self.buckets if self.rows[f"{bucket}_free"].is_not_null().any()]


def rates(
    names: Iterable[Name], terms: Sequence[Term], allowances: Sequence[FreeQuota], entries: pl.DataFrame
) -> Rates | None:
    """The table for these names; None where no term and no quota concerns any of them.

    `entries` has the columns pricing.price_entry.ENTRY_SCHEMA and every `price_id` of the names.
    """
    pricing = [term for term in terms if not isinstance(term.rule, Commitment | Credit)]
    by_id = {row["price_id"]: row for row in entries.iter_rows(named=True)}
    graduated = [term for term in pricing if isinstance(term.rule, VolumeTiers)]
    quotas = list(allowances)
    rows: list[dict[str, Any]] = []
    for name in names:
        entry = by_id.get(name.price_id, {})
        own = [term for term in pricing if _concerns(term, name, entry)]
        free = [number for number, quota in enumerate(quotas) if _is_free(quota, name, entry)]
        if own or (free and entry):
            rows += _segments(name, entry, own, graduated, [(number, quotas[number]) for number in free if entry])
    if not rows:
        return None
    buckets = tuple(bucket for bucket in BUCKETS if any(_touches(row, bucket) for row in rows))
    return Rates(
        pl.DataFrame(rows, schema=_schema(buckets), orient="row"),
        buckets,
        tuple(term.rule for term in graduated if isinstance(term.rule, VolumeTiers)),
        tuple(quotas),
    )


def _touches(row: dict[str, Any], bucket: str) -> bool:
    return any(row.get(f"{bucket}_{what}") is not None for what in ("own", "tier", "free"))


def _schema(buckets: Sequence[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "asked_provider": pl.String,
        "asked_model": pl.String,
        "asked_tier": pl.String,
        "asked_price_id": pl.Int64,
        "from_day": pl.Date,
        "until_day": pl.Date,
        "of_contract": pl.String,
        "off_ppm": pl.Int64,
        "discount": pl.String,
    }
    for bucket in buckets:
        schema |= {f"{bucket}_{what}": pl.Int64 for what in ("listed", "own", "tier", "free")}
    return schema


def _segments(
    name: Name,
    entry: dict[str, Any],
    own: Sequence[Term],
    graduated: Sequence[Term],
    free: Sequence[tuple[int, FreeQuota]],
) -> list[dict[str, Any]]:
    """One row for each stretch of days in which the same terms and quotas hold."""
    first, last = _ALWAYS
    dates = {day for term in own for day in (term.valid_from, term.valid_to) if day}
    dates |= {day for _, quota in free for day in (quota.valid_from, quota.valid_to) if day}
    rows = []
    for start, end in pairwise(sorted({first, last, *dates})):
        priced = choose(term for term in own if term.holds_on(start))
        quotas = [
            (number, quota)
            for number, quota in free
            if (quota.valid_from or first) <= start and (quota.valid_to is None or start < quota.valid_to)
        ]
        chosen = {*(term.contract_id for term in priced.by_bucket.values())}
        chosen |= {priced.discount.contract_id} if priced.discount else set()
        if not chosen and not quotas:
            continue
        row: dict[str, Any] = dict(
            zip(("asked_provider", "asked_model", "asked_tier", "asked_price_id"), name, strict=True)
        )
        row |= {"from_day": start, "until_day": end, "of_contract": ", ".join(sorted(chosen)) or None}
        row |= {
            "off_ppm": getattr(priced.discount.rule, "off_ppm", 0) if priced.discount else 0,
            "discount": priced.discount.term_id if priced.discount else None,
        }
        for bucket, term in priced.by_bucket.items():
            if isinstance(term.rule, UnitPrices):
                row[f"{bucket}_own"] = term.rule.unit_pico_usd[bucket]
            else:
                row[f"{bucket}_tier"] = list(graduated).index(term)
        for number, quota in quotas:
            # What has a price of its own is not free beside it.
            if quota.bucket not in priced.by_bucket:
                row[f"{quota.bucket}_free"] = number
        row |= {f"{bucket}_listed": entry.get(f"{bucket}_pico_usd") or 0 for bucket in BUCKETS}
        rows.append(row)
    return rows


def _concerns(term: Term, name: Name, entry: dict[str, Any]) -> bool:
    tier = entry.get("service_tier") or tier_named(name.service_tier)
    return term.concerns((name.provider, entry.get("provider")), (name.model, entry.get("model")), tier)


def _is_free(quota: FreeQuota, name: Name, entry: dict[str, Any]) -> bool:
    models = [model.lower() for model in (name.model, entry.get("model")) if model]
    return quota.provider in {name.provider, entry.get("provider")} and any(
        fnmatchcase(model, pattern.lower()) for pattern in quota.models for model in models
    )
