"""What is behind a bridge and what is told of it: nothing is lost between the steps and their causes, and a kept summary is the same."""

from fractions import Fraction

from hypothesis import given

from pricing.bridge_record import from_text, to_text
from pricing.bridge_story import SHOWN, TOLD, Summary, summarize
from pricing.margin_bridge import CustomerPeriod, Period
from pricing.revenue_drivers import Billed
from tests.pricing.test_cost_drivers import SONNET, model
from tests.pricing.test_margin_bridge import known, period, periods, plan

OPUS = {bucket: 5 * price for bucket, price in SONNET.items()}


def told(before: Period, after: Period) -> list[tuple[str, str | None, str | None]]:
    return [(each.part, each.customer_id, each.subject) for each in summarize(known(before, after)).told]


def test_a_move_to_a_dearer_model_is_told_with_its_customer_and_the_model_it_went_to() -> None:
    """Northwind's 1,000 requests move to opus: $18.00 of 200.00. Acme pays 1.00 more: told second, since it pulls the other way."""
    sonnet, opus = model(1_000, 1_000, 0, 100), model(1_000, 1_000, 0, 100, OPUS)
    before = period(
        {"northwind": CustomerPeriod(plan(1, 100_00), 0, {"sonnet": sonnet}), "acme": CustomerPeriod(plan(1, 100_00))}
    )
    after = period(
        {"northwind": CustomerPeriod(plan(1, 100_00), 0, {"opus": opus}), "acme": CustomerPeriod(plan(1, 101_00))}
    )
    assert told(before, after) == [("model_mix", "northwind", "opus"), ("revenue_price", "acme", "plan")]


def test_a_price_is_told_by_its_model_whoever_uses_it() -> None:
    cheap, dear = (model(1_000, 1_000, 0, 100, prices) for prices in (SONNET, OPUS))
    users = ("a", "b")
    before, after = (
        period({name: CustomerPeriod(plan(1, 100_00), 0, {"sonnet": cell}) for name in users}) for cell in (cheap, dear)
    )
    (finding,) = summarize(known(before, after)).told
    assert (finding.part, finding.customer_id, finding.subject, finding.customers) == ("token_price", None, "sonnet", 2)


def test_who_came_is_told_as_a_number() -> None:
    before = period({"a": CustomerPeriod(plan(1, 100_00), 0, {"s": model(1_000, 1_000, 0, 100)})})
    after = period({**before.customers, "b": CustomerPeriod(plan(1, 50_00)), "c": CustomerPeriod(plan(1, 50_00))})
    (finding,) = summarize(known(before, after)).told
    assert (finding.part, finding.customers, finding.profit_minor) == ("customers_gained", 2, 100_00)


def test_without_a_margin_the_story_goes_by_profit() -> None:
    nothing = period({"a": CustomerPeriod(cells={"s": model(1_000, 1_000, 0, 100)})})
    after = period({"a": CustomerPeriod(cells={"s": model(3_000, 1_000, 0, 100)})})
    (finding,) = summarize(known(nothing, after)).told
    assert (finding.part, finding.points, finding.profit_minor) == ("usage_volume", None, -9_00)


def test_nothing_that_moved_is_nothing_to_tell() -> None:
    same = period({"a": CustomerPeriod({"plan": Billed(10**6, 100_00, 100_00)})})
    assert told(same, same) == []


def whole(found: Summary, part: str) -> Fraction:
    behind = found.by_customer[part]  # type: ignore[index] # a part's name
    return sum((each.profit_minor for each in behind.shown), Fraction()) + behind.others_profit_minor


@given(periods, periods)
def test_causes_come_to_their_step_and_a_kept_summary_is_the_same(before: Period, after: Period) -> None:
    found = summarize(known(before, after))
    assert from_text(to_text(found)) == found
    assert len(found.told) <= TOLD
    for step in found.steps:
        if step.part in found.by_customer and step.part != "exchange_rate":
            assert abs(whole(found, step.part) - step.profit_minor) <= 3 + 2  # months rounded apart, and two remainders
        for behind in (found.by_customer, found.by_subject):
            assert len(behind[step.part].shown if step.part in behind else ()) <= SHOWN
