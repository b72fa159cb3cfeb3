"""When the daily mail is due: once per local day from its hour on, whatever the clocks do that day. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.digests import DigestSettings

# How long a mail waits for yesterday's data; then it goes out and says that they are late.
PATIENCE = timedelta(hours=2)
# A mail that is due late in the evening still goes out on its day.
BEFORE_MIDNIGHT = timedelta(minutes=15)


@dataclass(frozen=True)
class Due:
    """The mail of a local day. `at` is when it became due, `waits_until` when it no longer waits for data; aware UTC.

    `reported` is the last UTC day that had ended by `at`: the day whose figures the mail shows.
    """

    day: date
    at: datetime
    waits_until: datetime
    reported: date


def due_at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """When the hour strikes on this local day; aware UTC.

    An hour that the clocks skip strikes when they have been put forward, one that comes twice strikes the first time.
    """
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def due(settings: DigestSettings, now: datetime) -> Due | None:
    """The mail that may go out at this moment; None before the hour and where the mail is off. `now` is aware.

    It is that of the running local day alone: a day that an outage has covered whole is left out, and its alerts are told next.
    """
    if not settings.is_on:
        return None
    zone = ZoneInfo(settings.time_zone)
    day = now.astimezone(zone).date()
    at = due_at(day, settings.hour, zone)
    if now < at:
        return None
    return Due(
        day=day,
        at=at,
        waits_until=max(at, min(at + PATIENCE, ends_at(day, zone) - BEFORE_MIDNIGHT)),
        reported=at.date() - timedelta(days=1),
    )


def running(settings: DigestSettings, now: datetime) -> Due:
    """The mail of the running local day as if its hour had struck by now, whether the mail is on or off."""
    struck = min(settings.hour, now.astimezone(ZoneInfo(settings.time_zone)).hour)
    found = due(replace(settings, is_on=True, hour=struck), now)
    assert found is not None, "an hour that the clock shows has struck"
    return found


def ends_at(day: date, zone: ZoneInfo) -> datetime:
    """When this local day is over; aware UTC."""
    return datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)


def is_over(day: date, settings: DigestSettings, now: datetime) -> bool:
    """Whether this local day has ended: nobody wants its mail any more."""
    return now >= ends_at(day, ZoneInfo(settings.time_zone))
