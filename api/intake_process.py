"""The intake of usage as a process of its own, for a busy installation: the same routes, with neither pages nor webhooks beside them."""

import sys

from starlette.applications import Starlette
from starlette.types import ASGIApp

from api import health, usage_intake
from api.keys import Door
from api.process import books, gate_of, run
from store.settings import load_settings


def build_intake() -> ASGIApp:
    """The intake's addresses and those of health."""
    door = Door(gate_of(load_settings()), books)
    return Starlette(routes=[*health.routes(_can_store, when_none="ready"), *usage_intake.routes(door, books)])


def _can_store() -> None:
    """Raises what the database raises when it is away."""
    with books()[0].connect():
        return


if __name__ == "__main__":
    sys.exit(run("api.intake_process", __doc__, build_intake))
