"""The demo company tells its stories: each is there in Stripe's objects and in the usage, and the same for the same seed."""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from genai_prices import Usage, calc_price

from sandbox.company import build
from sandbox.http.control import fingerprint
from sandbox.state import State
from tests.sandbox_fixtures import DEMO_AS_OF, SEED, SandboxServer

POWER_USER, JUMPER, BURNER = "acct_quillfeather_labs", "acct_halcyon_freightways", "acct_brindle_analytics"
INTERNAL = {"acct_internal_qa", "acct_internal_loadtest", "acct_sales_sandbox"}
DAY = 86_400

Objects = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def objects(demo_company_server: SandboxServer) -> Objects:
    return demo_company_server.state.objects


@pytest.fixture(scope="module")
def usage(demo_company_server: SandboxServer) -> pl.DataFrame:
    assert demo_company_server.usage is not None
    return demo_company_server.usage.with_columns(month=pl.col("occurred_at").dt.strftime("%Y-%m"))


def month(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m}"


def customer_of(objects: Objects, account: str) -> dict[str, Any]:
    return next(one for one in objects["customer"].values() if one["metadata"].get("account_id") == account)


def test_the_same_seed_tells_the_same_story(demo_company_server: SandboxServer, usage: pl.DataFrame) -> None:
    """A second company of the same seed: object for object and event for event. Another seed is another company."""
    again, other = State(SEED), State(SEED + 1)
    second = build(again, DEMO_AS_OF).usage
    build(other, DEMO_AS_OF)

    # Reading through HTTP may have counted request ids, which are no objects.
    assert fingerprint(again)["sha256"] == fingerprint(demo_company_server.state)["sha256"]
    assert fingerprint(other)["sha256"] != fingerprint(again)["sha256"]
    hashes = [
        hashlib.sha256(frame.hash_rows().to_numpy().tobytes()).hexdigest() for frame in (second, usage.drop("month"))
    ]
    assert hashes[0] == hashes[1]


def test_sixty_customers_in_fourteen_months_on_four_plans(objects: Objects, usage: pl.DataFrame) -> None:
    assert len(objects["customer"]) == 60
    assert usage["month"].n_unique() == 14
    plans = {objects["product"][item["price"]["product"]]["name"] for item in objects["subscription_item"].values()}
    assert plans >= {"Starter", "Team", "Scale", "Enterprise"}


def test_every_usage_of_a_customer_is_of_one_that_stripe_knows(objects: Objects, usage: pl.DataFrame) -> None:
    """By `metadata.account_id`; the company's own tests belong to nobody."""
    known = {one["metadata"]["account_id"] for one in objects["customer"].values()}

    assert set(usage["customer_id"].unique()) - known == INTERNAL


def test_a_power_user_makes_40_percent_of_the_calls_and_10_percent_of_the_revenue(
    objects: Objects, usage: pl.DataFrame
) -> None:
    calls = usage.filter(pl.col("customer_id") == POWER_USER).height / usage.height
    paid: dict[str, int] = defaultdict(int)
    for invoice in objects["invoice"].values():
        if invoice["status"] == "paid":
            paid[invoice["customer"]] += invoice["total_excluding_tax"]

    assert 0.38 < calls < 0.42
    assert 0.08 < paid[customer_of(objects, POWER_USER)["id"]] / sum(paid.values()) < 0.12


def test_one_customer_lifts_the_bill_from_four_to_seven_thousand_dollars(usage: pl.DataFrame) -> None:
    """September to October 2026, by the price of each model's average call."""
    buckets = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens")
    per_model = (
        usage.filter(pl.col("month").is_in(["2026-09", "2026-10"]), pl.col("provider") != "acme")
        .group_by("month", "customer_id", "provider", "model")
        .agg(pl.len().alias("calls"), *(pl.col(bucket).sum() // pl.len() for bucket in buckets))
    )
    bill: dict[tuple[str, bool], int] = defaultdict(int)
    for row in per_model.iter_rows(named=True):
        average_call = Usage(
            input_tokens=row["input_tokens"],
            cache_read_tokens=row["cache_read_tokens"],
            cache_write_tokens=row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"],
            output_tokens=row["output_tokens"],
        )
        cost = calc_price(average_call, row["model"], provider_id=row["provider"]).total_price
        bill[row["month"], row["customer_id"] == JUMPER] += int(cost * row["calls"] * 100)

    def total(of_month: str) -> int:
        return bill[of_month, True] + bill[of_month, False]

    assert 380_000 < total("2026-09") < 440_000
    assert 670_000 < total("2026-10") < 730_000
    growth = total("2026-10") - total("2026-09")
    assert bill["2026-10", True] - bill["2026-09", True] > 0.9 * growth


def test_a_release_makes_one_customers_prompts_longer_from_twelve_days_ago_on(usage: pl.DataFrame) -> None:
    """The power user's agent has a key of its own; on 13 November at nine it begins to send its whole history. Nobody else does."""
    released = datetime.fromtimestamp(DEMO_AS_OF - 12 * DAY + 9 * 3_600, UTC)
    agent = (pl.col("customer_id") == POWER_USER) & (pl.col("feature") == "agent")
    recent = usage.filter(pl.col("occurred_at") >= released - timedelta(days=28), pl.col("feature") == "agent")
    size = recent.group_by(agent.alias("is_theirs"), (pl.col("occurred_at") >= released).alias("is_after")).agg(
        pl.col("input_tokens").mean()
    )
    mean = {(theirs, after): tokens for theirs, after, tokens in size.iter_rows()}

    assert set(usage.filter(agent)["api_key"]) == {"key_agent"}
    assert usage.filter(pl.col("api_key") == "key_agent", ~agent).is_empty()
    assert mean[True, True] > 3.5 * mean[True, False]
    assert 0.8 < mean[False, True] / mean[False, False] < 1.25


def test_the_log_of_one_provider_is_late_on_one_day(usage: pl.DataFrame) -> None:
    """On 22 November nothing of Perplexity's has come in, on the days around it some."""
    days = usage.filter(pl.col("provider") == "perplexity")["occurred_at"].dt.date().unique()
    late = datetime.fromtimestamp(DEMO_AS_OF - 3 * DAY, UTC).date()

    assert late not in set(days)
    assert {late - timedelta(days=1), late + timedelta(days=1)} <= set(days)


def test_the_runaway_agent_is_noticed_within_ten_days(usage: pl.DataFrame) -> None:
    """From 3 to 12 October; afterwards the jumping customer is what it was."""
    cost = usage.filter(pl.col("customer_id") == JUMPER, pl.col("month") == "2026-10")
    by_day = dict(cost.group_by(pl.col("occurred_at").dt.day().alias("day")).len().iter_rows())

    assert min(by_day[day] for day in range(3, 13)) > 200
    assert max(calls for day, calls in by_day.items() if day > 12) < 40


def test_about_2500_dollars_of_payments_fail_each_month_in_many_ways(objects: Objects) -> None:
    """The first try of each payment; the first months have less to fail."""
    failed: dict[str, int] = defaultdict(int)
    counted = set()
    reasons = set()
    for charge in objects["charge"].values():
        if charge["status"] == "failed":
            reasons.add(charge["outcome"]["reason"])
            if charge["payment_intent"] not in counted:
                counted.add(charge["payment_intent"])
                failed[month(charge["created"])] += charge["amount"]

    settled = [amount for of_month, amount in failed.items() if of_month >= "2026-01"]
    assert all(190_000 < amount < 290_000 for amount in settled)
    assert len(reasons) >= 8


def test_a_past_due_customer_still_burns_tokens(objects: Objects, usage: pl.DataFrame) -> None:
    customer = customer_of(objects, BURNER)
    [subscription] = [one for one in objects["subscription"].values() if one["customer"] == customer["id"]]
    newest = usage.filter(pl.col("customer_id") == BURNER)["occurred_at"].max()

    assert (subscription["status"], customer["delinquent"]) == ("past_due", True)
    assert newest.timestamp() > DEMO_AS_OF - DAY
    [open_invoice] = [
        one for one in objects["invoice"].values() if one["customer"] == customer["id"] and one["status"] == "open"
    ]
    assert open_invoice["attempt_count"] >= 2


def test_failed_payments_of_every_class_wait_to_be_recovered(objects: Objects) -> None:
    """Never again with this card, only with the customer's help, and later by itself."""
    intents = {one["invoice"]: one["payment"]["payment_intent"] for one in objects["invoice_payment"].values()}
    at_risk = {
        intents[one["id"]] for one in objects["invoice"].values() if one["status"] == "open" and one["attempted"]
    }

    reasons = {one["outcome"]["reason"] for one in objects["charge"].values() if one["payment_intent"] in at_risk}

    assert reasons >= {"stolen_card", "expired_card", "authentication_required", "insufficient_funds", "do_not_honor"}


def test_refund_requests_and_disputes_wait(objects: Objects) -> None:
    requests = [
        one
        for one in objects["charge"].values()
        if "refund_requested_at" in one["metadata"] and one["amount_refunded"] == 0 and one["status"] == "succeeded"
    ]
    waiting = [one for one in objects["dispute"].values() if one["status"].endswith("needs_response")]

    assert len(requests) >= 3
    deadlines = [one["evidence_details"]["due_by"] for one in waiting]
    assert len(waiting) == 4
    assert deadlines.count(None) == 1
    assert all(due_by > DEMO_AS_OF for due_by in deadlines if due_by is not None)
    assert any(one["enhanced_eligibility_types"] for one in waiting)
    assert {one["status"] for one in objects["dispute"].values()} >= {"won", "lost", "under_review"}
    assert sorted(one["actionable"] for one in objects["radar.early_fraud_warning"].values()) == [False, True]
    assert {one["status"] for one in objects["refund"].values()} == {"succeeded", "pending", "failed"}


def test_plans_change_upward_and_downward_in_mid_cycle(objects: Objects) -> None:
    """Each change leaves a credit for the time unused and a debit for the time that remains: up costs, down gives back."""
    changes: dict[tuple[str, int], list[int]] = defaultdict(list)
    for item in objects["invoiceitem"].values():
        if item["proration"]:
            changes[item["customer"], item["date"]].append(item["amount"])
            assert item["date"] < item["period"]["end"]

    assert all(min(parts) < 0 < max(parts) for parts in changes.values())
    assert sum(sum(parts) > 0 for parts in changes.values()) >= 5
    assert sum(sum(parts) < 0 for parts in changes.values()) >= 3


def test_a_model_has_no_price_and_two_currencies_taxes_and_credits_are_there(
    objects: Objects, usage: pl.DataFrame
) -> None:
    with pytest.raises(LookupError):
        calc_price(Usage(input_tokens=1), "acme-embed-v0")
    assert usage.filter(pl.col("model") == "acme-embed-v0").height > 1_000

    invoices = objects["invoice"].values()
    assert {one["currency"] for one in invoices} == {"usd", "eur"}
    assert {tax["tax_behavior"] for one in invoices for tax in one["total_taxes"]} == {"exclusive", "inclusive"}
    reductions = {part["type"] for one in invoices for part in one["total_pretax_credit_amounts"]}
    assert reductions == {"discount", "credit_balance_transaction"}


def test_usage_is_skewed_growing_and_quiet_at_weekends(usage: pl.DataFrame) -> None:
    by_customer = usage.filter(~pl.col("customer_id").is_in(INTERNAL)).group_by("customer_id").len()
    top_six = by_customer["len"].sort(descending=True).head(6).sum() / by_customer["len"].sum()
    days = usage.group_by(pl.col("occurred_at").dt.date().alias("day")).len()
    by_weekday = days.group_by(pl.col("day").dt.weekday().alias("weekday")).agg(pl.col("len").mean()).sort("weekday")
    monthly = usage.group_by("month").len().sort("month")["len"]
    models = usage.group_by("customer_id").agg(pl.col("model").n_unique())

    assert top_six > 0.55
    assert by_weekday["len"][5:].max() < 0.7 * by_weekday["len"][:5].min()
    assert monthly[12] > 2 * monthly[0]
    assert models["model"].median() >= 5
    assert (usage["cache_read_tokens"] <= usage["input_tokens"]).all()
    assert (usage["reasoning_tokens"] <= usage["output_tokens"]).all()


def test_the_balance_adds_up(objects: Objects) -> None:
    """Every row's net is its amount less its fees, and every paid charge has a row."""
    rows = objects["balance_transaction"]
    assert all(row["net"] == row["amount"] - row["fee"] for row in rows.values())
    assert all(row["fee"] == sum(part["amount"] for part in row["fee_details"]) for row in rows.values())
    assert {charge["balance_transaction"] for charge in objects["charge"].values() if charge["paid"]} <= set(rows)


def test_every_invoice_adds_up(objects: Objects) -> None:
    """Lines less discounts and credits plus taxes on top make the total; paid and remaining make what was due."""
    for invoice in objects["invoice"].values():
        lines = invoice["lines"]["data"]
        on_top = sum(tax["amount"] for tax in invoice["total_taxes"] if tax["tax_behavior"] == "exclusive")
        reduced = sum(part["amount"] for part in invoice["total_pretax_credit_amounts"])
        assert invoice["subtotal"] == sum(line["amount"] for line in lines)
        assert invoice["total"] == invoice["subtotal"] - reduced + on_top
        if invoice["status"] != "draft":
            assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"]
