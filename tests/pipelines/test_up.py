"""`metering up` and `refresh` with a Stripe account: the same path as the demo, and never into the demo company's books."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from tests.sandbox_fixtures import SandboxServer

METERING = str(Path(sys.executable).parent / "metering")


def metering(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder of its own, with nothing of this machine's settings."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("METERING_", "STRIPE_", "DATABASE_"))
    }
    return subprocess.run(
        [METERING, *words],
        cwd=folder,
        env=kept | {"COLUMNS": "160"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [("up", "--once"), ("refresh",)])
def test_a_real_account_is_not_pulled_into_the_demo_company(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused = metering(tmp_path, *command, STRIPE_API_KEY="rk_test_some_key", METERING_TENANT="demo")
    assert refused.returncode == 2
    assert (
        refused.stderr.strip()
        == "METERING_TENANT=demo is the demo company's: choose another name for your own account."
    )
    assert not (tmp_path / ".metering").exists()


def test_without_a_key_the_sentence_says_where_it_goes(tmp_path: Path) -> None:
    refused = metering(tmp_path, "up", "--once")
    assert refused.returncode == 2
    assert "STRIPE_API_KEY is not set" in refused.stderr


@pytest.mark.slow
def test_init_and_up_with_a_read_only_key_publish_the_account(
    tmp_path: Path, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """One customer, one invoice of $30.00, as a person would: write .env, put the key in, run up."""
    customer = stripe_sdk.v1.customers.create(
        {
            "name": "Acme",
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    stripe_sdk.v1.invoice_items.create({"customer": customer.id, "amount": 3_000, "currency": "usd"})
    invoice = stripe_sdk.v1.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    stripe_sdk.v1.invoices.finalize_invoice(str(invoice.id))

    assert metering(tmp_path, "init").returncode == 0
    settings = (tmp_path / ".env").read_text(encoding="utf-8")
    assert "METERING_REPORTING_CURRENCY" in settings
    settings = settings.replace("STRIPE_API_KEY=\n", "STRIPE_API_KEY=rk_test_readonly_key\n")
    (tmp_path / ".env").write_text(settings + f"\nSTRIPE_API_BASE={sandbox_server.url}\n", encoding="utf-8")
    try:
        pulled = metering(tmp_path, "up", "--once")
    finally:
        metering(tmp_path, "stop")
    assert pulled.returncode == 0, pulled.stderr
    # The sandbox's clock stands in January 2026, a month that has ended: 30.00 earned, nothing used.
    assert "January 2026" in pulled.stdout
    assert re.search(r"Acme\W+30\.00\W+0\.00\W+30\.00\W+100\.0 %", pulled.stdout), pulled.stdout
