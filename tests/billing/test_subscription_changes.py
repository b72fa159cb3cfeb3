"""What a change of a subscription means at Stripe: one intent per deed, its parameters, its inverse, and when it must not be sent."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from billing import subscription_changes as changes
from billing.commands import Command
from billing.schedule_commands import SCHEDULE_KINDS
from billing.subscription_commands import find_created, why_not
from tests.dashboard.test_acting import WRITTEN_DOWN

AT = datetime(2026, 1, 12, tzinfo=UTC)
PINNED = 1_768_176_000  # 2026-01-12T00:00:00Z


def subscription(mode: str = "flexible", **given: Any) -> dict[str, Any]:
    item = {
        "id": "si_1",
        "price": {"id": "price_basic"},
        "quantity": 2,
        "current_period_start": PINNED - 11 * 86_400,
        "current_period_end": PINNED + 20 * 86_400,
    }
    plain = {"id": "sub_1", "status": "active", "billing_mode": {"type": mode}, "items": {"data": [item]}}
    return plain | {"cancel_at_period_end": False, "schedule": None} | given


def command(intent: Any) -> Command:
    return replace(WRITTEN_DOWN, kind=intent.kind, object_id=intent.object_id, params=intent.params)


UPGRADE = changes.Switch("si_1", "price_pro", 3, AT)


@pytest.mark.parametrize(
    ("change", "mode", "kind", "request_params"),
    [
        (
            UPGRADE,
            "classic",
            "subscription.update",
            {
                "items": [{"id": "si_1", "price": "price_pro", "quantity": 3}],
                "proration_behavior": "always_invoice",
                "proration_date": PINNED,
            },
        ),
        (changes.EndTrial(), "flexible", "subscription.update", {"trial_end": "now", "proration_behavior": "none"}),
        (changes.Pause(), "flexible", "subscription.pause", {"type": "subscription"}),
        (changes.Pause(), "classic", "subscription.update", {"pause_collection": {"behavior": "void"}}),
        (changes.Resume(), "classic", "subscription.update", {"pause_collection": ""}),
        (changes.CancelNow(), "flexible", "subscription.cancel_now", {"prorate": True, "invoice_now": True}),
        (changes.CancelAtPeriodEnd(), "flexible", "subscription.cancel_at_period_end", {"cancel_at_period_end": True}),
        (changes.Reactivate(), "flexible", "subscription.reactivate", {"cancel_at_period_end": False}),
    ],
)
def test_a_change_is_one_kind_of_command_with_its_parameters(
    change: Any, mode: str, kind: str, request_params: dict[str, Any]
) -> None:
    made = changes.intent(change, subscription(mode), "click-1")
    assert (made.kind, made.object_id, made.params["request"]) == (kind, "sub_1", request_params)
    assert made.intent_key == f"subscription:sub_1:{kind}:click-1"
    assert made.params["expected"]["items"] == {"si_1": {"price": "price_basic", "quantity": 2}}


def test_the_moment_of_the_preview_is_the_moment_of_the_change() -> None:
    asked = changes.preview_params(UPGRADE, subscription())
    assert asked is not None
    assert asked["subscription_details"] == changes.intent(UPGRADE, subscription(), "a").params["request"]
    assert changes.preview_params(changes.Pause(), subscription()) is None


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        (UPGRADE, changes.Switch("si_1", "price_basic", 2, AT)),
        (changes.CancelAtPeriodEnd(), changes.Reactivate()),
        (changes.Reactivate(), changes.CancelAtPeriodEnd()),
        (changes.Pause(), changes.Resume("unchanged")),
        (changes.CancelNow(), None),
        (changes.EndTrial(), None),
    ],
)
def test_a_switch_is_undone_at_the_second_it_was_made_at(change: Any, undo: Any) -> None:
    assert changes.undo_of(command(changes.intent(change, subscription(), "a"))) == undo


def test_what_has_changed_since_the_preview_is_not_sent() -> None:
    asked = command(changes.intent(UPGRADE, subscription(), "a"))
    assert why_not(subscription(), asked, AT) is None
    other = subscription()
    other["items"]["data"][0]["quantity"] = 5
    said = "The subscription sub_1 was changed since the preview: it has 5 of price_basic, not 2 of price_basic."
    assert why_not(other, asked, AT) == said
    assert why_not(subscription(status="canceled"), asked, AT) == "The subscription sub_1 has ended (it is canceled)."
    renewed = subscription()
    renewed["items"]["data"][0]["current_period_start"] = PINNED + 20 * 86_400
    assert "preview it again" in str(why_not(renewed, asked, AT))
    assert "future" in str(why_not(subscription(), asked, datetime(2026, 1, 11, tzinfo=UTC)))


def test_a_created_subscription_is_found_beyond_the_first_page() -> None:
    asked = command(changes.intent(changes.Start("cus_1", "price_pro"), None, "a"))
    pages = [
        {"data": [{"id": "sub_1", "metadata": {}}], "has_more": True},
        {"data": [{"id": "sub_2", "metadata": {"metering_command": str(asked.command_id)}}], "has_more": False},
    ]
    seen: list[dict[str, Any]] = []

    def read(_path: str, params: Any) -> dict[str, Any]:
        seen.append(dict(params))
        return pages[len(seen) - 1]

    found = find_created(read, asked)
    assert found is not None
    assert found["id"] == "sub_2"
    assert (seen[0]["customer"], seen[1]["starting_after"]) == ("cus_1", "sub_1")
    trial = changes.intent(changes.Start("cus_1", "price_metered", None, trial_days=14), None, "a").params["request"]
    assert trial["items"] == [{"price": "price_metered"}]
    assert (trial["trial_period_days"], trial["billing_mode"]) == (14, {"type": "flexible"})


def test_a_schedule_is_made_told_its_phases_and_let_go() -> None:
    create, update, release = SCHEDULE_KINDS
    now = AT
    made = command(changes.intent(changes.Schedule(), subscription(), "a"))
    phases = [{"items": [{"price": "price_pro", "quantity": 1}], "duration": {"interval": "month"}}]
    told = command(changes.intent(changes.SetPhases("sched_1", phases), subscription(), "b"))
    freed = command(changes.intent(changes.Release("sched_1"), subscription(), "c"))
    assert create.request(made).params == {"from_subscription": "sub_1"}
    assert update.request(told).params["phases"] == phases
    assert update.request(told).params["metadata"] == {"metering_command": str(told.command_id)}
    assert release.request(freed).path == "/v1/subscription_schedules/sched_1/release"
    mark = {"metering_command": str(told.command_id)}
    stripe: dict[str, dict[str, Any]] = {
        "/v1/subscriptions/sub_1": subscription(),
        "/v1/subscription_schedules/sched_1": {"id": "sched_1", "status": "active", "metadata": mark},
    }

    def read(path: str, _params: Any) -> dict[str, Any]:
        return stripe[path]

    assert create.check(read, made, now) is None
    assert create.look_up(read, made) is None
    assert update.check(read, told, now) is None
    assert update.look_up(read, told) == stripe["/v1/subscription_schedules/sched_1"]
    assert release.look_up(read, freed) is None
    stripe["/v1/subscriptions/sub_1"]["schedule"] = "sched_1"
    stripe["/v1/subscription_schedules/sched_1"]["status"] = "released"
    assert "already has the schedule sched_1" in str(create.check(read, made, now))
    assert create.look_up(read, made) == release.look_up(read, freed)
    assert "is over (it is released)" in str(release.check(read, freed, now))
