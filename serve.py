"""Serves the pages and the small API as one ASGI app, on the loopback address unless another is given."""

import argparse
import contextlib
import functools
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from api import alert_links, health, refund_requests, shared_reports, usage_intake, webhooks
from api.bearer import Gate
from api.keys import Door
from billing.principals import Principal
from dashboard import reading
from dashboard.front_door import FrontDoor
from store.database import DatabaseUnreachable, Engine, open_engine
from store.link_secret import link_secret
from store.settings import ConfigurationError, Settings, load_settings
from store.tenants import ensure_tenant

ROOT = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"
REFUSED = 2


def build_app() -> ASGIApp:
    """The one ASGI app: Streamlit's pages with our routes beside them."""
    # Streamlit looks for .streamlit/config.toml in the working folder when it is first asked for an option,
    # and keeps the answer: asking here makes `metering up` look the same from any folder.
    settings = load_settings()
    gate = _gate(settings)
    with contextlib.chdir(ROOT):
        import streamlit as st  # noqa: PLC0415 - its import alone must not cost `--help` two seconds

        st.get_option("server.enableStaticServing")
        return st.App(
            ROOT / "dashboard" / "app.py",
            routes=[
                *health.routes(reading.published_version),
                *webhooks.routes(settings.webhook_secrets, _books),
                *refund_requests.routes(gate, _books),
                *shared_reports.routes(_books),
                *alert_links.routes(_books, functools.partial(link_secret, settings), settings.public_url),
                *usage_intake.routes(Door(gate, _books), _books),
            ],
            middleware=[Middleware(FrontDoor)],
            on_script_error=_say_it_kindly,
        )


def build_intake() -> ASGIApp:
    """The intake of usage alone, for a busy installation: the same routes, with neither pages nor webhooks beside them."""
    door = Door(_gate(load_settings()), _books)
    return Starlette(routes=[*health.routes(_migrated, when_none="ready"), *usage_intake.routes(door, _books)])


def _gate(settings: Settings) -> Gate:
    token = settings.metering_api_token
    return Gate(token.get_secret_value() if token else None, Principal("api", settings.metering_api_role))


def _migrated() -> None:
    """That events can be stored; raises what the database raises."""
    with _books()[0].connect():
        return


@functools.cache
def _books() -> tuple[Engine, UUID]:
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


def _say_it_kindly(problem: Exception) -> bool:
    """A page that failed says so in one sentence; the traceback goes to the log."""
    import streamlit as st  # noqa: PLC0415 - as above
    import structlog  # noqa: PLC0415 - only a page that failed needs it

    structlog.get_logger(__name__).error("page_failed", exc_info=problem)
    st.error(
        "Nothing was changed. Reload the page; if it happens again, the service's log has the details.",
        title="This page could not be drawn",
        icon=":material/error:",
    )
    return True


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


def _stop_at_end_of_stdin() -> None:
    def watch() -> None:
        # The descriptor itself: a buffered reader's lock, held by this thread, would break the interpreter's last breath.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("--port", type=int, help="the port (default: METERING_PORT)")
    # The pages ask nobody who they are: another address is for a container, whose own network is the wall.
    parser.add_argument("--host", default=LOOPBACK, help=f"the address to listen on (default: {LOOPBACK})")
    parser.add_argument("--intake", action="store_true", help="serve the intake of usage alone, without pages")
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
        build_intake() if options.intake else build_app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
