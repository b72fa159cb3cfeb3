"""Rules of meters: kept in the shadow first, refused with the reason, switched by those who may, each change in the audit log."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from billing import meter_rules
from billing.meter_rules import MeterRuleRefused
from billing.principals import Principal
from pricing.meter_windows import MeterRule
from store import meter_ledger
from store.database import tenant_transaction

NOW = datetime(2026, 3, 10, 9, 20, tzinfo=UTC)
FINANCE = Principal("frida", "finance")
METER = {"id": "mtr_1", "default_aggregation": {"formula": "sum"}}
RULE = MeterRule(
    rule_id="tokens", event_name="tokens", meter_id="mtr_1", counted=("output_text_tokens",), per=1_000, starts_at=NOW
)


def add(
    engine: Engine, tenant: UUID, rule: MeterRule = RULE, meter: dict[str, object] = METER, who: Principal = FINANCE
) -> None:
    with tenant_transaction(engine, tenant) as connection:
        meter_rules.add(connection, tenant, rule, meter, sink="stripe_v1", principal=who, now=NOW)


def test_a_rule_begins_in_the_shadow_and_goes_live_with_the_next_hour(
    engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    add(engine, tenant)
    with tenant_transaction(engine, tenant) as connection:
        assert [stored.mode for stored in meter_ledger.rules(connection)] == ["shadow"]
        live = meter_rules.switch(connection, "tokens", "live", principal=FINANCE, now=NOW)
    assert (live.mode, live.rule.starts_at) == ("live", datetime(2026, 3, 10, 10, tzinfo=UTC))
    with tenant_transaction(engine, tenant) as connection:
        assert meter_ledger.rules(connection) == [live]
        lines = connection.execute(text("select action, principal from audit_log order by seq")).all()
        assert lines == [("meter_rule:add", "frida (finance)"), ("meter_rule:switch", "frida (finance)")]
    with tenant_transaction(engine, mallory) as connection:
        assert meter_ledger.rules(connection) == []


@pytest.mark.parametrize(
    ("rule", "meter", "who", "why"),
    [
        (RULE, {"id": "mtr_1", "default_aggregation": {"formula": "last"}}, FINANCE, "takes the last of its events"),
        (replace(RULE, counted=("tokens",)), METER, FINANCE, "tokens cannot be counted"),
        (replace(RULE, counted=()), METER, FINANCE, "Nothing cannot be counted"),
        (replace(RULE, per=0), METER, FINANCE, "makes no units"),
        (RULE, METER, Principal("sam", "support"), "may not change what customers are billed for"),
    ],
)
def test_what_cannot_be_is_refused(
    engine: Engine, tenant: UUID, rule: MeterRule, meter: dict[str, object], who: Principal, why: str
) -> None:
    with pytest.raises(MeterRuleRefused, match=why):
        add(engine, tenant, rule, meter, who)


def test_a_name_is_taken_once_and_must_be_known(engine: Engine, tenant: UUID) -> None:
    add(engine, tenant)
    with pytest.raises(MeterRuleRefused, match="There is a rule 'tokens' already"):
        add(engine, tenant)
    with (
        tenant_transaction(engine, tenant) as connection,
        pytest.raises(MeterRuleRefused, match="no rule 'calls'; known are tokens"),
    ):
        meter_rules.switch(connection, "calls", "off", principal=FINANCE, now=NOW)
