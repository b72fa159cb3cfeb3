"""`metering reconcile` says what it compared, lists what does not agree, and ends with 1 while anything is open."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import cli, reconcile_commands
from store.database import DatabaseUrls
from tests.pipelines.reconciled_account import open_account
from tests.sandbox_fixtures import SandboxServer


def test_the_command_compares_lists_repairs_and_tells_by_its_exit_code(
    engine: Engine,
    database_urls: DatabaseUrls,
    tenant: UUID,
    mallory: UUID,
    sandbox_server: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    account = open_account(engine, tenant, sandbox_server)
    charge: dict[str, object] = {"amount": 12_345, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    lost = account.sdk.v1.payment_intents.create(charge).latest_charge  # type: ignore[arg-type] # its parameters
    account.pull()
    account.execute("delete from stripe_charges")
    monkeypatch.chdir(tmp_path)  # no `.env` of the checkout
    settings = {
        "DATABASE_URL": database_urls.app,
        "METERING_TENANT": "acme",
        "STRIPE_API_KEY": "sk_test_sandbox",
        "STRIPE_API_BASE": sandbox_server.url,
        "STRIPE_REQUESTS_PER_SECOND": "100",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(reconcile_commands.console, "width", 300)

    found = CliRunner().invoke(cli.app, ["reconcile"])
    assert found.exit_code == 1, found.output
    assert f"Stripe has charge {lost} of 123.45 USD; it is not here." in found.output
    assert "1 open." in found.output
    mended = CliRunner().invoke(cli.app, ["reconcile", "--repair"])
    assert mended.exit_code == 0, mended.output
    assert "1 repaired." in mended.output
    assert "Everything adds up." in mended.output
