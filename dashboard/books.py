"""What the queue pages work on: the installation's Postgres, as the application's role, and whose queues they are."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import streamlit as st

from store.database import Engine, open_engine
from store.settings import load_settings
from store.tenants import ensure_tenant


@dataclass(frozen=True)
class Books:
    """An open database, the tenant whose queues are shown, and the folder with their files."""

    engine: Engine
    tenant_id: UUID
    home: Path


def books() -> Books | None:
    """The books of this installation, opened once per process; None, with a word on the page, where there is no database.

    Margins need none, as they are read from published files; queues are never shown older than they are.
    """
    opened = books_at_hand()
    if opened is None:
        st.info(
            "This page works on the queues in Postgres, and the web process was given no DATABASE_URL. "
            "`metering up` gives it one.",
            icon=":material/database_off:",
        )
    return opened


def books_at_hand() -> Books | None:
    """The same without a word: for what a page shows beside its own matter, and leaves out where there is no database."""
    settings = load_settings()
    if settings.database_url is None:
        return None
    return _open(
        settings.database_url.get_secret_value(),
        settings.metering_tenant,
        settings.metering_reporting_currency,
        settings.metering_home,
    )


@st.cache_resource(show_spinner=False)
def _open(database_url: str, slug: str, currency: str, home: Path) -> Books:
    engine = open_engine(database_url)
    return Books(engine, ensure_tenant(engine, slug, slug, currency), home)
