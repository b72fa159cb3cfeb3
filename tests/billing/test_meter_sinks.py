"""Where meter events go: a file holds each identifier once, also after a crash in the middle of a line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from billing import meter_push
from billing.commands import Done, Later, Refused, Unknown
from billing.meter_push import Delivered, InDoubt, Rejected
from billing.meter_sinks import FileSink, outcome_of
from store.meter_ledger import MeterEvent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = UUID(int=1)


def event(customer_id: str, units: int, revision: int = 1) -> MeterEvent:
    return MeterEvent(
        identifier=meter_push.identifier(TENANT, "tokens", customer_id, NOW, revision),
        rule_id="tokens",
        customer_id=customer_id,
        window_start=NOW,
        revision=revision,
        units=units,
        state="sending",
        attempts=1,
        made_at=NOW,
        first_sent_at=NOW,
        settled_at=None,
        next_attempt_at=NOW,
        lease_token=None,
        lease_until=None,
        last_trouble=None,
        trouble_code=None,
    )


def values(path: Path) -> list[str]:
    return [json.loads(line)["payload"]["value"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_file_holds_each_event_once(tmp_path: Path) -> None:
    path = tmp_path / "tokens.jsonl"
    first, second = event("cus_ada", 3), event("cus_outsider", 4)
    assert FileSink(path).send("tokens", [first]) == [Delivered()]
    assert FileSink(path).send("tokens", [first, second]) == [Delivered(), Delivered()]
    assert values(path) == ["3", "4"]


def test_half_a_line_is_written_again_whole(tmp_path: Path) -> None:
    """A crash left the beginning of a line: it names no event, and the next line begins on its own."""
    path = tmp_path / "tokens.jsonl"
    FileSink(path).send("tokens", [event("cus_ada", 3)])
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + whole[:40], encoding="utf-8")

    FileSink(path).send("tokens", [event("cus_ada", 3), event("cus_bob", 5)])

    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == [whole.strip(), whole[:40]]
    assert [json.loads(line)["payload"]["value"] for line in lines[2:]] == ["5"]


def test_what_stripe_has_seen_is_delivered_and_what_it_refuses_is_not() -> None:
    seen = Refused("An event already exists with identifier tok.1.", status=400)
    assert outcome_of(seen) == Delivered()
    assert outcome_of(Done({})) == Delivered()
    assert outcome_of(Refused("The timestamp must be within the past 35 calendar days.", code="x")) == Rejected(
        "The timestamp must be within the past 35 calendar days.", "x"
    )
    assert (outcome_of(Later("429")), outcome_of(Unknown("500"))) == (InDoubt("429"), InDoubt("500"))


def test_an_identifier_is_the_same_for_the_same_deed_and_fits() -> None:
    """100 characters are all that Stripe takes; tenants, customers, windows and revisions never share one."""
    made = meter_push.identifier(TENANT, "tokens", "cus_" + "x" * 60, NOW, 1)
    assert len(made) <= 100
    assert made == meter_push.identifier(TENANT, "tokens", "cus_" + "x" * 60, NOW, 1)
    others = {
        meter_push.identifier(UUID(int=2), "tokens", "cus_a", NOW, 1),
        meter_push.identifier(TENANT, "calls", "cus_a", NOW, 1),
        meter_push.identifier(TENANT, "tokens", "cus_b", NOW, 1),
        meter_push.identifier(TENANT, "tokens", "cus_a", NOW.replace(hour=13), 1),
        meter_push.identifier(TENANT, "tokens", "cus_a", NOW, 2),
        meter_push.identifier(TENANT, "tokens", "cus_a", NOW, 1),
    }
    assert len(others) == 6
