"""Late data: by each source's own rhythm, weekends included, and never of a source that has none yet."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pricing.finding import Subject
from pricing.watch_sources import Source, span, stale_source, usual_gap_seconds
from tests.pricing.watched import watching

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
STRIPE = Source(
    name="stripe",
    title="Stripe",
    affects="revenue is known only up to then",
    advice="See whether the worker runs.",
    at_least_seconds=3_600,
    successes=[NOON - timedelta(minutes=5 * number) for number in range(100, -1, -1)],
)


def source(*hours_ago: float, least_hours: int = 1) -> Source:
    """Successes so many hours before noon."""
    successes = tuple(NOON - timedelta(hours=hours) for hours in hours_ago)
    return Source(
        name="usage", title="usage imports", affects="cost stops there", advice="Import.", successes=successes,
        at_least_seconds=least_hours * 3_600,
    )  # fmt: skip


def test_a_pull_every_five_minutes_is_late_after_its_least_hour() -> None:
    assert stale_source([STRIPE], watching(), NOON + timedelta(minutes=59)) == []
    (found,) = stale_source([STRIPE], watching(), NOON + timedelta(hours=3))
    assert (found.actual, found.expected, found.upper, found.score) == (10_800, 300, 3_600, 3.0)
    assert found.subject == Subject(scope="source", name="stripe")
    assert found.sentence == (
        "Data late: nothing from Stripe since 30 November 12:00 UTC (3 hours), which usually comes every 5 minutes. Until it does, "
        "revenue is known only up to then. See whether the worker runs."
    )


def test_what_the_last_try_said_is_told() -> None:
    failing = Source(
        **{name: getattr(STRIPE, name) for name in STRIPE.__slots__} | {"trouble": "Stripe did not answer."}
    )
    (found,) = stale_source([failing], watching(), NOON + timedelta(hours=3))
    assert (
        "Until it does, revenue is known only up to then. The last try said: Stripe did not answer. See"
        in found.sentence
    )


def test_whoever_imports_on_working_days_is_not_late_on_monday() -> None:
    """Four gaps of a day and one of three, four weeks long: three times the median is three days, long gap and one more are four."""
    days_ago = [week * 7 + day for week in range(4, 0, -1) for day in (6, 5, 4, 3, 2)]
    working = source(*(24.0 * (day - 9) for day in days_ago))
    assert stale_source([working], watching(), NOON + timedelta(days=4) - timedelta(seconds=1)) == []
    assert len(stale_source([working], watching(), NOON + timedelta(days=4))) == 1


def test_a_source_without_a_rhythm_is_never_late() -> None:
    """Four successes have three gaps; files imported within a minute are one."""
    assert stale_source([source(4, 3, 2, 1)], watching(), NOON + timedelta(days=300)) == []
    together = source(5, 4, 3, 2.001, 2, least_hours=1)
    assert usual_gap_seconds(together.successes) is None
    assert len(stale_source([source(5, 4, 3, 2, 1)], watching(), NOON + timedelta(days=300))) == 1


def test_a_limit_of_ones_own_multiplies_the_median() -> None:
    hourly = source(*range(50, -1, -1))
    at = NOON + timedelta(hours=5)
    assert len(stale_source([hourly], watching(), at)) == 1
    assert stale_source([hourly], watching({("stale_source", ""): 6_000_000}), at) == []
    assert (
        len(
            stale_source(
                [hourly], watching({("stale_source", "source|name=usage"): 6_000_000}), at + timedelta(hours=1)
            )
        )
        == 1
    )


def test_spans_are_said_in_whole_units() -> None:
    assert [span(seconds) for seconds in (45, 300, 3_600, 5_400, 86_400, 100_000, 200_000)] == [
        "45 seconds", "5 minutes", "1 hour", "90 minutes", "1 day", "28 hours", "2 days",
    ]  # fmt: skip


@given(gaps=st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=60), silent=st.integers(0, 10**7))
def test_nobody_is_late_within_their_median_gap(gaps: list[int], silent: int) -> None:
    moments = [NOON]
    for gap in gaps:
        moments.append(moments[-1] + timedelta(seconds=gap))
    one = Source(name="x", title="x", affects="", advice="", at_least_seconds=0, successes=moments)
    found = stale_source([one], watching(), moments[-1] + timedelta(seconds=silent))
    usual = usual_gap_seconds(moments)
    if usual is None:
        assert found == []
    else:
        assert bool(found) == (silent >= max(3 * usual[0], usual[0] + usual[1]))
