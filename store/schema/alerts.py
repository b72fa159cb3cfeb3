"""What is unusual: one alert per episode of one subject, its days, its steps, what people's answers tuned, and the runs that looked."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Numeric,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import Columns, claim, counter, document, moment, number, steps_table, tenant_table, text_column

ALERT_STATES = ("new", "ongoing", "resolved")
VERDICTS = ("confirmed", "expected", "planned", "not_an_issue")
_STATES, _VERDICTS = (", ".join(repr(word) for word in words) for words in (ALERT_STATES, VERDICTS))


def _amount(name: str) -> Columns:
    """A whole number of the row's unit; in pico-USD an episode of a large company is more than 64 bits hold."""
    return Column(name, Numeric(38, 0))


def _score(name: str, *, nullable: bool = False) -> Columns:
    """How surprising it is: 1 at the detector's limit."""
    return Column(name, Double, nullable=nullable)


alerts = tenant_table(
    "alerts",
    Column("alert_id", UUID(as_uuid=True), nullable=False),
    text_column("detector", nullable=False),
    text_column("scope", nullable=False),
    text_column("subject_key", nullable=False),
    text_column("customer_id"),
    text_column("provider"),
    text_column("model"),
    text_column("feature"),
    text_column("name"),
    text_column("state", nullable=False),
    # What a person said of it; null while nobody has.
    text_column("verdict"),
    Column("planned_until", Date),
    moment("snoozed_until"),
    # The largest day when somebody last asked for quiet: only what is clearly worse breaks it.
    number("quieted_impact_minor"),
    _score("quieted_score", nullable=True),
    text_column("assigned_to"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    claim("is_rise", nullable=False),
    claim("is_provisional", nullable=False),
    text_column("unit", nullable=False),
    # Of cost spikes the sums of the episode's days, of levels and rates the last day's.
    _amount("actual"),
    _amount("expected"),
    _amount("lower"),
    _amount("upper"),
    number("impact_minor"),
    text_column("currency", nullable=False),
    _amount("impact_pico_usd"),
    _score("peak_score"),
    Column("parent_alert_id", UUID(as_uuid=True)),
    text_column("sentence", nullable=False),
    document("explanation"),
    # The version of the warehouse that the explanation was made from.
    number("explanation_version"),
    moment("opened_at", nullable=False),
    moment("changed_at", nullable=False),
    moment("resolved_at"),
    text_column("resolved_why"),
    # Versions of the warehouse: the one it was found in, the last that changed a day of it, the last that opened, ended or brought it back.
    number("found_in_version", nullable=False),
    number("restated_in_version", nullable=False),
    number("news_in_version"),
    ForeignKeyConstraint(["tenant_id", "parent_alert_id"], ["alerts.tenant_id", "alerts.alert_id"]),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint(f"verdict in ({_VERDICTS})", name="verdict"),
    CheckConstraint("first_day <= last_day", name="days"),
    CheckConstraint("(state = 'resolved') = (resolved_at is not null)", name="resolved"),
    CheckConstraint("(verdict is not distinct from 'planned') = (planned_until is not null)", name="planned"),
    Index(
        "alerts_one_open_idx",
        "tenant_id",
        "detector",
        "subject_key",
        unique=True,
        postgresql_where=text("state <> 'resolved'"),
    ),
    Index(None, "tenant_id", "last_day"),
    Index(None, "tenant_id", "parent_alert_id"),
    key=["alert_id"],
    commands=("select", "insert", "update"),
)

alert_days = tenant_table(
    "alert_days",
    Column("alert_id", UUID(as_uuid=True), nullable=False),
    Column("day", Date, nullable=False),
    claim("is_provisional", nullable=False),
    # Later data have shown the day to be usual: it stays to be read, and counts no more.
    claim("is_taken_back", nullable=False),
    claim("is_rise", nullable=False),
    _amount("actual"),
    _amount("expected"),
    _amount("lower"),
    _amount("upper"),
    number("impact_minor"),
    _score("score"),
    document("parts", nullable=False),
    document("facts", nullable=False),
    text_column("sentence", nullable=False),
    moment("recorded_at", nullable=False),
    ForeignKeyConstraint(["tenant_id", "alert_id"], ["alerts.tenant_id", "alerts.alert_id"]),
    key=["alert_id", "day"],
    commands=("select", "insert", "update"),
)

alert_steps = steps_table("alert_steps", root="alerts", subject="alert_id")

alert_tunings = tenant_table(
    "alert_tunings",
    Column("tuning_id", UUID(as_uuid=True), nullable=False),
    text_column("detector", nullable=False),
    # Empty for all subjects of the detector.
    text_column("subject_key", nullable=False),
    # What the limit is multiplied by at first; it wears off evenly until `ends_at`.
    number("factor_ppm", nullable=False),
    # The largest day that was called no issue: what is clearly larger is told all the same.
    number("impact_minor"),
    # A new level that was called normal, as the distance from what was expected, and its direction.
    _amount("level"),
    claim("is_rise", nullable=False),
    Column("because_of", UUID(as_uuid=True), nullable=False),
    moment("set_at", nullable=False),
    moment("ends_at", nullable=False),
    ForeignKeyConstraint(["tenant_id", "because_of"], ["alerts.tenant_id", "alerts.alert_id"]),
    Index(None, "tenant_id", "ends_at"),
    Index(None, "tenant_id", "because_of"),
    key=["tuning_id"],
    commands=("select", "insert", "update"),
)

detection_runs = tenant_table(
    "detection_runs",
    number("version", nullable=False),
    moment("ran_at", nullable=False),
    # When everything that follows from the findings was done; null while it is not, and the next run goes on with it.
    moment("finished_at"),
    counter("series"),
    counter("series_days"),
    counter("findings"),
    counter("opened"),
    counter("resolved"),
    # By source or series: the days whose data are not there yet, as ISO 8601.
    document("late_days", nullable=False),
    # By detector: a sentence on why it said nothing.
    document("troubles", nullable=False),
    Column("seconds", Double, nullable=False),
    Index(None, "tenant_id", "ran_at"),
    key=["version"],
    commands=("select", "insert", "update"),
)
