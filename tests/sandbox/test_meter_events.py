"""Meter events: once a day under one identifier, canceled within a day, summed in windows, and told of when they do not count."""

from typing import Any, cast

import pytest
import stripe

from tests.sandbox.receiving import Receiver, sent
from tests.sandbox.shop import DAY, customer, meter, report
from tests.sandbox.test_thin_events import destination
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer


def summaries(
    sdk: stripe.StripeClient, meter_id: str, customer_id: str, days: int = 3, **given: Any
) -> list[tuple[int, int]]:
    """Start, as days after the beginning, and value of each window."""
    span = {"customer": customer_id, "start_time": EMPTY_STARTS_AT, "end_time": EMPTY_STARTS_AT + days * DAY}
    found = sdk.v1.billing.meters.event_summaries.list(meter_id, cast("Any", span | given))
    return [((one.start_time - EMPTY_STARTS_AT) // DAY, int(one.aggregated_value)) for one in found.data]


def streaming(sdk: stripe.StripeClient, server: SandboxServer) -> stripe.StripeClient:
    """A client of the stream, with the token of a new session."""
    token = sdk.v2.billing.meter_event_session.create().authentication_token
    return stripe.StripeClient(token, base_addresses={"api": server.url, "meter_events": server.url})


def event(customer_id: str, value: object, identifier: str, **given: Any) -> Any:
    return {
        "event_name": "tokens",
        "identifier": identifier,
        "payload": {"stripe_customer_id": customer_id, "value": str(value)},
        **given,
    }


def test_summaries_add_up_by_window(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """7 and 5 on the first day, 3 on the third; the second has nothing and is left out. An outsider has nothing at all."""
    tokens, ada, outsider = meter(stripe_sdk), customer(stripe_sdk), customer(stripe_sdk)
    report(stripe_sdk, ada, 7, "e1")
    report(stripe_sdk, ada, 5, "e2")
    sandbox_server.advance(days=2)
    report(stripe_sdk, ada, 3, "e3")

    assert summaries(stripe_sdk, tokens, ada, value_grouping_window="day") == [(2, 3), (0, 7 + 5)]
    assert summaries(stripe_sdk, tokens, ada) == [(0, 7 + 5 + 3)]
    assert summaries(stripe_sdk, tokens, outsider, value_grouping_window="day") == []
    with pytest.raises(stripe.InvalidRequestError, match="aligned with day boundaries"):
        summaries(stripe_sdk, tokens, ada, value_grouping_window="day", start_time=EMPTY_STARTS_AT + 3_600)


def test_an_identifier_is_refused_for_a_day_and_counts_again_after_it(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The trap that a ledger of one's own must cover: 4 sent twice, 25 hours apart, is 8."""
    tokens, ada = meter(stripe_sdk), customer(stripe_sdk)
    report(stripe_sdk, ada, 4, "e1")
    sandbox_server.control("/clock/advance", {"seconds": 23 * 3_600})
    with pytest.raises(stripe.InvalidRequestError, match="An event already exists with identifier e1"):
        report(stripe_sdk, ada, 4, "e1")
    sandbox_server.control("/clock/advance", {"seconds": 2 * 3_600})
    report(stripe_sdk, ada, 4, "e1")

    assert summaries(stripe_sdk, tokens, ada) == [(0, 4 + 4)]


def test_an_event_is_canceled_within_a_day(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    tokens, ada = meter(stripe_sdk), customer(stripe_sdk)
    report(stripe_sdk, ada, 4, "e1")
    report(stripe_sdk, ada, 6, "e2")

    def cancel(identifier: str) -> Any:
        return stripe_sdk.v1.billing.meter_event_adjustments.create(
            {"event_name": "tokens", "type": "cancel", "cancel": {"identifier": identifier}}
        )

    assert cancel("e1").status == "pending"
    assert summaries(stripe_sdk, tokens, ada) == [(0, 6)]
    for identifier, why in (("e1", "canceled already"), ("e9", "No meter event found")):
        with pytest.raises(stripe.InvalidRequestError, match=why):
            cancel(identifier)
    sandbox_server.advance(days=1)
    with pytest.raises(stripe.InvalidRequestError, match="within 24 hours"):
        cancel("e2")


def test_time_is_bounded_on_both_sides(stripe_sdk: stripe.StripeClient) -> None:
    """35 days back and 5 minutes ahead are taken, a second more is not."""
    meter(stripe_sdk)
    ada = customer(stripe_sdk)
    for place, (offset, why) in enumerate(
        ((-35 * DAY, ""), (300, ""), (-35 * DAY - 1, "35 calendar days"), (301, "5 minutes"))
    ):
        made = event(ada, 1, f"e{place}", timestamp=EMPTY_STARTS_AT + offset)
        if not why:
            assert stripe_sdk.v1.billing.meter_events.create(made).timestamp == EMPTY_STARTS_AT + offset
            continue
        with pytest.raises(stripe.InvalidRequestError, match=why):
            stripe_sdk.v1.billing.meter_events.create(made)


def test_what_does_not_count_is_told_by_a_thin_event_with_the_identifier(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """The answer is 200 all the same; no snapshot tells of it, neither sent nor listed."""
    destination(stripe_sdk, receiver, "v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")
    tokens, ada = meter(stripe_sdk), customer(stripe_sdk)
    report(stripe_sdk, "cus_gone", 4, "e1")
    stripe_sdk.v1.billing.meter_events.create(event(ada, "much", "e2"))
    report(stripe_sdk, ada, 4, "e3", event_name="nothing")
    sent(sandbox_server)

    told: list[Any] = [
        one for one in stripe_sdk.v2.core.events.list().data if ".meter." in one.type and "created" not in one.type
    ]
    whole: list[Any] = [stripe_sdk.v2.core.events.retrieve(one.id) for one in told[::-1]]
    errors = [one.data.reason.error_types[0] for one in whole]
    assert [(one.code, one.sample_errors[0].request.identifier) for one in errors] == [
        ("meter_event_customer_not_found", "e1"),
        ("meter_event_invalid_value", "e2"),
        ("no_meter", "e3"),
    ]
    assert [getattr(one, "related_object", None) and one.related_object.id for one in whole] == [tokens, tokens, None]
    assert sorted(receiver.types) == sorted(one.type for one in told)
    assert all(b"sample_errors" not in body for body, _ in receiver.got)
    assert summaries(stripe_sdk, tokens, ada) == [(0, 0)]
    assert not any(
        "error" in one.type or "no_meter" in one.type for one in stripe_sdk.v1.events.list({"limit": 100}).data
    )


def test_the_stream_takes_a_hundred_at_once_and_drops_repetitions(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Values 0 to 99 sum to 99 x 100 / 2 = 4,950; sent again they change nothing. A token lasts a quarter of an hour."""
    tokens, ada = meter(stripe_sdk), customer(stripe_sdk)
    client = streaming(stripe_sdk, sandbox_server)
    events = [event(ada, value, f"e{value}") for value in range(100)]

    client.v2.billing.meter_event_stream.create({"events": events})
    client.v2.billing.meter_event_stream.create({"events": events})

    assert summaries(stripe_sdk, tokens, ada) == [(0, 99 * 100 // 2)]
    with pytest.raises(stripe.StripeError):
        client.v2.billing.meter_event_stream.create({"events": [event(ada, 1, f"f{n}") for n in range(101)]})
    sandbox_server.control("/clock/advance", {"seconds": 15 * 60})
    with pytest.raises(stripe.AuthenticationError):
        client.v2.billing.meter_event_stream.create({"events": events})


def test_api_v2_looks_at_the_meter_before_it_answers(stripe_sdk: stripe.StripeClient) -> None:
    tokens, ada = meter(stripe_sdk), customer(stripe_sdk)
    made = stripe_sdk.v2.billing.meter_events.create(event(ada, 9, "e1"))
    assert (made.object, made.identifier) == ("v2.billing.meter_event", "e1")
    for given, why in (
        (event(ada, 9, "e1"), "already exists"),
        (event(ada, "much", "e2"), "no whole number"),
        (event(ada, 9, "e3") | {"event_name": "nothing"}, "No meter found"),
    ):
        with pytest.raises(stripe.StripeError, match=why):
            stripe_sdk.v2.billing.meter_events.create(given)

    assert summaries(stripe_sdk, tokens, ada) == [(0, 9)]
    canceled = stripe_sdk.v2.billing.meter_event_adjustments.create(
        {"event_name": "tokens", "type": "cancel", "cancel": {"identifier": "e1"}}
    )
    assert canceled.status == "pending"
    assert summaries(stripe_sdk, tokens, ada) == [(0, 0)]


def test_summaries_may_lag_behind(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    tokens, ada = meter(stripe_sdk), customer(stripe_sdk)
    sandbox_server.control("/meter-lag", {"seconds": 3_600})
    report(stripe_sdk, ada, 7, "e1")
    assert summaries(stripe_sdk, tokens, ada) == [(0, 0)]
    sandbox_server.control("/clock/advance", {"seconds": 3_600})
    assert summaries(stripe_sdk, tokens, ada) == [(0, 7)]
