"""The demo company's providers: connected, pulled and billed by the demo itself, each as a bill that its own log is compared with."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from pipelines.bill_commands import print_bill
from pipelines.import_bill import import_bill
from pipelines.installation import Installation
from pipelines.pull_usage import pull_usage
from pipelines.summaries import print_pulled
from store import usage_connections
from store.database import tenant_transaction
from store.settings import Settings
from store.usage_connections import CountsAs

PRINCIPAL = "demo"
KEYS = {
    "openai": ("metering_openai_admin_key", "sk-admin-sandbox"),
    "anthropic": ("metering_anthropic_admin_key", "sk-ant-admin-sandbox"),
}


def environment(api_base: str) -> dict[str, str]:
    """The settings of the demo's worker for the providers that the sandbox at `api_base` stands in for."""
    addresses = {f"METERING_{kind.upper()}_BASE_URL": f"{api_base}/providers" for kind in KEYS}
    return addresses | {name.upper(): key for name, key in KEYS.values()}


def pull_demo_sources(
    console: Console,
    installation: Installation,
    settings: Settings,
    api_base: str,
    bills: Sequence[Path],
    *,
    now: Callable[[], datetime],
) -> None:
    """Connect what is not connected, read everything up to now, and import the bills that come as files."""
    engine, tenant_id = installation.engine, installation.tenant_id
    with tenant_transaction(engine, tenant_id) as connection:
        for kind in KEYS:
            usage_connections.connect(connection, kind, "main", CountsAs.BILL, principal=PRINCIPAL, now=now())
    addresses: dict[str, object] = {f"metering_{kind}_base_url": f"{api_base}/providers" for kind in KEYS}
    keys = {name: SecretStr(key) for name, key in KEYS.values()}
    with_keys = settings.model_copy(update=addresses | keys)
    print_pulled(console, pull_usage(engine, installation.home, tenant_id, with_keys, now=now(), kinds=KEYS))
    for bill in bills:
        print_bill(
            console, bill, import_bill(engine, installation.home, tenant_id, bill, principal=PRINCIPAL, now=now())
        )
