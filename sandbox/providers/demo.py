"""What went differently at the demo company's providers than its own log says."""

from datetime import UTC, datetime, timedelta

from sandbox.providers.account import Correction

# Anthropic gave back a quarter of a day on which its service failed for hours, four days later.
OUTAGE_DAYS_AGO, BILLED_PERCENT, TOLD_AFTER = 33, 75, timedelta(days=4)


def demo_corrections(as_of: int) -> list[Correction]:
    """The corrections that the demo company's providers made before `as_of` (unix seconds)."""
    day = (datetime.fromtimestamp(as_of, UTC) - timedelta(days=OUTAGE_DAYS_AGO)).date()
    known_from = datetime(day.year, day.month, day.day, tzinfo=UTC) + TOLD_AFTER
    return [Correction("anthropic", day, BILLED_PERCENT, known_from)]
