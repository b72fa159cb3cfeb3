"""What an event names, and how long a failed one waits."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.inbox_rules import MAX_ATTEMPTS, NotAnEvent, after_error, named_objects, read_event

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_snapshot_names_its_object_and_a_refund_its_charge_too() -> None:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "refund.failed",
        "created": 1_764_072_000,
        "data": {"object": {"object": "refund", "id": "re_1", "charge": "ch_1"}},
    }
    told = read_event(json.dumps(event))
    assert (told.event_id, told.event_type, told.object_kind, told.object_id) == (
        "evt_1",
        "refund.failed",
        "refund",
        "re_1",
    )
    assert told.event_created_at == datetime(2025, 11, 25, 12, tzinfo=UTC)
    assert named_objects(event) == [("refund", "re_1"), ("charge", "ch_1")]


def test_a_thin_event_names_its_related_object() -> None:
    event = {
        "id": "evt_2",
        "object": "v2.core.event",
        "type": "v1.customer.updated",
        "created": "2026-11-25T12:00:00.123Z",
        "related_object": {"id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1"},
    }
    told = read_event(json.dumps(event))
    assert (told.object_kind, told.object_id) == ("customer", "cus_1")
    assert told.event_created_at == datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
    assert named_objects(event) == [("customer", "cus_1")]


def test_a_preview_names_nothing() -> None:
    event = {"id": "evt_3", "object": "event", "type": "invoice.upcoming", "data": {"object": {"object": "invoice"}}}
    assert named_objects(event) == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"id":1,"type":"a"}', b'{"id":"","type":"a"}', b'"evt"']
)
def test_what_is_no_event_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        read_event(body)


@given(st.text(min_size=1), st.integers(1, MAX_ATTEMPTS - 1))
def test_each_wait_is_six_times_the_last_within_a_fifth_and_six_hours_at_most(event_id: str, attempts: int) -> None:
    follows = after_error(event_id, attempts, is_permanent=False, now=NOW)
    plain = min(timedelta(seconds=5 * 6 ** (attempts - 1)), timedelta(hours=6))
    assert follows.state == "received"
    assert plain * 0.8 <= follows.next_attempt_at - NOW <= plain * 1.2
    assert follows == after_error(event_id, attempts, is_permanent=False, now=NOW)  # drawn by the id, not by chance


def test_the_eighth_failure_and_a_permanent_one_make_a_dead_letter() -> None:
    assert after_error("evt_1", 8, is_permanent=False, now=NOW).state == "dead"
    assert after_error("evt_1", 1, is_permanent=True, now=NOW).state == "dead"
