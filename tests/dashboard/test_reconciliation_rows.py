"""The words and figures of the reconciliation page."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from dashboard import reconciliation_rows
from store.discrepancies import Known
from store.reconciliation_runs import Run

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def known(kind: str, amount_minor: int | None, currency: str | None) -> Known:
    return Known(
        UUID(int=1),
        "copy",
        "radar.early_fraud_warning",
        "issfr_1",
        kind,
        amount_minor,
        currency,
        [{"field": "metadata", "at_stripe": {"a": "b"}, "here": None}],
        [],
        None,
        "It differs.",
        "open",
        UUID(int=2),
        NOW,
        NOW,
        None,
        None,
        None,
        None,
        None,
    )


def a_run(state: str, trouble: str | None = None) -> Run:
    checked = {"charge": 1_200, "dispute": 2, "money of charges": 1_200, "balances": 1}
    finished = NOW if state == "finished" else None
    return Run(UUID(int=3), state, "fay (founder)", NOW, finished, checked, {}, {"payout": "No permission."}, trouble)


def plain(text: str) -> str:
    return text.replace("\\", "")


def test_a_discrepancy_is_headed_by_its_kind_its_object_and_its_money() -> None:
    headed = plain(reconciliation_rows.title(known("missing", 1_234, "usd")))
    assert headed == "#### :red-badge[:material/remove_circle: Missing] radar early fraud warning issfr_1 · +$12.34 USD"
    assert plain(reconciliation_rows.title(known("extra", None, None))).endswith("issfr_1")
    assert reconciliation_rows.field_rows(known("different", None, None).fields) == [
        {"Field": "metadata", "At Stripe": '{"a": "b"}', "Here": "—"}
    ]


def test_money_is_added_up_without_signs_and_by_currency() -> None:
    found = [known("missing", 500, "eur"), known("extra", -300, "eur"), known("missing", 9_000, "usd")]
    assert reconciliation_rows.at_stake(found) == ["$90.00", "€8.00"]  # 5.00 + 3.00
    assert reconciliation_rows.at_stake([]) == []


def test_a_run_is_told_in_one_line_with_objects_apart_from_sums() -> None:
    assert reconciliation_rows.compared(a_run("finished")) == (1_202, 1_201)
    later = NOW + timedelta(hours=2)
    lines = [plain(reconciliation_rows.run_line(a_run(state), later)) for state in ("wanted", "running", "finished")]
    assert "Asked for by fay (founder)" in lines[0]
    assert "1,202 objects compared" in lines[1]
    assert "Checked at **25 Nov 2026 12:00 UTC** (2 hours ago)" in lines[2]
    assert reconciliation_rows.all_is_well(a_run("finished"), ignored=2) == (
        "Everything that the key may read adds up.",
        "Checked at 25 Nov 2026 12:00 UTC. 2 discrepancies are ignored.",
    )
    assert "went away" in reconciliation_rows.run_line(a_run("running", trouble="went away"), later)
    rows = reconciliation_rows.checked_rows(a_run("finished"))
    assert [row["Compared"] for row in rows] == ["charges", "disputes", "money of charges", "balances", "payout"]
