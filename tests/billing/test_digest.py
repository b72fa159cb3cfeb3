"""Which alerts a daily mail tells, where in it, and when a day is worth one."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from billing.digest import MOST_LINES, News, Part, Told, has_news, select, unexpected_minor
from pricing.finding import Subject
from tests.billing.told_digest import (
    NOW,
    REPORTED,
    SINCE,
    alert,
    company,
    ended,
    going_on,
    northwind,
    quill,
    told,
)  # fmt: skip

DAY = timedelta(days=1)


def pick(*given: Told, least_impact_minor: int = 0) -> News:
    return select(given, since=SINCE, now=NOW, reported=REPORTED, least_impact_minor=least_impact_minor)


def numbers(news: News, part: Part) -> list[int]:
    return [line.told.alert.alert_id.int for line in news.lines[part]]


def test_what_began_goes_on_and_ended_since_the_last_mail_stands_in_its_part_most_money_first() -> None:
    news = pick(ended(), going_on(), quill(), northwind(), company())
    assert {part: numbers(news, part) for part in ("new", "ongoing", "resolved")} == {
        "new": [1, 3], "ongoing": [4], "resolved": [5]
    }  # fmt: skip
    # The customer's spike is part of the company's: told with it, and counted with it.
    assert [inner.alert.alert_id.int for inner in news.lines["new"][0].within] == [2]


def test_an_alert_that_began_and_ended_between_two_mails_has_ended() -> None:
    short = alert(
        6, Subject(scope="company"), state="resolved", resolved_at=NOW - timedelta(minutes=5), resolved_why="x"
    )
    news = pick(told(short))
    assert (numbers(news, "new"), numbers(news, "resolved")) == ([], [6])


def test_what_ended_before_the_last_mail_or_long_ago_is_not_told() -> None:
    before = alert(6, Subject(scope="company"), state="resolved", opened_at=SINCE - DAY, resolved_at=SINCE - DAY)
    # Found in a first look at old usage: opened and ended now, but eleven days old.
    old = alert(
        7, Subject(scope="company"), state="resolved", resolved_at=NOW, first_day=REPORTED - 11 * DAY, last_day=REPORTED - 11 * DAY
    )  # fmt: skip
    assert pick(told(before), told(old)) == pick()


def test_who_is_snoozed_or_below_the_least_impact_is_counted_and_not_shown() -> None:
    asleep = told(replace(company().alert, snoozed_until=NOW + DAY))
    awake = told(replace(going_on().alert, snoozed_until=NOW - DAY))
    news = pick(asleep, awake, ended(), least_impact_minor=10_000)  # $100.00; the ended one came to $21.50
    assert (numbers(news, "ongoing"), news.snoozed, news.small) == ([4], 1, 1)
    assert not news.lines["resolved"]
    # One without an amount is never small: it is about something else than money.
    assert numbers(pick(quill(), least_impact_minor=10**9), "new") == [3]


def test_a_part_of_what_is_snoozed_stands_for_itself() -> None:
    asleep = told(replace(company().alert, snoozed_until=NOW + DAY))
    assert numbers(pick(asleep, northwind()), "new") == [2]


def test_ten_lines_at_most_new_ones_first_and_the_rest_is_counted() -> None:
    many = [
        told(alert(number, Subject(scope="customer", customer_id=f"cus_{number}"), impact_minor=number * 100))
        for number in range(100, 114)
    ]
    news = pick(going_on(), *many)
    assert numbers(news, "new") == list(range(113, 103, -1))  # 14 new ones: the ten largest
    assert len(news.lines["new"]) == MOST_LINES
    assert (news.left_out, news.count("new"), news.count("ongoing")) == ({"new": 4, "ongoing": 1, "resolved": 0}, 14, 1)


def test_alerts_that_explain_each_other_in_a_circle_are_each_told() -> None:
    first = told(alert(8, Subject(scope="customer", customer_id="a"), parent_alert_id=UUID(int=9)))
    second = told(alert(9, Subject(scope="customer", customer_id="b"), parent_alert_id=UUID(int=8)))
    news = pick(first, second)
    shown = [line.told for line in news.lines["new"]] + [inner for line in news.lines["new"] for inner in line.within]
    assert sorted(each.alert.alert_id.int for each in shown) == [8, 9]


def test_the_amount_of_the_subject_counts_every_dollar_once() -> None:
    # The company's alert has the customer's dollars in it; the model's alert has the same dollars once more.
    model = told(alert(6, Subject(scope="model", provider="openai", model="gpt-5"), impact_minor=250_000))
    assert unexpected_minor(pick(company(), northwind(), model)) == 301_200
    others = [told(alert(n, Subject(scope="customer", customer_id=f"c{n}"), impact_minor=n)) for n in (10, 20)]
    assert unexpected_minor(pick(*others, model)) == 30
    assert unexpected_minor(pick(quill())) is None
    # Where a customer's alert explains the company's, the company's still says what the company paid beyond the expected.
    root = told(replace(northwind().alert, parent_alert_id=None))
    under = replace(company(), alert=replace(company().alert, parent_alert_id=root.alert.alert_id))
    assert unexpected_minor(pick(root, under)) == 301_200
    # An episode's earlier days are no news of this one.
    assert unexpected_minor(pick(replace(company(), reported_impact_minor=100))) == 100


def test_a_day_is_worth_a_mail_when_something_began_or_ended_or_cost_goes_on_or_data_are_late() -> None:
    level = told(replace(quill().alert, opened_at=SINCE - DAY))
    over = told(replace(going_on().alert, last_day=REPORTED - DAY))
    for given, worth_it in (
        ([company()], True), ([ended()], True), ([going_on()], True), ([over], False), ([level], False), ([], False)
    ):  # fmt: skip
        assert has_news(pick(*given), REPORTED, is_late=False) is worth_it
    assert has_news(pick(), REPORTED, is_late=True)
