"""What Stripe's meters have counted equals what was used, whatever crashed; a failing seed tells its story and replays."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from sandbox.http.server import build_app
from sandbox.http.service import Service
from sandbox.state import State
from store.database import tenant_transaction
from store.tenants import ensure_tenant
from tests.journeys.bad_meter_nights import MeterNight
from tests.journeys.conftest import seeds
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer, Switch


@pytest.mark.slow
@pytest.mark.parametrize("numbers", seeds(40), ids=lambda numbers: f"from {numbers.start}")
def test_no_night_tells_a_meter_twice_or_forgets_it(
    numbers: range, engine: Engine, mallory: UUID, tmp_path: Path, sandbox_switch: tuple[Switch, str]
) -> None:
    switch, url = sandbox_switch
    for seed in numbers:
        service = Service(State(seed, EMPTY_STARTS_AT))
        switch.app = build_app(service)
        home = tmp_path / str(seed)
        home.mkdir()
        night = MeterNight(
            seed, engine, home, ensure_tenant(engine, f"meters-{seed}", "Night", "usd"), SandboxServer(url, service)
        )
        try:
            night.live()
            broken = night.broken()
        except Exception as trouble:
            trouble.add_note("\n".join([f"SEED {seed} (SIMULATED_SEEDS=1 SIMULATED_FROM={seed})", *night.story]))
            raise
        finally:
            night.shop.close()
        assert broken == [], "\n".join([f"SEED {seed}", *night.story, *broken])
    with tenant_transaction(engine, mallory) as connection:
        assert connection.scalar(text("select count(*) from meter_ledger")) == 0
