"""Serves the pages and the small API as one ASGI app, on the loopback address unless another is given."""

import contextlib
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from starlette.middleware import Middleware
from starlette.types import ASGIApp

from api import alert_links, health, refund_requests, shared_reports, usage_intake, webhooks
from api.keys import Door
from api.process import books, gate_of, run
from dashboard import reading
from dashboard.front_door import FrontDoor
from store.link_secret import link_secret
from store.settings import load_settings

ROOT = Path(__file__).resolve().parent


def build_app() -> ASGIApp:
    """The one ASGI app: Streamlit's pages with our routes beside them."""
    # Streamlit looks for .streamlit/config.toml in the working folder when it is first asked for an option,
    # and keeps the answer: asking here makes `metering up` look the same from any folder.
    settings = load_settings()
    gate = gate_of(settings)
    with contextlib.chdir(ROOT):
        import streamlit as st  # noqa: PLC0415 - its import alone must not cost `--help` two seconds

        st.get_option("server.enableStaticServing")
        return st.App(
            ROOT / "dashboard" / "app.py",
            routes=[
                *health.routes(reading.published_version),
                *webhooks.routes(settings.webhook_secrets, books),
                *refund_requests.routes(gate, books),
                *shared_reports.routes(books),
                *alert_links.routes(books, functools.partial(link_secret, settings), settings.public_url),
                *usage_intake.routes(Door(gate, books), books),
            ],
            middleware=[Middleware(FrontDoor)],
            on_script_error=_say_it_kindly,
        )


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    return run("serve", __doc__, build_app, arguments)


if __name__ == "__main__":
    sys.exit(main())
