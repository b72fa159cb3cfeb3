"""Keeps an installation running: the web process and the worker, until Ctrl-C; with the sandbox before it in the demo."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from rich.console import Console

from pipelines.installation import Installation
from pipelines.pull_stripe import StripeConfig
from pipelines.pull_usage_access import KEY_SETTINGS
from pipelines.supervise import LOOPBACK, Child, ProcessDied, answers, free_port, start_child, stop_children, wait_until
from store.settings import Settings

SANDBOX_KEY = "sk_test_sandbox"
SANDBOX_SEED = 7
CHANNEL_SETTINGS = ("METERING_SLACK_WEBHOOK_URL", "METERING_ALERT_WEBHOOKS")


@dataclass(frozen=True)
class Sandbox:
    """A running stand-in for Stripe and the providers of the demo company, and the usage and bills that it wrote as files."""

    child: Child
    stripe: StripeConfig
    usage_file: Path
    bills: tuple[Path, ...]


def demo_channels() -> dict[str, str]:
    """The channels of the demo: those that its starter names beside the command; what `.env` names is for another company's alerts."""
    return {name: os.environ.get(name) or "off" for name in CHANNEL_SETTINGS}


def demo_day(home: Path) -> datetime:
    """The day the demo company's story ends: today at the first start, and the same ever after.

    Kept in a file, so that a second start meets the same company and finds nothing new to pull or import.
    """
    path = home / "demo.json"
    if path.exists():
        return datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["as_of"])
    as_of = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"as_of": as_of.isoformat()}), encoding="utf-8")
    return as_of


def start_sandbox(settings: Settings) -> Sandbox:
    """Start the sandbox with the demo company and wait until it has written its usage and answers."""
    home = settings.metering_home
    as_of = demo_day(home)
    usage_file, bills = home / "demo-usage.parquet", home / "demo-bills"
    # The same port again where possible: rows and logs then name one address.
    port = free_port(settings.metering_sandbox_port, must=False)
    url = f"http://{LOOPBACK}:{port}"
    arguments = [
        "sandbox",
        "--port",
        str(port),
        "--seed",
        str(SANDBOX_SEED),
        "--as-of",
        as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ]
    child = start_child(
        "sandbox",
        [*arguments, "--usage-out", str(usage_file), "--bills-out", str(bills)],
        log_folder=home / "logs",
        environment={},
    )
    try:
        wait_until(child, lambda: answers(f"{url}/_sandbox/clock"), timeout_seconds=60)
    except BaseException:
        stop_children([child])
        raise
    stripe = StripeConfig(api_key=SANDBOX_KEY, api_base=url, requests_per_second=500)
    return Sandbox(child, stripe, usage_file, tuple(sorted(path for path in bills.iterdir() if path.suffix != ".part")))


def tell_sandbox_where(sandbox: Sandbox, page_port: int) -> str:
    """Have the sandbox send its events to the pages' process; returns the setting with the secret that it signs them with."""
    form = urlencode({"url": f"http://{LOOPBACK}:{page_port}/webhooks/stripe/main", "enabled_events[]": "*"}).encode()
    request = Request(  # noqa: S310 - a loopback address of our own
        f"{sandbox.stripe.api_base}/v1/webhook_endpoints", form, {"Authorization": f"Bearer {SANDBOX_KEY}"}
    )
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        return f"main={json.load(answer)['secret']}"


def serve_until_interrupted(
    console: Console,
    settings: Settings,
    installation: Installation,
    stripe: StripeConfig,
    port: int,
    before: Sequence[Child],
    *,
    write_key: str,
    webhook_secrets: str,
    smtp_url: str,
    worker_settings: Mapping[str, str] | None = None,
) -> None:
    """Start the web process and the worker, print the URL, and stop everything in reverse order at the end.

    `write_key`, the key that may change things at Stripe, is given to the worker alone; empty when there is none.
    So is `smtp_url`, the mail server; `off` when no mail shall leave the house; and the addresses of the channels. `worker_settings`, by name,
    are keys of providers and channels that the worker gets beside those it finds itself; the web process gets none of either.
    """
    logs = installation.home / "logs"
    environment = {
        "METERING_HOME": str(installation.home.resolve()),
        "METERING_TENANT": settings.metering_tenant,
        "METERING_PORT": str(port),
        "DATABASE_URL": installation.app_url,
        "STRIPE_API_KEY": stripe.api_key,
        "STRIPE_API_BASE": stripe.api_base or "",
        "STRIPE_WRITE_KEY": "off",
        "STRIPE_WEBHOOK_SECRETS": webhook_secrets,
        "SMTP_URL": "off",
    }
    for_web = {**environment, **dict.fromkeys((*KEY_SETTINGS, *CHANNEL_SETTINGS), "off")}
    for_worker = {
        **environment,
        **(worker_settings or {}),
        "STRIPE_WRITE_KEY": write_key or "off",
        "SMTP_URL": smtp_url,
    }
    started: list[Child] = []
    url = f"http://{LOOPBACK}:{port}"
    try:
        started.append(start_child("web", ["serve"], log_folder=logs, environment=for_web))
        started.append(start_child("worker", ["pipelines.cli", "worker"], log_folder=logs, environment=for_worker))
        wait_until(started[0], lambda: answers(f"{url}/healthz"), timeout_seconds=60)
        console.print(f"\n[bold]Open {url}[/bold]  (Ctrl-C stops everything; logs in {logs})", highlight=False)
        watch([*before, *started])
    except KeyboardInterrupt:
        console.print("\nStopping …")
    finally:
        stop_children(started)


def watch(children: Sequence[Child]) -> None:
    """Sleep until Ctrl-C; say so at once when one of the processes dies."""
    while True:
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(0.5)
                raise ProcessDied(f"The {child.name} stopped: {child.last_words()} (see {child.log_path}).")
