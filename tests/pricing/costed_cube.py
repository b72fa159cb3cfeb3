"""A day cube in memory, and the cost of it under contracts: what the tests of contracts share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import polars as pl

from pricing.contract_rates import FreeQuota
from pricing.contracts import Rule, Term
from pricing.effective_cost import CUBE_KEYS, Agreements, effective_cost
from pricing.price_entry import PriceEntry, entries_frame
from pricing.usage import BUCKETS

Row = dict[str, Any]
SCHEMA: dict[str, Any] = {
    "day": pl.Date,
    **dict.fromkeys(CUBE_KEYS, pl.String),
    "price_id": pl.Int64,
    **dict.fromkeys(("events", *BUCKETS), pl.Int64),
    "list_cost_pico_usd": pl.Decimal(38, 0),
    "reported_cost_pico_usd": pl.Decimal(38, 0),
}
GPT_4O = PriceEntry(
    provider="openai",
    model="gpt-4o",
    unit_pico_usd={"input_uncached_tokens": 2_500_000, "output_text_tokens": 10_000_000, "search_requests": 10**10},
)
NOVEMBER_1 = date(2026, 11, 1)


@dataclass(frozen=True)
class Quota:
    """A free quota of searches."""

    quantity: int
    period: str = "day"
    provider: str = "openai"
    models: tuple[str, ...] = ("gpt-*",)
    bucket: str = "search_requests"
    valid_from: date | None = None
    valid_to: date | None = None


def used(day: date = NOVEMBER_1, customer: str = "acct_1", *, out: int = 0, searches: int = 0, **given: Any) -> Row:
    """A row of gpt-4o: `input_uncached_tokens` 0, so many tokens out, at the list price."""
    row: Row = {"day": day, "customer_ref": customer, "output_text_tokens": out, "search_requests": searches}
    row |= {
        "provider": "openai",
        "model": "gpt-4o",
        "service_tier": "standard",
        "price_id": GPT_4O.price_id,
        "events": 1,
    }
    row |= {"list_cost_pico_usd": out * 10_000_000 + searches * 10**10}
    return row | given


def term(rule: Rule, contract_id: str = "openai-2026", **given: Any) -> Term:
    """A term with OpenAI since 2026."""
    plain = {"term_id": str(given.pop("term_id", rule)), "contract_id": contract_id, "provider": "openai"}
    return Term(**(plain | {"valid_from": date(2026, 1, 1), "rule": rule} | given))


def costed(
    rows: Sequence[Row], *terms: Term, quotas: Sequence[FreeQuota] = (), as_of: date = date(2026, 11, 20)
) -> list[Row]:
    """What effective_cost makes of these rows, by day and customer."""
    blank = dict.fromkeys(SCHEMA) | dict.fromkeys(BUCKETS, 0)
    with duckdb.connect() as con:
        cube = con.from_arrow(pl.DataFrame([blank | row for row in rows], schema=SCHEMA, orient="row").to_arrow())
        agreed = Agreements(terms, quotas, entries_frame([GPT_4O]), as_of)
        answer = effective_cost(con, cube, agreed)
        names = answer.columns
        found = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return sorted(
        found, key=lambda row: (row["day"], row["customer_ref"] or "", row["model"] or "", str(row["feature"]))
    )


def costs(found: Sequence[Row]) -> list[int | None]:
    """Their costs in order."""
    return [row["cost_pico_usd"] for row in found]
