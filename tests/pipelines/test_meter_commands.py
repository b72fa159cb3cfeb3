"""`metering meters` adds a rule in the shadow, tells it in earnest once it is switched, and shows what Stripe has."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import cli, meter_commands, meter_jobs
from store.database import DatabaseUrls
from tests.pipelines.metered_shop import MeteredShop
from tests.sandbox_fixtures import SandboxServer


@pytest.fixture
def told(
    database_urls: DatabaseUrls, sandbox_server: SandboxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., str]:
    """Runs the command against the sandbox and gives back what it printed."""
    monkeypatch.chdir(tmp_path)  # no `.env` of the checkout
    settings = {
        "DATABASE_URL": database_urls.app,
        "METERING_TENANT": "acme",
        "METERING_HOME": str(tmp_path),
        "STRIPE_API_KEY": "sk_test_sandbox",
        "STRIPE_WRITE_KEY": "sk_test_sandbox",
        "STRIPE_API_BASE": sandbox_server.url,
        "STRIPE_REQUESTS_PER_SECOND": "100",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(meter_commands.console, "width", 300)

    def run(*words: str, exit_code: int = 0) -> str:
        found = CliRunner().invoke(cli.app, ["meters", *words])
        assert found.exit_code == exit_code, found.output
        return found.output

    return run


def test_a_rule_from_its_first_day_to_stripes_sums(
    told: Callable[..., str],
    engine: Engine,
    tenant: UUID,
    sandbox_server: SandboxServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """5,000 tokens in the shadow's hour are not sent; of the live hour's 7,000, seven units are."""
    shop = MeteredShop(engine, tmp_path, tenant, sandbox_server)
    for module in (meter_commands, meter_jobs):
        monkeypatch.setattr(module, "clock", lambda _engine: shop.now, raising=False)
    ada = shop.add_customer()
    assert "Stripe has no active meter for 'seats'; it has tokens." in told(
        "add", "seats", "--event-name", "seats", "--count", "events", exit_code=2
    )
    said = told("add", "words", "--event-name", "tokens", "--count", "input_uncached_tokens", "--per", "1000")
    assert "words is kept, in the shadow." in said
    told("switch", "tokens", "off")
    shop.use((ada, shop.now, 5_000))
    sandbox_server.advance(seconds=2 * 3_600)

    assert "shadow" in told("push")
    assert shop.at_stripe(ada) == 0
    assert f"{ada}: Stripe has 0 units, the usage comes to 5." in told("compare")

    assert "words is live for usage from" in told("switch", "words", "live")
    shop.use((ada, shop.stored_rule("words").starts_at, 7_000))
    sandbox_server.advance(seconds=3 * 3_600)
    told("push")
    assert shop.at_stripe(ada) == 7
    assert "Nothing was refused." in told("replay", "words")
    assert "There is no rule 'verbs'" in told("replay", "verbs", exit_code=2)
    shop.close()
