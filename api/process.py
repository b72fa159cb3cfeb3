"""A process that serves an app: its socket, its end with its parent, the database that it opens and the token that it asks for."""

import argparse
import functools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from uuid import UUID

import uvicorn
from starlette.types import ASGIApp

from api.bearer import Gate
from billing.principals import Principal
from store.database import DatabaseUnreachable, Engine, open_engine
from store.settings import ConfigurationError, Settings, load_settings
from store.tenants import ensure_tenant

LOOPBACK = "127.0.0.1"
REFUSED = 2


def gate_of(settings: Settings) -> Gate:
    """The installation's own token and the role that it acts in."""
    token = settings.metering_api_token
    return Gate(token.get_secret_value() if token else None, Principal("api", settings.metering_api_role))


@functools.cache
def books() -> tuple[Engine, UUID]:
    """The database and whose installation this is, opened at the first request that needs them and tried again after a failure."""
    settings = load_settings()
    if settings.database_url is None:
        raise DatabaseUnreachable("The web process was given no DATABASE_URL, so it can store nothing.")
    engine = open_engine(settings.database_url.get_secret_value())
    try:
        currency = settings.metering_reporting_currency
        return engine, ensure_tenant(engine, settings.metering_tenant, settings.metering_tenant, currency)
    except BaseException:
        engine.dispose()
        raise


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """A listening socket; raises OSError when the port is taken or the address is none of this machine's."""
    # asyncio turns off the delay of small packets only on a socket that says it is TCP; with it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(128)
    return listener


def run(
    prog: str, description: str | None, build: Callable[[], ASGIApp], arguments: Sequence[str] | None = None
) -> int:
    """Serves the app that `build` makes until SIGINT or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--port", type=int, help="the port (default: METERING_PORT)")
    # The pages ask nobody who they are: another address is for a container, whose own network is the wall.
    parser.add_argument("--host", default=LOOPBACK, help=f"the address to listen on (default: {LOOPBACK})")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except ConfigurationError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return REFUSED
    port = options.port if options.port is not None else settings.metering_port
    try:
        listener = listen(port, options.host)
    except OSError as problem:
        sys.stderr.write(
            f"Port {port} on {options.host} cannot be used ({problem.strerror}): "
            "stop what is using it or choose another one with METERING_PORT.\n"
        )
        return REFUSED
    if options.watch_stdin:
        _stop_at_end_of_stdin()
    config = uvicorn.Config(
        build(), log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _stop_at_end_of_stdin() -> None:
    def watch() -> None:
        # The descriptor itself: a buffered reader's lock, held by this thread, would break the interpreter's last breath.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stdin", daemon=True).start()
