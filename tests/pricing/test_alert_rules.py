"""Episodes from the first unusual day to the seventh quiet one, and what late data and people's answers do to them."""

from collections.abc import Sequence
from dataclasses import replace

from pricing.alert_episodes import totals
from pricing.alert_feedback import REJECTED, WEARS_OFF, Tuning
from pricing.finding import Detector, Finding, Subject
from tests.alert_fixtures import BIG, PICO, found
from tests.pricing.episode_runs import Company, day, morning, spike, until

MODEL = Subject(scope="model", provider="openai", model="gpt-5")


def run(company: Company, findings: Sequence[Finding], first: int, last: int) -> None:
    for number in range(first, last + 1):
        company.look(number, until(findings, number))


def test_a_spike_is_new_then_ongoing_and_ends_after_seven_quiet_days() -> None:
    company, days = Company(), [spike(10), spike(12, 250)]
    states = []
    for number in range(10, 21):
        company.look(number, until(days, number))
        states.append([one.state for one in company.episodes.values()])
    # Mornings of days 10 to 20: nothing, new, quiet, seen again, and quiet from day 13 to day 19.
    assert states == [[], ["new"], *[["ongoing"]] * 8, ["resolved"]]
    assert company.told() == [
        ("opened", f"{day(10)}: {spike(10).sentence}"),
        ("ongoing", f"Not seen since {day(10)}; it ends after 7 quiet days."),
        ("seen again", str(day(12))),
        ("resolved", f"7 quiet days since {day(12)}."),
    ]
    assert [state for _, state in company.news] == ["new", "resolved"]
    sums = totals(company.only)
    assert (sums.actual, sums.expected, sums.impact_minor) == (550 * PICO, 200 * PICO, 35_000)  # 300 + 250 - 2 x 100


def test_a_subject_that_spikes_again_after_it_ended_has_a_new_alert() -> None:
    company, days = Company(), [spike(10), spike(17), spike(25)]
    run(company, days, 10, 27)
    # From 10 to 17 there are 6 quiet days, from 17 to 25 there are 7.
    assert [(first, last, state) for _, state, first, last, _ in company.summary()] == [
        (day(25), day(25), "ongoing"),
        (day(10), day(17), "resolved"),
    ]


def test_a_day_without_data_neither_ends_an_alert_nor_opens_one() -> None:
    company = Company()
    company.look(11, [spike(10)])
    late = range(11, 30)
    company.look(30, [spike(10), spike(20, 5, is_rise=False)], late=late)
    assert (company.state(), company.only.last_day) == ("new", day(10))  # nothing is known of what came after
    company.look(30, [spike(10)], late=range(17, 30))
    assert company.state() == "ongoing"  # 6 quiet days
    company.look(30, [spike(10)], late=range(18, 30))
    assert company.state() == "resolved"  # the seventh


def test_a_late_day_of_an_open_alert_is_left_as_it_was_known() -> None:
    company = Company()
    company.look(12, [spike(10), spike(11)])
    assert company.look(12, [spike(10)], late=[11]) == []


def test_late_data_restate_a_day_in_place_and_say_so() -> None:
    company = Company()
    company.look(11, [spike(10, 300)])
    (change,) = company.look(12, [spike(10, 400), spike(11, 300)])
    assert change.written == {day(10): spike(10, 400), day(11): spike(11, 300)}
    assert [step for step, _ in change.steps] == ["restated", "seen again"]
    assert totals(company.only).impact_minor == 50_000  # 400 + 300 - 2 x 100


def test_a_day_that_later_data_make_usual_is_taken_back_and_the_alert_says_why_it_ended() -> None:
    company = Company()
    company.look(11, [spike(10)])
    (change,) = company.look(12, [])
    assert change.taken_back == {day(10): spike(10)}
    assert change.steps == [
        ("day taken back", f"{day(10)}: with later data it is as usual."),
        ("resolved", "No day of it is unusual by what is known now."),
    ]
    assert change.is_news


def test_the_running_day_is_told_once_and_only_its_end_decides() -> None:
    company = Company()
    running = spike(10, 200, is_provisional=True)
    company.look(10, [running])
    company.look(10, [replace(running, actual=220 * PICO)])
    company.look(10, [])  # at noon it looks usual: it has not ended yet
    assert company.told() == [("opened", f"{day(10)}: {running.sentence}")]
    company.look(11, [])
    assert company.told()[1:] == [
        ("day taken back", f"{day(10)}: it ended as usual."),
        ("resolved", "No day of it is unusual by what is known now."),
    ]


def test_late_data_between_two_episodes_belong_to_the_one_that_is_open() -> None:
    company, days = Company(), [spike(10), spike(18)]
    run(company, days, 11, 19)
    company.look(20, [*days, spike(14)])
    assert [(first, last, state) for _, state, first, last, _ in company.summary()] == [
        (day(14), day(18), "ongoing"),
        (day(10), day(10), "resolved"),
    ]


def test_late_data_after_the_end_open_the_same_alert_again() -> None:
    company = Company()
    run(company, [spike(10)], 11, 18)
    assert company.state() == "resolved"
    company.look(19, [spike(10), spike(16)])
    assert company.state() == "ongoing"
    assert company.told()[-1] == ("reopened", f"It was seen again on {day(16)}, before seven quiet days had passed.")


def test_a_snoozed_alert_is_quiet_until_its_time_is_over_and_comes_back_if_it_goes_on() -> None:
    company, days = Company(), [spike(number) for number in range(10, 20)]
    company.look(11, days[:1])
    company.snooze(morning(15))
    run(company, days, 12, 14)
    assert len(company.news) == 1
    run(company, days, 15, 16)
    assert [state for _, state in company.news] == ["new", "ongoing"]
    assert ("back from snooze", "The snooze has ended and it goes on.") in company.told()
    assert not company.is_snoozed()


def test_a_snoozed_alert_that_calmed_down_does_not_come_back() -> None:
    company = Company()
    company.look(11, [spike(10)])
    company.snooze(morning(15))
    run(company, [spike(10)], 12, 18)
    assert len(company.news) == 2  # opened and, days after the snooze, ended
    assert ("back from snooze", "The snooze has ended.") in company.told()


def test_a_snoozed_alert_comes_back_at_once_when_a_day_is_twice_as_large() -> None:
    company = Company()
    company.look(11, [spike(10, 300)])
    company.snooze(morning(40))
    company.look(12, [spike(10, 300), spike(11, 499)])  # $399 < 2 x $200
    assert company.is_snoozed()
    company.look(13, [spike(10, 300), spike(11, 499), spike(12, 500)])  # $400 = 2 x $200
    assert not company.is_snoozed()
    assert company.news[-1] == (company.only_id, "ongoing")


def test_a_planned_change_is_silent_up_to_and_including_its_day_and_judged_again_after_it() -> None:
    company, days = Company(), [spike(10), spike(11, 900), spike(19), spike(20), spike(21)]
    company.look(11, days[:1])
    company.answer("planned", planned_until=day(20))
    run(company, days, 12, 21)
    assert company.state() == "resolved"
    assert sorted(company.only.days) == [day(10), day(11), day(19), day(20)]  # kept to be read
    assert len(company.news) == 1
    company.look(22, days)
    assert [(first, state) for _, state, first, _, _ in company.summary()] == [
        (day(21), "new"),
        (day(10), "resolved"),
    ]
    assert f"after {day(20)}" in company.told()[-1][1]


def test_what_was_called_no_issue_goes_on_silently_and_is_told_anew_when_twice_as_large() -> None:
    company, days = Company(), [spike(10), spike(11), spike(12, 499), spike(13, 500)]
    company.look(11, days[:1])
    company.answer("not_an_issue")
    run(company, days, 12, 13)
    assert (company.state(), company.only.last_day) == ("resolved", day(12))
    company.look(14, days)
    assert [(first, state) for _, state, first, _, _ in company.summary()] == [
        (day(13), "new"),
        (day(10), "resolved"),
    ]
    assert company.look(14, days) == []


def test_a_raised_limit_keeps_a_later_small_spike_silent_whenever_it_is_looked_at() -> None:
    company = Company()
    rejected_at = morning(10)
    company.tunings = [
        Tuning(
            detector="cost_spike",
            subject_key=BIG.key,
            factor=REJECTED,
            set_at=rejected_at,
            ends_at=rejected_at + WEARS_OFF,
            impact_minor=20_000,
        )
    ]
    # After 20 of 90 days the factor is 1 + 1/4 x 70/90 = 1.19; by day 90 it would be 1.03.
    small = [spike(29, score=1.15)]
    run(company, small, 30, 95)
    assert company.episodes == {}
    company.look(31, [spike(29, score=1.25)])
    assert company.state() in {"new", "ongoing"}


def test_a_level_is_open_while_its_rule_holds_and_ends_as_soon_as_it_does_not() -> None:
    company = Company()
    floor = found(day(10), BIG, detector="margin_floor", unit="ppm", actual=350_000, expected=400_000)
    both: tuple[Detector, ...] = ("cost_spike", "margin_floor")
    company.look(10, [floor], detectors=both)
    company.look(11, [], detectors=("cost_spike",))  # its detector failed: nothing is known
    assert company.state() == "new"
    company.look(11, [replace(floor, day=day(11), actual=340_000)], detectors=both)
    assert (company.state(), totals(company.only).actual) == ("ongoing", 340_000)  # the last day's, not a sum
    company.look(12, [], detectors=both)
    assert company.state() == "resolved"
    assert company.told()[-1] == ("resolved", "The rule no longer holds.")
    company.look(12, [replace(floor, day=day(12))], detectors=both)  # back on the next day: it was never gone
    assert company.state() == "ongoing"
    company.look(13, [], detectors=both)
    company.look(20, [replace(floor, day=day(20))], detectors=both)
    assert len(company.episodes) == 2


def test_a_first_look_at_a_long_history_makes_episodes_and_news_only_of_what_is_new() -> None:
    company = Company()
    company.look(60, [spike(5), spike(6), spike(30), spike(59, subject=MODEL)], is_first=True)
    assert [(state, first, last) for _, state, first, last, _ in company.summary()] == [
        ("resolved", day(5), day(6)),
        ("resolved", day(30), day(30)),
        ("new", day(59), day(59)),
    ]
    assert [state for _, state in company.news] == ["new"]
    ended = {change.episode.first_day: change.ended_on for change in Company().look(60, [spike(5)], is_first=True)}
    assert ended == {day(5): day(12)}  # the seventh quiet day


def test_without_a_known_impact_twice_the_score_is_clearly_worse() -> None:
    company = Company()
    company.look(11, [spike(10, impact_minor=None, score=2.0)])
    company.snooze(morning(40))
    company.look(12, [spike(10, impact_minor=None), spike(11, impact_minor=None, score=3.9)])
    assert company.is_snoozed()
    company.look(
        13, [spike(number, impact_minor=None, score=score) for number, score in ((10, 2.0), (11, 3.9), (12, 4.0))]
    )
    assert not company.is_snoozed()


def test_what_is_late_of_one_provider_says_nothing_about_anothers_model() -> None:
    company = Company()
    claude = Subject(scope="model", provider="anthropic", model="claude-sonnet-4-5")
    both = [spike(10, subject=MODEL), spike(10, subject=claude), spike(10)]
    company.look(11, both)
    company.look(18, both, late=[14], source="openai")  # 7 days passed: one of them unknown to all that may use OpenAI
    states = {episode.subject.key: episode.state for episode in company.episodes.values()}
    assert states == {MODEL.key: "ongoing", claude.key: "resolved", BIG.key: "ongoing"}


def test_an_echo_of_a_large_day_does_not_carry_the_alert_on_and_a_slow_rise_does() -> None:
    company = Company()
    echo = spike(14, 108)  # within $90 to $110, and $8 are less than a tenth of $200
    run(company, [spike(10, 300), echo], 11, 18)
    assert (company.state(), company.only.last_day) == ("resolved", day(10))
    rise = Company()
    run(rise, [spike(number, 108) for number in range(10, 20)], 11, 20)
    assert (rise.state(), len(rise.only.days)) == ("ongoing", 10)


def test_what_is_because_of_an_answered_alert_opens_none_of_its_own() -> None:
    company, days = Company(), [spike(10), spike(11)]
    company.look(11, days[:1])
    company.answer("expected")
    follower = spike(11, 300, Subject(scope="company"), facts={"parent": BIG.key})
    company.look(12, [*days, follower])
    assert company.only.subject == BIG
    later = spike(22, 300, Subject(scope="company"), facts={"parent": BIG.key})  # eleven quiet days after it
    company.look(23, [*days, follower, later])
    assert len(company.episodes) == 2
