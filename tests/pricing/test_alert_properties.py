"""What holds of alerts whatever the days bring: one open one per subject, nothing twice, and every change with its step."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pricing.alert_episodes import QUIET_DAYS, Episode, Placed, parents
from pricing.finding import Finding, Subject
from tests.alert_fixtures import BIG
from tests.pricing.episode_runs import Company, day, spike, until

LAST = 32
SUBJECTS = (Subject(scope="company"), BIG, Subject(scope="model", provider="openai", model="gpt-5"))
HISTORIES = st.lists(
    st.tuples(st.integers(0, LAST - 1), st.sampled_from(SUBJECTS), st.integers(150, 900)),
    max_size=40,
    unique_by=lambda one: (one[0], one[1].key),
).map(lambda days: [spike(number, usd, subject) for number, subject, usd in days])
# Which days are late in which look: the same day may be there, be gone and be back.
LATENESS = st.lists(st.sets(st.integers(0, LAST - 1), max_size=8), min_size=LAST + 1, max_size=LAST + 1)


def open_ones(company: Company) -> Counter[tuple[str, str]]:
    return Counter(episode.key for episode in company.episodes.values() if episode.state != "resolved")


@given(HISTORIES)
def test_looking_every_day_comes_to_the_same_as_looking_once(findings: list[Finding]) -> None:
    daily, once = Company(), Company()
    for number in range(1, LAST + 1):
        daily.look(number, until(findings, number))
    once.look(LAST, until(findings, LAST), is_first=True)
    assert daily.summary() == once.summary()


@given(HISTORIES, LATENESS)
def test_whatever_is_late_no_subject_has_two_open_alerts_and_the_same_look_again_changes_nothing(
    findings: list[Finding], lateness: list[set[int]]
) -> None:
    company = Company()
    for number in range(1, LAST + 1):
        there = [finding for finding in until(findings, number) if (finding.day - day(0)).days not in lateness[number]]
        company.look(number, there, late=lateness[number])
        assert all(count == 1 for count in open_ones(company).values())
        assert company.look(number, there, late=lateness[number]) == []


@given(HISTORIES, LATENESS)
def test_a_late_day_never_ends_an_alert_and_never_opens_one(findings: list[Finding], lateness: list[set[int]]) -> None:
    company = Company()
    for number in range(1, LAST + 1):
        late = lateness[number]
        before = {id_: episode.state for id_, episode in company.episodes.items()}
        for change in company.look(number, until(findings, number), late=late):
            assert not {day(each) for each in late} & {*change.written, *change.taken_back}
        for id_, episode in company.episodes.items():
            if episode.days and before.get(id_) in {"new", "ongoing"} and episode.state == "resolved":
                judged = [each for each in range(number) if each not in late and day(each) > episode.last_day]
                assert len(judged) >= QUIET_DAYS or follows(company, episode)


def follows(company: Company, ended: Episode) -> bool:
    return any(one.key == ended.key and one.first_day > ended.first_day for one in company.episodes.values())


@given(HISTORIES, LATENESS, st.sampled_from([None, "confirmed", "expected", "not_an_issue"]), st.integers(1, LAST))
def test_every_change_of_state_has_a_step_that_says_why(
    findings: list[Finding], lateness: list[set[int]], verdict: str | None, answered_on: int
) -> None:
    company = Company()
    for number in range(1, LAST + 1):
        states = {id_: episode.state for id_, episode in company.episodes.items()}
        steps_before = len(company.steps)
        company.look(number, until(findings, number), late=lateness[number])
        told = {id_ for id_, _, why in company.steps[steps_before:] if why}
        changed = {id_ for id_, one in company.episodes.items() if states.get(id_) != one.state}
        assert changed <= told
        if number == answered_on and verdict is not None and len(company.episodes) == 1:
            company.answer(verdict)  # type: ignore[arg-type]  # one of the words of Verdict


@given(HISTORIES)
def test_nothing_is_news_twice(findings: list[Finding]) -> None:
    company = Company()
    for number in range(1, LAST + 1):
        company.look(number, until(findings, number))
    assert all(count == 1 for count in Counter(company.news).values())


@given(HISTORIES, st.integers(1, LAST), st.sampled_from(["expected", "not_an_issue"]))
def test_what_a_person_has_ended_is_never_opened_again_by_a_look(
    findings: list[Finding], answered_on: int, verdict: str
) -> None:
    company, answered = Company(), None
    for number in range(1, LAST + 1):
        company.look(number, until(findings, number))
        if number >= answered_on and answered is None and len(company.episodes) == 1:
            answered = company.only_id
            company.answer(verdict)  # type: ignore[arg-type]  # one of the words of Verdict
        if answered is not None:
            assert company.episodes[answered].state == "resolved"


def placed(id_: int, subject: Subject, *days: Finding) -> Placed:
    return Placed(UUID(int=id_), subject.key, {one.day: one for one in days})


def test_an_alert_lies_under_the_one_that_its_largest_day_is_because_of() -> None:
    company, model = SUBJECTS[0], SUBJECTS[2]
    because = {"facts": {"parent": BIG.key}}
    above = parents(
        [
            placed(1, BIG, spike(10), spike(11)),
            placed(2, company, spike(10, 900, company, **because), spike(12, 200, company)),
            placed(3, model, spike(13, 300, model, facts={"parent": company.key})),  # after the company's last day
            placed(4, model, spike(11, 300, model, facts={"parent": company.key})),  # between two of its days
        ]
    )
    assert above == {UUID(int=1): None, UUID(int=2): UUID(int=1), UUID(int=3): None, UUID(int=4): UUID(int=1)}


def test_whoever_follows_a_follower_lies_under_the_first_and_a_circle_stands_alone() -> None:
    company, model = SUBJECTS[0], SUBJECTS[2]
    chain = [
        placed(1, BIG, spike(10)),
        placed(2, company, spike(10, 300, company, facts={"parent": BIG.key})),
        placed(3, model, spike(10, 300, model, facts={"parent": company.key})),
    ]
    assert parents(chain) == {UUID(int=1): None, UUID(int=2): UUID(int=1), UUID(int=3): UUID(int=1)}
    circle = [placed(1, BIG, spike(10, facts={"parent": company.key})), chain[1]]
    assert parents(circle) == {UUID(int=1): None, UUID(int=2): None}
