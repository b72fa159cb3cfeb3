"""A Postgres of our own below the home folder: `start` gives its address, `stop` ends it; any other database works as well."""

from store.embedded_postgres.binaries import EmbeddedPostgresError
from store.embedded_postgres.supervisor import AdminUrl, is_running, start, stop

__all__ = ["AdminUrl", "EmbeddedPostgresError", "is_running", "start", "stop"]
