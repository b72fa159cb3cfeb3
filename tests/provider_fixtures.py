"""Provider APIs for tests over HTTP: a small company's calls, a clock that the test moves, and orders to go wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl
import pytest

from sandbox.providers.account import Accounts, Trouble
from sandbox.providers.routes import build_provider_app
from tests.sandbox_fixtures import listening

COUNTERS = {
    "input_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_5m_tokens": 0,
    "cache_write_1h_tokens": 0,
    "output_tokens": 0,
    "reasoning_tokens": 0,
    "requests": 1,
}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def call(event_id: str, at: str, model: str, **values: object) -> dict[str, object]:
    """One call at a moment such as `2026-11-18T10:00`; the provider is known by the model's name."""
    provider = next(
        name
        for start, name in (
            ("gpt", "openai"),
            ("text-", "openai"),
            ("claude", "anthropic"),
            ("mistral", "mistral"),
            ("gemini", "google"),
        )
        if model.startswith(start)
    )
    return {
        "event_id": event_id,
        "occurred_at": datetime.fromisoformat(at).replace(tzinfo=UTC),
        "customer_id": "cus_ada",
        "provider": provider,
        "model": model,
        "feature": "chat",
        "api_key": "key_prod",
        "service_tier": "standard",
        **COUNTERS,
        **values,
    }


def calls(*rows: dict[str, object]) -> pl.DataFrame:
    """Calls as the company's log has them."""
    whole = dict.fromkeys(COUNTERS, pl.Int64)
    words = dict.fromkeys(
        ("event_id", "customer_id", "provider", "model", "feature", "api_key", "service_tier"), pl.String
    )
    return pl.DataFrame(list(rows), schema={"occurred_at": pl.Datetime("us", "UTC"), **words, **whole})


@dataclass
class Providers:
    """Running provider APIs; `at` is their clock."""

    url: str
    accounts: Accounts
    clock: list[datetime] = field(default_factory=list)

    def now_is(self, moment: datetime) -> None:
        """Move the providers' clock."""
        self.clock[0] = moment

    def go_wrong(self, path: str, kind: str, times: int = 1, retry_after_seconds: int = 0) -> None:
        """Order trouble for the next requests whose path ends so."""
        self.accounts.troubles.append(Trouble(path, kind, times, retry_after_seconds))

    @property
    def asked(self) -> list[str]:
        """Every request so far."""
        return self.accounts.asked


@contextmanager
def serving_providers(events: pl.DataFrame) -> Iterator[Providers]:
    """The provider APIs of a company with these calls, at NOON."""
    clock = [NOON]
    accounts = Accounts(events, lambda: int(clock[0].timestamp()))
    with listening(build_provider_app(accounts)) as url:
        yield Providers(url, accounts, clock)


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    """Three days of calls at OpenAI, Anthropic, Mistral and Google."""
    rows = [
        call("e1", "2026-11-17T09:00", "gpt-5.2", input_tokens=5000, cache_read_tokens=1800, output_tokens=700),
        call("e2", "2026-11-18T10:00", "gpt-5.2", input_tokens=1000, output_tokens=100),
        call("e3", "2026-11-18T11:00", "text-embedding-3-small", input_tokens=4000, service_tier="batch"),
        call(
            "e4",
            "2026-11-18T12:00",
            "claude-opus-5",
            input_tokens=9000,
            cache_read_tokens=3000,
            cache_write_5m_tokens=1000,
            cache_write_1h_tokens=500,
            output_tokens=800,
        ),
        call("e7", "2026-11-19T08:00", "mistral-large-2512", input_tokens=2000, output_tokens=400),
        call("e6", "2026-11-19T09:00", "gemini-2.5-pro", input_tokens=300_000, output_tokens=900),
    ]
    with serving_providers(calls(*rows)) as running:
        yield running
