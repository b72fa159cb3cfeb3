"""Alerts keep their promises through weeks of spikes, late data, answers and runs that die; a failing seed tells its story and replays."""

import json
from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import Engine

from store import alert_reads, alerts, outgoing_mails
from store.tenants import ensure_tenant
from tests.journeys.alert_weeks import FIRST, AlertWeeks, live_through, tenant_of
from tests.journeys.conftest import seeds


def broken_promises(weeks: AlertWeeks) -> list[str]:
    """What does not hold at the end."""
    broken = list(weeks.broken)
    with tenant_of(weeks) as connection:
        known = alert_reads.begun_since(connection, FIRST)
        since = min((alert.opened_at for alert in known), default=None)
        kinds = ("alert.opened", "alert.worsened", "alert.resolved", "alerts.more")
        told = outgoing_mails.of_kinds(connection, kinds, since=since) if since else []
        unfinished = alerts.unfinished_versions(connection)
    # Nine days without anything: whatever a person has not closed has ended by itself.
    broken += [f"{alert.subject_key} of {alert.first_day} never ended" for alert in known if alert.is_open]
    broken += [f"version {version} was never finished" for version in unfinished]
    opened = Counter(json.loads(each.text_body)["alert"]["alert_id"] for each in told if each.kind == "alert.opened")
    broken += [f"{alert_id} was told as new {times} times" for alert_id, times in opened.items() if times > 1]
    ends = Counter((each.kind, each.text_body) for each in told)
    broken += [f"{kind} was told {times} times: {text}" for (kind, text), times in ends.items() if times > 1]
    return broken


@pytest.mark.slow
@pytest.mark.parametrize("numbers", seeds(8), ids=lambda numbers: f"from {numbers.start}")
def test_no_weeks_leave_two_open_alerts_a_change_without_a_step_or_a_message_told_twice(
    numbers: range, engine: Engine, mallory: UUID
) -> None:
    alerted = 0
    for seed in numbers:
        weeks = AlertWeeks(seed, engine, ensure_tenant(engine, f"alerts-{seed}", "Acme", "usd"))
        try:
            live_through(weeks)
        except Exception as trouble:
            trouble.add_note("\n".join([f"SEED {seed} (SIMULATED_SEEDS=1 SIMULATED_FROM={seed})", *weeks.story]))
            raise
        broken = broken_promises(weeks)
        assert broken == [], "\n".join([f"SEED {seed}", *weeks.story, *broken])
        alerted += len(weeks.before)
    assert alerted > 2 * len(numbers)  # something did happen
    with tenant_of(AlertWeeks(0, engine, mallory)) as connection:
        assert alert_reads.begun_since(connection, FIRST) == []
