"""Billing periods on the calendar, in unix seconds UTC: same day each month, the month's last when it is shorter."""

import calendar
from datetime import UTC, datetime, timedelta

DAY = 86400
HOUR = 3600


def moment(seconds: int) -> datetime:
    """Unix seconds as a UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def add_months(anchor: int, months: int) -> int:
    """`months` after the anchor, keeping its day of month where the month has it."""
    start = moment(anchor)
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def add_interval(anchor: int, interval: str, count: int) -> int:
    """`count` intervals (day, week, month, year) after the anchor."""
    match interval:
        case "day":
            return anchor + count * DAY
        case "week":
            return int((moment(anchor) + timedelta(weeks=count)).timestamp())
        case "month":
            return add_months(anchor, count)
        case "year":
            return add_months(anchor, 12 * count)
        case _:
            raise ValueError(f"unknown interval {interval}")


def period_around(anchor: int, interval: str, count: int, at: int) -> tuple[int, int]:
    """The whole period, counted from the anchor (which may lie ahead), in which `at` falls; the end is exclusive."""
    step = 0
    while add_interval(anchor, interval, step * count) > at:
        step -= 1
    while add_interval(anchor, interval, (step + 1) * count) <= at:
        step += 1
    return add_interval(anchor, interval, step * count), add_interval(anchor, interval, (step + 1) * count)


def next_boundary(anchor: int, interval: str, count: int, after: int) -> int:
    """The first period boundary counted from the anchor that lies after `after`."""
    return period_around(anchor, interval, count, after)[1]
