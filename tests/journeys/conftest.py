"""What the simulated nights share: which seeds are lived through, and a sandbox and a tenant of its own for each."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from sandbox.http.server import build_app
from sandbox.http.service import Service
from sandbox.state import State
from store.database import tenant_transaction
from store.tenants import ensure_tenant
from tests.journeys.night import Night
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer, Switch

# `make simulate SEEDS=5000 FROM=1000` runs others of each kind; `SEEDS=1 FROM=1234` replays one.
FROM = int(os.environ.get("SIMULATED_FROM", "0"))
PER_TEST = 20


def seeds(usual: int) -> list[range]:
    """The seeds to live through, twenty a test."""
    end = FROM + int(os.environ.get("SIMULATED_SEEDS", usual))
    return [range(first, min(first + PER_TEST, end)) for first in range(FROM, end, PER_TEST)]


@pytest.fixture
def begun() -> Iterator[list[Night]]:
    """The nights that were begun; their connections are given back at the end."""
    nights: list[Night] = []
    yield nights
    for night in nights:
        night.close()


@pytest.fixture
def live(
    begun: list[Night], engine: Engine, superuser_url: str, mallory: UUID, sandbox_switch: tuple[Switch, str]
) -> Iterator[Callable[[int, type[Any], Any, Any], None]]:
    """Lives through one night of a kind, with a sandbox and a tenant of its own, and looks what it broke."""
    switch, url = sandbox_switch

    def through(seed: int, kind: type[Any], tell: Any, broken_promises: Any) -> None:
        service = Service(State(seed, EMPTY_STARTS_AT))
        switch.app = build_app(service)
        tenant_id = ensure_tenant(engine, f"{kind.__name__.lower()}-{seed}", f"Night {seed}", "usd")
        night = kind(seed, engine, superuser_url, tenant_id, SandboxServer(url, service))
        begun.append(night)
        try:
            tell(night)
            broken = broken_promises(night)
        except Exception as trouble:
            trouble.add_note("\n".join([f"SEED {seed} (SIMULATED_SEEDS=1 SIMULATED_FROM={seed})", *night.story]))
            raise
        assert broken == [], "\n".join([f"SEED {seed}", *night.story, *broken])

    yield through
    with tenant_transaction(engine, mallory) as connection:
        for table in (
            "stripe_commands",
            "refund_requests",
            "dispute_cases",
            "recovery_cases",
            "stripe_inbox",
            "stripe_refunds",
        ):
            assert connection.scalar(text(f"select count(*) from {table}")) == 0
