"""Meters are told each unit once: by window, through every answer that Stripe may give, and compared with its sums."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import meter_replay
from billing.principals import Principal
from store import meter_ledger
from store.database import tenant_transaction
from tests.pipelines.metered_shop import RULE, MeteredShop
from tests.sandbox_fixtures import SandboxServer

HOUR = timedelta(hours=1)
FINANCE = Principal("frida", "finance")


@pytest.fixture(params=["stripe_v1", "stripe_v2"])
def shop(
    request: pytest.FixtureRequest,
    engine: Engine,
    tenant: UUID,
    mallory: UUID,
    tmp_path: Path,
    sandbox_server: SandboxServer,
) -> Iterator[MeteredShop]:
    """A shop under each of Stripe's two ways; the outsider's ledger stays empty whatever happens."""
    made = MeteredShop(engine, tmp_path, tenant, sandbox_server, version=request.param)
    yield made
    made.close()
    with tenant_transaction(engine, mallory) as connection:
        assert meter_ledger.rules(connection) == []
        assert meter_ledger.counts(connection) == {}


def test_usage_is_told_by_the_hour_when_the_hour_is_over(shop: MeteredShop) -> None:
    """2,500 and 1,700 tokens in two hours, a thousand to the unit: 2, then 2 (4,200 in all); the third hour is not over."""
    ada, start = shop.add_customer(), shop.now
    shop.use((ada, start, 2_500), (ada, start + HOUR, 1_700), (ada, start + 2 * HOUR, 9_000))
    shop.stripe.advance(seconds=2 * 3_600 + 600)

    assert shop.write_down().units == 2 + 2
    assert shop.send() == 2
    assert (shop.at_stripe(ada), shop.states()) == (4, [(2, "sent"), (2, "sent")])
    assert (shop.write_down().events, shop.send()) == (0, 0)
    shop.stripe.advance(seconds=2 * 3_600)
    assert shop.compare() == {"none": 1}
    assert shop.states() == [(2, "accepted"), (2, "accepted")]


def test_late_usage_is_told_as_more_of_its_hour(shop: MeteredShop) -> None:
    ada, start = shop.add_customer(), shop.now
    shop.use((ada, start, 2_500))
    shop.stripe.advance(days=1)
    shop.write_down()
    shop.send()
    shop.use((ada, start, 3_600))

    assert shop.write_down().units == (2_500 + 3_600) // 1_000 - 2
    shop.send()

    assert shop.at_stripe(ada) == 6
    assert [(event.window_start, event.revision) for event in shop.ledger()] == [(start, 1), (start, 2)]


@pytest.mark.parametrize(
    "fault", ["timeout_after", "timeout_before", "server_error", "server_error_after", "rate_limit"]
)
def test_an_unanswered_event_is_sent_again_under_its_identifier(shop: MeteredShop, fault: str) -> None:
    """Whether it arrived or not, Stripe counts it once: a repetition that it refuses is a delivery."""
    ada = shop.add_customer()
    shop.use((ada, shop.now, 5_000))
    shop.stripe.advance(seconds=2 * 3_600)
    shop.write_down()
    shop.stripe.fail_next(fault, method="POST", path=shop.told_at, times=1)
    shop.send()
    assert [state for _, state in shop.states()] == ["sending"]
    shop.stripe.advance(seconds=60)

    shop.send()

    assert (shop.at_stripe(ada), shop.states()) == (5, [(5, "sent")])


@pytest.mark.parametrize(("fault", "arrived"), [("timeout_after", True), ("timeout_before", False)])
def test_after_a_day_without_an_answer_stripes_sums_decide(shop: MeteredShop, fault: str, arrived: bool) -> None:
    """Sent again after 25 hours it would count twice; it is looked for, and told anew only when it is not there."""
    ada = shop.add_customer()
    shop.use((ada, shop.now, 5_000))
    shop.stripe.advance(seconds=2 * 3_600)
    shop.write_down()
    shop.stripe.fail_next(fault, method="POST", path=shop.told_at, times=1)
    shop.send()
    shop.stripe.advance(seconds=25 * 3_600)
    shop.send()
    assert shop.states() == [(5, "unknown")]

    shop.compare()
    shop.write_down()
    shop.send()

    assert shop.at_stripe(ada) == 5
    assert shop.states() == ([(5, "accepted")] if arrived else [(5, "lost"), (5, "sent")])


def test_one_customers_trouble_does_not_hold_up_another(shop: MeteredShop) -> None:
    """Stripe does not know Bob any more and says so later, by a thin event; Ada's units are there. Mended, Bob's are told anew."""
    ada, bob, start = shop.add_customer(), shop.add_customer(), shop.now
    shop.use((ada, start, 3_000), (bob, start, 4_000))
    kept = shop.stripe.state.objects["customer"].pop(bob)
    shop.stripe.advance(seconds=2 * 3_600)
    shop.write_down()
    shop.send()
    shop.stripe.advance(seconds=2 * 3_600)
    shop.compare()

    by_customer = {event.customer_id: (event.state, event.trouble_code) for event in shop.ledger()}
    assert by_customer == {ada: ("accepted", None), bob: ("rejected", "meter_event_customer_not_found")}
    assert shop.write_down().events == 0, "what is refused is not tried again by itself"

    shop.stripe.state.objects["customer"][bob] = kept
    with tenant_transaction(shop.engine, shop.tenant_id) as connection:
        assert meter_replay.planned(connection, RULE, now=shop.now).units == 4
    assert shop.write_down().events == 0, "a dry run changes nothing"
    with tenant_transaction(shop.engine, shop.tenant_id) as connection:
        assert meter_replay.replay(connection, RULE, principal=FINANCE, now=shop.now).units == 4
    shop.write_down()
    shop.send()
    assert (shop.at_stripe(ada), shop.at_stripe(bob)) == (3, 4)


def test_usage_that_moves_to_another_customer_is_taken_back_within_a_day(shop: MeteredShop) -> None:
    """The file's name `team` first meant Ada and then Bob: Ada's 3 units are canceled, Bob is told 3."""
    ada, bob = shop.add_customer(), shop.add_customer()
    shop.map_name("team", ada)
    shop.use(("team", shop.now, 3_000))
    shop.stripe.advance(seconds=2 * 3_600)
    shop.write_down()
    shop.send()
    assert (shop.at_stripe(ada), shop.at_stripe(bob)) == (3, 0)
    shop.map_name("team", bob)

    for _ in range(2):
        shop.write_down()
        shop.send()

    assert (shop.at_stripe(ada), shop.at_stripe(bob)) == (0, 3)


def test_what_stripe_lacks_is_sent_again_only_when_it_is_seen_twice(shop: MeteredShop) -> None:
    """An event that Stripe lost: the first look waits, the look an hour later tells it anew. More than ours is only reported."""
    ada, start = shop.add_customer(), shop.now
    shop.use((ada, start, 2_000), (ada, start + HOUR, 7_000))
    shop.stripe.advance(seconds=3 * 3_600)
    shop.write_down()
    shop.send()
    lost = next(event.identifier for event in shop.ledger() if event.units == 7)
    shop.stripe.state.objects["sandbox.meter_receipt"][lost]["is_counted"] = False
    shop.stripe.advance(seconds=2 * 3_600)
    assert shop.compare() == {"wait": 1}
    assert shop.write_down().events == 0
    shop.stripe.advance(seconds=2 * 3_600)
    assert shop.compare() == {"sent_again": 1}
    shop.write_down()
    shop.send()
    assert shop.at_stripe(ada) == 2 + 7

    shop.stripe.state.objects["sandbox.meter_receipt"][lost]["is_counted"] = True
    shop.stripe.advance(seconds=2 * 3_600)
    assert shop.compare() == {"reported": 1}
    with tenant_transaction(shop.engine, shop.tenant_id) as connection:
        [drift] = meter_ledger.drifts(connection, RULE).values()
    assert drift.sentence == "Stripe has 16 units, 9 were told: 7 too many."


def test_usage_older_than_35_days_is_written_down_and_never_sent(shop: MeteredShop) -> None:
    ada, start = shop.add_customer(), shop.now
    shop.use((ada, start, 2_000))
    shop.stripe.advance(days=36)

    shop.write_down()

    assert shop.send() == 0
    assert shop.states() in ([], [(2, "too_late")])


def test_in_the_shadow_nothing_is_sent_and_the_difference_is_told(shop: MeteredShop) -> None:
    """Another system tells Stripe 4 units, the usage comes to 5."""
    ada, start = shop.add_customer(), shop.now
    with tenant_transaction(shop.engine, shop.tenant_id) as connection:
        meter_ledger.set_mode(connection, RULE, "shadow")
    shop.use((ada, start, 5_000))
    shop.report_elsewhere(ada, 4)
    shop.stripe.advance(seconds=2 * 3_600)
    shop.write_down()
    assert shop.send() == 0
    shop.stripe.advance(seconds=2 * 3_600)

    assert shop.compare() == {"reported": 1}
    assert (shop.states(), shop.at_stripe(ada)) == ([(5, "shadow")], 4)
