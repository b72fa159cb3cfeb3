"""A small made-up company as plain rows of the warehouse's tables, its sums consistent from lines to months."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

Row = dict[str, Any]
AS_OF = datetime(2026, 11, 24)
MONTHS = [date(2025 + (9 + place) // 12, (9 + place) % 12 + 1, 1) for place in range(14)]
PLANS = {"Starter": 4_900, "Team": 29_000, "Scale": 149_000, "Enterprise": 690_000}
NAMES = (
    "Northwind Labs,Basalt Cloud,Vertex Legal,Beacon Foods,Halcyon Games,Sable Health,Juniper Bio,Quill Works,Prism Data,"
    "Lumen Retail,Harbor Media,Tundra Energy,Atlas Robotics,Fathom Maps,Granite Bank,Cobalt Travel,Marlow Music,Ember AI"
).split(",")
MODELS = (
    ("openai", "gpt-4o", 2_500_000, 10_000_000, 0.5),
    ("anthropic", "claude-sonnet-4-5", 3_000_000, 15_000_000, 0.35),
    ("google", "gemini-2.5-flash", 300_000, 2_500_000, 0.15),
)
BUCKETS = (
    "input_uncached_tokens,cache_read_tokens,cache_write_5m_tokens,cache_write_1h_tokens,input_audio_tokens,"
    "output_text_tokens,reasoning_tokens,output_audio_tokens,images,seconds,pages,search_requests,requests"
).split(",")
POWER_USER, SPIKER, LOSER, LATE_PAYER = 0, 7, 2, 4


@dataclass
class Company:
    """Rows by table name, in the warehouse's columns."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **row: Any) -> None:
        self.tables[table].append(row)


def make_company(seed: int = 7, names: Sequence[str] = NAMES) -> Company:
    """Customers of these names over 14 months: a power user, a spike, a loss-maker, a late payer, an unpriced model."""
    dice = random.Random(seed)
    company = Company()
    for place, name in enumerate(names):
        _customer(company, dice, place, name)
    _usage_of(company, dice, None, MONTHS[-1], 4_000_000, "acct_unknown")
    _prices(company)
    _failures(company, dice)
    _attention(company)
    company.add("freshness", source="stripe", last_success_at=AS_OF, latest_record_at=AS_OF, status="ok", message="")
    company.add(
        "freshness",
        source="usage",
        last_success_at=AS_OF - timedelta(hours=3),
        latest_record_at=AS_OF,
        status="ok",
        message="",
    )
    company.add(
        "meta", version=3, tenant_id="11111111-1111-1111-1111-111111111111", tenant_name="Synthetic company",
        reporting_currency="usd", published_at=AS_OF, as_of=AS_OF, definitions_version="2",
    )  # fmt: skip
    return company


def _customer(company: Company, dice: random.Random, place: int, name: str) -> None:
    plan = list(PLANS)[min(3, place % 5)] if place not in {POWER_USER} else "Team"
    customer_id, first = f"cus_{place:04d}", 0 if place % 3 else place % 6
    late = place == LATE_PAYER
    company.add(
        "customers", customer_id=customer_id, name=name, email=f"billing@{name.split(maxsplit=1)[0].lower()}.example", plan=plan,
        country=("US", "DE", "GB")[place % 3], currency="eur" if place == 5 else "usd",
        created_at=datetime.combine(MONTHS[first], datetime.min.time()), subscription_status="past_due" if late else "active",
        is_past_due=late, past_due_minor=58_000 if late else 0,
    )  # fmt: skip
    if place % 4 == 1:
        company.add(
            "plan_changes", customer_id=customer_id, changed_at=AS_OF - timedelta(days=60), from_plan="Starter", to_plan=plan,
            direction="upgrade", invoice_id=f"in_{place:04d}_09", amount_minor=12_000, currency="usd",
        )  # fmt: skip
    for number, month in enumerate(MONTHS[first:], first):
        _invoice_month(company, place, customer_id, plan, number, month)
        tokens = int(PLANS[plan] * 900 * dice.uniform(0.7, 1.3) * (0.6 + number * 0.05))
        tokens *= {POWER_USER: 14, LOSER: 6}.get(place, 1)
        if place == SPIKER and number == 11:
            tokens *= 40
        if number == 13:
            tokens = tokens * 23 // 30
        _usage_of(company, dice, customer_id, month, tokens, f"acct_{place:04d}")


def _invoice_month(company: Company, place: int, customer_id: str, plan: str, number: int, month: date) -> None:
    gross = PLANS[plan] * (23 if number == 13 else 30) // 30
    discount, refund = gross // 10 if place % 6 == 3 else 0, 4_900 if (place + number) % 17 == 0 else 0
    credit = 2_000 if place % 7 == 6 else 0
    fee = gross * 29 // 1000 + 30
    net = gross - discount - credit - refund
    invoice_id, number_text = f"in_{place:04d}_{number:02d}", f"SYN-{place:04d}-{number:02d}"
    end = month.replace(day=28)
    for basis in ("service", "invoiced"):
        company.add(
            "customer_month", month=month, customer_id=customer_id, basis=basis, gross_minor=gross, discounts_minor=discount,
            credits_minor=credit, refunds_minor=refund, disputes_minor=0, net_revenue_minor=net, fees_minor=fee,
        )  # fmt: skip
        for kind, amount in (
            ("line", gross),
            ("discount", discount),
            ("credit", credit),
            ("refund", refund),
            ("fee", fee),
        ):
            if amount:
                company.add(
                    "revenue_lines", month=month, customer_id=customer_id, basis=basis, kind=kind, invoice_id=invoice_id,
                    invoice_number=number_text, source_id=f"{kind[:2]}_{place:04d}{number:02d}", description=f"{plan} plan",
                    period_start=month, period_end=end, currency="usd", amount_minor=amount, rate_nano=1_000_000_000,
                    rate_date=month, reporting_minor=amount,
                )  # fmt: skip
    is_open = place == LATE_PAYER and number >= 12
    paid = 0 if is_open else net
    company.add(
        "invoices", invoice_id=invoice_id, number=number_text, customer_id=customer_id, status="open" if is_open else "paid",
        currency="usd", total_minor=net, total_excluding_tax_minor=net, amount_paid_minor=paid, amount_remaining_minor=net - paid,
        billing_reason="subscription_cycle", created_at=datetime.combine(month, datetime.min.time()),
        finalized_at=datetime.combine(month, datetime.min.time()), attempt_count=3 if is_open else 1, next_payment_attempt_at=None,
    )  # fmt: skip


def _usage_of(
    company: Company, dice: random.Random, customer_id: str | None, month: date, tokens: int, ref: str
) -> None:
    total, events_total = 0, 0
    for index, (provider, model, input_mtok, output_mtok, share) in enumerate(MODELS):
        size = int(tokens * share * dice.uniform(0.9, 1.1))
        buckets = dict.fromkeys(BUCKETS, 0) | {
            "input_uncached_tokens": size * 7 // 10, "cache_read_tokens": size // 10, "output_text_tokens": size // 5,
            "requests": max(1, size // 3_000),
        }  # fmt: skip
        cost = (
            buckets["input_uncached_tokens"] * input_mtok
            + buckets["cache_read_tokens"] * (input_mtok // 2)
            + buckets["output_text_tokens"] * output_mtok
        )
        total, events_total = total + cost, events_total + buckets["requests"]
        _cube_row(company, customer_id, ref, month, provider, model, index + 1, buckets, cost, None)
    unpriced = 0
    if customer_id in {"cus_0003", "cus_0009"} and month >= MONTHS[-3]:
        unpriced = 400
        buckets = dict.fromkeys(BUCKETS, 0) | {
            "input_uncached_tokens": 900_000,
            "output_text_tokens": 150_000,
            "requests": unpriced,
        }
        _cube_row(
            company,
            customer_id,
            ref,
            month,
            "internal",
            "house-7b",
            None,
            buckets,
            None,
            "no price entry for this model",
        )
    company.add(
        "customer_month_usage", month=month, customer_id=customer_id, events=events_total + unpriced, priced_events=events_total,
        unpriced_events=unpriced, tokens=tokens + (1_050_000 if unpriced else 0), unpriced_tokens=1_050_000 if unpriced else 0,
        cost_pico_usd=total,
    )  # fmt: skip


def _cube_row(
    company: Company, customer_id: str | None, ref: str, month: date, provider: str, model: str, price_id: int | None,
    buckets: dict[str, int], cost: int | None, reason: str | None,
) -> None:  # fmt: skip
    company.add(
        "usage_cube", day=month + timedelta(days=9), month=month, customer_id=customer_id, customer_ref=ref, provider=provider,
        model=model, feature="chat", service_tier="standard", price_id=price_id, events=buckets["requests"], **buckets,
        list_cost_pico_usd=cost, cost_pico_usd=cost, cost_source=None if cost is None else "catalogue",
        unpriced_reason=reason,
    )  # fmt: skip


def _prices(company: Company) -> None:
    for index, (provider, model, input_mtok, output_mtok, _) in enumerate(MODELS):
        prices = {f"{bucket}_pico_usd": None for bucket in BUCKETS} | {
            "input_uncached_tokens_pico_usd": input_mtok, "cache_read_tokens_pico_usd": input_mtok // 2,
            "output_text_tokens_pico_usd": output_mtok,
        }  # fmt: skip
        company.add(
            "price_entries", price_id=index + 1, price_key=f"{provider}/{model}", provider=provider, model=model,
            service_tier="standard", above_input_tokens=None, valid_from=datetime(2025, 1, 1), valid_to=None,
            tod_from_minute=None, tod_to_minute=None, **prices, source="genai-prices 0.2.3",
            source_url=f"https://{provider}.example/pricing", checked_on=date(2026, 10, 1),
        )  # fmt: skip


def _failures(company: Company, dice: random.Random) -> None:
    codes = (("insufficient_funds", "later"), ("expired_card", "needs_customer"), ("stolen_card", "never"))
    for month in MONTHS:
        for place, (code, kind) in enumerate(codes):
            amount = dice.randrange(40_000, 120_000)
            company.add(
                "failed_payments", month=month, customer_id=f"cus_{place + 3:04d}", invoice_id=f"in_{place + 3:04d}_05",
                currency="usd", amount_minor=amount, reporting_minor=amount, decline_code=code, decline_class=kind,
                failed_at=datetime.combine(month, datetime.min.time()), is_recovered=kind == "later",
            )  # fmt: skip


def _attention(company: Company) -> None:
    rows = (
        (
            "refund_request",
            "cus_0006",
            "re_0006",
            "Juniper Bio asks for a refund",
            29_000,
            "requested_by_customer",
            None,
        ),
        ("dispute", "cus_0010", "dp_0010", "Harbor Media disputes a charge", 29_000, "product_not_received", 9),
        (
            "past_due_burn",
            "cus_0004",
            "cus_0004",
            "Halcyon Games is past due and still burning",
            58_000,
            "$312.40 in 30 days",
            None,
        ),
        ("unpriced", None, "internal/house-7b", "internal/house-7b has no price", None, "2,400 events", None),
        ("unattributed", None, "acct_unknown", "acct_unknown belongs to no customer", 1_250, "1,333 events", None),
    )
    for kind, customer_id, subject, title, amount, detail, due in rows:
        company.add(
            "attention", kind=kind, customer_id=customer_id, subject_id=subject, title=title, amount_minor=amount, detail=detail,
            at=AS_OF - timedelta(days=3), due_by=None if due is None else AS_OF + timedelta(days=due),
        )  # fmt: skip
