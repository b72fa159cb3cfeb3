"""A company's daily usage as rows of the cube, calm but for what a test does to it, published as a version."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pricing.money import NANO
from store import warehouse_reads
from store.warehouse_reads import Warehouse
from tests.store.warehouse_rows import ACME, MALLORY, Row, publish_tables, usage, with_usage

FIRST = date(2026, 6, 1)  # a Monday
DAYS = 120
# Six hours into the day after the last one.
NOW = datetime.combine(FIRST + timedelta(days=DAYS), datetime.min.time(), tzinfo=UTC) + timedelta(hours=6)
# A request holds a thousand tokens at $2.50 a million: a quarter of a cent.
TOKENS, PICO_PER_TOKEN = 1_000, 2_500_000
REQUEST = TOKENS * PICO_PER_TOKEN
CUSTOMERS = ("cus_a", "cus_b", "cus_c", "cus_d", "cus_e")
MODELS = (("openai", "gpt-4o", "chat"), ("anthropic", "claude", "agent"))
ENTRIES: list[Row] = [
    {"price_id": 1, "price_key": "openai/gpt-4o", "provider": "openai", "model": "gpt-4o"},
    {"price_id": 2, "price_key": "anthropic/claude", "provider": "anthropic", "model": "claude"},
]
# What a test does to a row: hands it back changed, or None where there is none.
Change = Callable[[Row], Row | None]


def publish_outsider(home: Path) -> None:
    """Another tenant, whose usage rises a hundredfold on the last day."""
    rows = [used(day(number), "mallory", 100_000 if number == DAYS - 1 else 1_000) for number in range(DAYS)]
    publish_tables(home, with_usage(rows), tenant_id=MALLORY, slug="mallory", now=NOW)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def calm_rows(days: int = DAYS, *, noise: float = 0.05, seed: int = 1, requests: int = 2_000) -> list[Row]:
    """Each customer's use of two models: 2,000 requests a day ($5.00) on weekdays, 60 % of it at weekends, a few more or less."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(days):
        week = 0.6 if number % 7 >= 5 else 1.0
        for customer in CUSTOMERS:
            for price_id, (provider, model, feature) in enumerate(MODELS, start=1):
                count = round(requests * week * float(np.exp(random.normal(0, noise))))
                names = {"provider": provider, "model": model, "feature": feature, "price_id": price_id}
                rows.append(used(day(number), customer, count, **names))
    return rows


def used(when: date, customer: str, requests: int, *, tokens: int = TOKENS, **given: Any) -> Row:
    """A row of the cube: so many requests of so many tokens each."""
    cost = requests * tokens * PICO_PER_TOKEN
    row = usage(when.replace(day=1), customer, cost, tokens=requests * tokens, requests=requests, events=requests)
    return row | {"day": when, "service_tier": "standard"} | given


def times(factor: float, *, customer: str | None = None, days: range, **named: str) -> Change:
    """So many times the requests, of one customer or of all, on these days (numbers)."""

    def change(row: Row) -> Row | None:
        is_meant = (row["day"] - FIRST).days in days and customer in {None, row["customer_id"]}
        if not is_meant or any(row[name] != value for name, value in named.items()):
            return row
        kept = {name: row[name] for name in ("provider", "model", "feature", "price_id")}
        return used(row["day"], row["customer_id"], round(row["requests"] * factor), **kept)

    return change


def without(*, days: range, provider: str | None = None, customer: str | None = None) -> Change:
    """No row at all on these days, of one provider or of all."""
    return lambda row: (
        None
        if (row["day"] - FIRST).days in days
        and provider in {None, row["provider"]}
        and customer in {None, row["customer_id"]}
        else row
    )


def published(
    home: Path,
    rows: Sequence[Row],
    *changes: Change,
    entries: Sequence[Row] = ENTRIES,
    now: datetime = NOW,
    latest: datetime | None = None,
    rate_nano: int | None = NANO,
) -> Warehouse:
    """Publish the rows after the changes; the newest event is `latest`, the last day's end without it."""
    kept: list[Row] = []
    for row in rows:
        changed: Row | None = row
        for change in changes:
            changed = change(changed) if changed is not None else None
        if changed is not None:
            kept.append(changed)
    prices = [{"service_tier": "standard", "input_uncached_tokens_pico_usd": PICO_PER_TOKEN} | one for one in entries]
    newest = latest or datetime.combine(max(row["day"] for row in kept), datetime.max.time())
    tables = with_usage(
        kept,
        price_entries=prices,
        customers=[{"customer_id": customer, "name": customer[-1].upper() * 3} for customer in CUSTOMERS],
        freshness=[{"source": "usage", "latest_record_at": newest, "last_success_at": now, "status": "ok"}],
        meta=[{"as_of": now, "published_at": now}],
    )
    tables["usd_rates"] = [row | {"rate_nano": rate_nano} for row in tables["usd_rates"]]
    publish_tables(home, tables, now=now)
    view = warehouse_reads.open_current(home, ACME)
    assert view is not None
    return view
