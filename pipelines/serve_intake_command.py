"""`metering serve-intake`: the intake of usage as a process of its own, on the same database as the pages."""

from typing import Annotated

import typer
from rich.console import Console

from pipelines.installation import open_installation
from pipelines.pull_usage_access import KEY_SETTINGS
from pipelines.refusals import refusals_as_sentences
from pipelines.running import CHANNEL_SETTINGS, watch
from pipelines.supervise import (
    LOOPBACK,
    answers,
    free_port,
    interrupt_on_sigterm,
    start_child,
    stop_children,
    wait_until,
)
from store.settings import load_settings

console = Console()
PORT = 8503
# What it has no use for, it is not given.
KEPT_BACK = ("STRIPE_WRITE_KEY", "SMTP_URL", *KEY_SETTINGS, *CHANNEL_SETTINGS)


def serve_intake(
    port: Annotated[int | None, typer.Option(help=f"The port on 127.0.0.1 ({PORT} where it is free).")] = None,
) -> None:
    """Take usage over HTTP in a process of its own, until Ctrl-C."""
    interrupt_on_sigterm()
    with refusals_as_sentences(console):
        settings = load_settings()
        chosen = free_port(port or PORT, must=port is not None)
        with open_installation(settings, tenant_name=settings.metering_tenant) as installation:
            environment = {
                "METERING_HOME": str(installation.home.resolve()),
                "METERING_TENANT": settings.metering_tenant,
                "DATABASE_URL": installation.app_url,
                **dict.fromkeys(KEPT_BACK, "off"),
            }
            child = start_child(
                "intake",
                ["api.intake_process", "--port", str(chosen)],
                log_folder=installation.home / "logs",
                environment=environment,
            )
            try:
                wait_until(child, lambda: answers(f"http://{LOOPBACK}:{chosen}/readyz"), timeout_seconds=60)
                console.print(
                    f"Usage is taken at http://{LOOPBACK}:{chosen}/v1/usage (Ctrl-C stops it).", highlight=False
                )
                watch([child])
            except KeyboardInterrupt:
                console.print("\nStopping …")
            finally:
                stop_children([child])
