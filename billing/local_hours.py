"""Good moments to ask for money in the customer's zone: in the late morning, and right after pay-day."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

OPENS, CLOSES, BEST = time(8), time(14), time(10)
# Wages come on the 1st and the 15th, or on a Friday; the day after still finds them (vendors' advice, docs/recovery.md).
PAYDAYS = frozenset({1, 2, 15, 16})
FRIDAY = 4
LOOK_AHEAD_DAYS = 3
# A country's zone, where it has one; else the zone from which 10:00 falls into good hours for most who live there.
ZONES = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CH": "Europe/Zurich",
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "IN": "Asia/Kolkata",
    "IT": "Europe/Rome",
    "JP": "Asia/Tokyo",
    "MX": "America/Mexico_City",
    "NL": "Europe/Amsterdam",
    "NZ": "Pacific/Auckland",
    "PL": "Europe/Warsaw",
    "SE": "Europe/Stockholm",
    "SG": "Asia/Singapore",
    "US": "America/Chicago",
}


def zone_of(country: str | None) -> tzinfo:
    """The zone of a country by its two letters; UTC for one that is not known."""
    name = ZONES.get(country or "")
    return UTC if name is None else ZoneInfo(name)


def within_hours(moment: datetime, zone: tzinfo) -> datetime:
    """The moment itself if it lies from 08:00 to 14:00 local, else the next 10:00 local; aware UTC."""
    local = moment.astimezone(zone)
    if OPENS <= local.time() < CLOSES:
        return moment
    if local.time() >= CLOSES:
        local += timedelta(days=1)
    return _at_best(local, zone)


def next_payday(moment: datetime, zone: tzinfo) -> datetime:
    """10:00 local on the first pay-day among this day and the three after it, not before `moment`; `moment` when there is none."""
    local = moment.astimezone(zone)
    for days in range(LOOK_AHEAD_DAYS + 1):
        day = local + timedelta(days=days)
        if day.day in PAYDAYS or day.weekday() == FRIDAY:
            return max(moment, _at_best(day, zone))
    return moment


def _at_best(day: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(day.date(), BEST, zone).astimezone(UTC)
