"""The daily mail is due once per local day, also on days of 23 and of 25 hours, and never for a day that is over."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.digest_due import Due, due, due_at, is_over, running
from store.digests import DigestSettings

ZONES = ("UTC", "America/New_York", "Europe/Zurich", "Asia/Kolkata", "Pacific/Auckland", "Africa/Cairo", "Asia/Beirut",
         "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati", "America/Havana")  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def zurich(hour: int) -> DigestSettings:
    return DigestSettings(time_zone="Europe/Zurich", hour=hour)


def test_it_is_due_from_the_hour_on_in_the_tenants_zone() -> None:
    assert due(zurich(8), at("2026-01-05T06:59:59")) is None
    assert due(zurich(8), at("2026-01-05T07:00:00")) == Due(  # 08:00 CET
        date(2026, 1, 5), at("2026-01-05T07:00:00"), at("2026-01-05T09:00:00"), reported=date(2026, 1, 4)
    )
    assert due(DigestSettings(is_on=False), at("2026-01-05T12:00:00")) is None


def test_a_late_hour_still_ends_its_waiting_on_its_own_day() -> None:
    late = due(zurich(23), at("2026-01-05T22:10:00"))
    assert late is not None
    assert late.waits_until == at("2026-01-05T22:45:00")  # 23:45 local


def test_the_reported_day_is_the_last_one_that_had_ended_in_utc() -> None:
    auckland = due(DigestSettings(time_zone="Pacific/Auckland", hour=8), at("2026-01-04T20:00:00"))
    assert auckland is not None
    # 09:00 on the 5th there; at 08:00 it was 19:00 UTC on the 4th, so the 3rd is the last whole day.
    assert (auckland.day, auckland.reported) == (date(2026, 1, 5), date(2026, 1, 3))


def test_an_hour_that_the_clocks_skip_strikes_when_they_have_jumped() -> None:
    # 29 March 2026: 02:00 CET becomes 03:00 CEST, at 01:00 UTC.
    assert due(zurich(2), at("2026-03-29T00:59:59")) is None
    jumped = due(zurich(2), at("2026-03-29T01:00:00"))
    assert jumped is not None
    assert jumped.at == at("2026-03-29T01:00:00")


def test_an_hour_that_comes_twice_strikes_the_first_time() -> None:
    # 25 October 2026: 03:00 CEST becomes 02:00 CET, at 01:00 UTC; 02:00 comes at 00:00 and at 01:00 UTC.
    for moment in ("2026-10-25T00:00:00", "2026-10-25T01:00:00", "2026-10-25T12:00:00"):
        struck = due(zurich(2), at(moment))
        assert struck is not None
        assert (struck.day, struck.at) == (date(2026, 10, 25), at("2026-10-25T00:00:00"))


def test_a_day_that_an_outage_covers_in_part_is_sent_late_and_one_it_covers_whole_is_left_out() -> None:
    late = due(zurich(8), at("2026-01-05T22:59:00"))
    assert late is not None
    assert late.day == date(2026, 1, 5)
    assert due(zurich(8), at("2026-01-05T23:00:00")) is None  # midnight there: the 5th is over, the 6th not due yet
    assert is_over(date(2026, 1, 5), zurich(8), at("2026-01-05T23:00:00"))
    assert not is_over(date(2026, 1, 5), zurich(8), at("2026-01-05T22:59:59"))


def test_a_mail_that_is_wanted_now_is_the_running_days_and_reports_what_has_ended_by_now() -> None:
    kolkata = DigestSettings(time_zone="Asia/Kolkata", hour=8)
    early = running(kolkata, at("2026-01-04T20:00:00"))  # 01:30 on the 5th there, before the hour
    assert (early.day, early.reported) == (date(2026, 1, 5), date(2026, 1, 3))
    later = running(replace(kolkata, is_on=False), at("2026-01-05T12:00:00"))  # 17:30: as the hour's own mail
    assert (later.day, later.reported) == (date(2026, 1, 5), date(2026, 1, 4))
    assert later == due(kolkata, at("2026-01-05T12:00:00"))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 2, 8, 23])
def test_a_year_has_each_local_day_due_once(zone: str, hour: int) -> None:
    settings = DigestSettings(time_zone=zone, hour=hour)
    now, end = at("2026-01-10T00:00:00"), at("2027-01-10T00:00:00")
    days: dict[date, datetime] = {}
    while now < end:
        found = due(settings, now)
        if found is not None:
            assert days.setdefault(found.day, found.at) == found.at
            assert found.at <= now
            assert found.at <= found.waits_until
            assert found.reported < found.at.date()
        now += timedelta(hours=1)
    first, last = min(days), max(days)
    assert sorted(days) == [first + timedelta(days=number) for number in range((last - first).days + 1)]


@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
)
def test_what_is_due_belongs_to_the_running_local_day(moment: datetime, zone: str, hour: int) -> None:
    found = due(DigestSettings(time_zone=zone, hour=hour), moment)
    assert running(DigestSettings(time_zone=zone, hour=hour), moment).at <= moment
    today = moment.astimezone(ZoneInfo(zone)).date()
    if found is None:
        assert moment < due_at(today, hour, ZoneInfo(zone))
    else:
        assert found.day == today
        assert not is_over(found.day, DigestSettings(time_zone=zone, hour=hour), moment)
        assert found.at.astimezone(ZoneInfo(zone)).date() == today
