"""The Spikes page run without a browser: on which address, in which role, and what it then says."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest

from pricing.finding import Subject
from tests.dashboard.stored_alerts import explained, store_alert

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
COMPANY = Subject(scope="company")
BEACON = Subject(scope="customer", customer_id="cus_0003")
# What a test writes down for the company whose page is looked at.
Write = Callable[[Callable[[Connection, UUID], object]], None]


def spikes_page() -> None:
    """The page without the navigation around it."""
    from dashboard import spikes

    spikes.draw()


def run(role: str = "support", page: Callable[[], None] = spikes_page, **address: str) -> AppTest:
    """A page of that address, once, in that role; no exception is left unseen."""
    app = AppTest.from_function(page, default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    app.session_state["acting_role"] = role
    return seen(app.run())


def seen(app: AppTest) -> AppTest:
    """The same page, which must not have failed."""
    assert [problem.message for problem in app.exception] == []
    return app


def words(app: AppTest) -> str:
    """All that is written on the page, without Markdown's escapes."""
    kinds = ("markdown", "caption", "warning", "info", "success", "error")
    return "\n".join(element.value for kind in kinds for element in app.get(kind)).replace("\\", "")


def beacons_spike(connection: Connection, tenant_id: UUID) -> UUID:
    """Beacon Foods cost $210, $236 and $243 where $131 were expected: $296 more, in causes that come to it in cents."""
    drivers = [("More usage", 215_00), ("Dearer models", 96_00), ("Longer requests", -22_00), ("Cache", 7_00)]
    found = explained(
        "Beacon Foods", DAY, usual=131, found=[210, 236, 243], drivers=drivers,
        customers=[("cus_0003", "Beacon Foods", 296_00)], api_keys=[("nightly-agent", 271_00), ("prod", 25_00)],
    )  # fmt: skip
    return store_alert(connection, tenant_id, BEACON, found, now=NOW)
