"""Money moves exactly once on every bad night that the dice can think of; a failing seed tells its story and replays."""

import os
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from sandbox.http.server import build_app
from sandbox.http.service import Service
from sandbox.state import State
from store.database import tenant_transaction
from store.tenants import ensure_tenant
from tests.journeys.bad_nights import Night, broken_promises, live_through
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer, Switch

# `make simulate SEEDS=5000 FROM=1000` runs others; `SEEDS=1 FROM=1234` replays one.
SEEDS = int(os.environ.get("SIMULATED_SEEDS", "200"))
FROM = int(os.environ.get("SIMULATED_FROM", "0"))
PER_TEST = 25


@pytest.fixture
def nights(engine: Engine, superuser_url: str, sandbox_switch: tuple[Switch, str]) -> Iterator[list[Night]]:
    """The nights that were begun; their connections are given back at the end."""
    begun: list[Night] = []
    yield begun
    for night in begun:
        night.gateway.close()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FROM, FROM + SEEDS, PER_TEST))
def test_no_night_moves_money_twice_or_forgets_it(
    first: int,
    nights: list[Night],
    engine: Engine,
    superuser_url: str,
    mallory: UUID,
    sandbox_switch: tuple[Switch, str],
) -> None:
    switch, url = sandbox_switch
    for seed in range(first, min(first + PER_TEST, FROM + SEEDS)):
        service = Service(State(seed, EMPTY_STARTS_AT))
        switch.app = build_app(service)
        tenant_id = ensure_tenant(engine, f"night-{seed}", f"Night {seed}", "usd")
        night = Night(seed, engine, superuser_url, tenant_id, SandboxServer(url, service))
        nights.append(night)
        try:
            live_through(night)
            broken = broken_promises(night)
        except Exception as trouble:
            trouble.add_note("\n".join([f"SEED {seed} (SIMULATED_SEEDS=1 SIMULATED_FROM={seed})", *night.story]))
            raise
        assert broken == [], "\n".join([f"SEED {seed}", *night.story, *broken])
    with tenant_transaction(engine, mallory) as connection:
        assert connection.scalar(text("select count(*) from stripe_commands")) == 0
