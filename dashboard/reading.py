"""dev"""

import sys

sys.path.insert(0, "/tmp/dash/dev")
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import fake
import polars as pl
import streamlit as st

from dashboard import charts, shell
from dashboard.months import Month
from dashboard.overview_attention import Item
from pricing.money import pico_usd_to_minor


@dataclass(frozen=True)
class Reading:
    warehouse: Any
    version: int
    tenant_id: str
    tenant_name: str
    currency: str
    as_of: datetime
    published_at: datetime


@dataclass(frozen=True)
class Customer:
    customer_id: str
    name: str
    email: str
    plan: str
    country: str
    created_at: datetime
    subscription_status: str
    is_past_due: bool
    past_due_minor: int
    flags: tuple


@dataclass(frozen=True)
class Jump:
    before: date
    after: date
    before_minor: int
    after_minor: int
    customer_id: str
    customer_name: str
    customer_rise_minor: int


@dataclass(frozen=True)
class Explained:
    revenue: pl.DataFrame
    usage: pl.DataFrame


def published_version():
    return 3


def current():
    w = fake.open_warehouse(None, "t")
    return Reading(w, w.version, "t", w.tenant_name, "usd", w.as_of, w.published_at)


def is_phone():
    return "Mobi" in st.context.headers.get("User-Agent", "")


_kept = {}


def kept_figure(key, make):
    if key not in _kept:
        _kept[key] = make()
    return _kept[key]


def _months(frame, as_of):
    out = []
    for r in frame.iter_rows(named=True):
        z = lambda k: r[k] or 0
        net = z("net_revenue_minor")
        cost = pico_usd_to_minor(z("cost_pico_usd"))
        tok = z("tokens")
        un = z("unpriced_tokens")
        share = Fraction(net - cost, net) if net else None
        high = share
        low = Fraction(net - cost - (cost * un // max(1, tok - un)), net) if net else None
        out.append(
            Month(
                r["month"],
                z("gross_minor"),
                z("discounts_minor"),
                z("credits_minor"),
                z("refunds_minor"),
                z("disputes_minor"),
                net,
                z("fees_minor"),
                cost,
                share,
                low,
                high,
                1 - Fraction(un, tok) if tok else None,
                Fraction(r.get("attributed_pico_usd") or 0, r["cost_pico_usd"])
                if r.get("cost_pico_usd") and "attributed_pico_usd" in r
                else None,
                r["month"] >= as_of.date().replace(day=1),
            )
        )
    return tuple(out)


def months(c, basis):
    return _months(fake.company_months(c.warehouse, basis), c.as_of)


def customer_months(c, cid, basis):
    return _months(fake.customer_months(c.warehouse, basis, cid), c.as_of)


def trend_points(ms):
    return [
        charts.TrendMonth(
            m.month,
            m.net_revenue_minor,
            m.cost_minor,
            *(float(x) if x is not None else None for x in (m.share, m.low, m.high)),
            m.is_partial,
        )
        for m in ms
    ]


def customers(c, basis, start, end):
    all_ = fake.customer_months(c.warehouse, basis)
    cs = {r["customer_id"]: r for r in fake.customers(c.warehouse).iter_rows(named=True)}
    by = {}
    for r in all_.iter_rows(named=True):
        by.setdefault(r["customer_id"], {})[r["month"]] = r
    rows = []
    prev = (start.replace(day=1) - __import__("datetime").timedelta(days=1)).replace(day=1)
    ms = sorted({m for v in by.values() for m in v if m <= end})[-12:]
    for cid, v in by.items():
        r = v.get(start)
        if r is None:
            continue
        net = r["net_revenue_minor"] or 0
        cost = pico_usd_to_minor(r["cost_pico_usd"] or 0)
        share = (net - cost) / net if net else None
        p = v.get(prev)
        ps = None
        if p and p["net_revenue_minor"]:
            ps = (p["net_revenue_minor"] - pico_usd_to_minor(p["cost_pico_usd"] or 0)) / p["net_revenue_minor"]
        k = cs[cid]
        state = []
        if net - cost < 0:
            state.append("Losing money")
        if k["is_past_due"]:
            state.append("Past due")
        if r["unpriced_tokens"]:
            state.append("Unpriced usage")
        rows.append(
            dict(
                customer_id=cid,
                name=k["name"],
                email=k["email"],
                plan=k["plan"],
                is_past_due=k["is_past_due"],
                net_revenue_minor=net,
                cost_minor=cost,
                gross_profit_minor=net - cost,
                share=share,
                share_move=share - ps if share is not None and ps is not None else None,
                events=r["events"] or 0,
                cost_series=[pico_usd_to_minor((v.get(m) or {}).get("cost_pico_usd") or 0) / 100 for m in ms],
                state=", ".join(state),
            )
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def attention(c):
    return [
        Item(r["kind"], r["customer_id"], r["title"], r["detail"], r["amount_minor"], r["at"], r["due_by"])
        for r in fake.attention(c.warehouse).iter_rows(named=True)
    ]


def failed_payments(c):
    return fake.failed(c.warehouse)


def biggest_jump(c, ms):
    best = None
    for a, b in zip(ms, ms[1:]):
        if b.cost_minor > a.cost_minor and (
            best is None or b.cost_minor - a.cost_minor > best[1].cost_minor - best[0].cost_minor
        ):
            best = (a, b)
    if not best:
        return None
    x = {r["customer_id"]: r for r in customers(c, "service", best[0].month, best[0].month).iter_rows(named=True)}
    y = customers(c, "service", best[1].month, best[1].month)
    rows = sorted(
        ((r["cost_minor"] - (x.get(r["customer_id"], {}).get("cost_minor", 0)), r) for r in y.iter_rows(named=True)),
        key=lambda t: -t[0],
    )
    return Jump(
        best[0].month,
        best[1].month,
        best[0].cost_minor,
        best[1].cost_minor,
        rows[0][1]["customer_id"],
        rows[0][1]["name"],
        rows[0][0],
    )


def customers_page():
    return st.session_state["_pages"]["customers"]


def freshness_line(c):
    shell.freshness(
        [(r["source"], r["last_success_at"], r["status"]) for r in fake.freshness(c.warehouse).iter_rows(named=True)],
        published_at=c.published_at,
        version=c.version,
        now=c.as_of,
    )


def customer(c, cid):
    f = fake.customers(c.warehouse).filter(pl.col("customer_id") == cid)
    if not f.height:
        return None
    r = f.row(0, named=True)
    return Customer(
        r["customer_id"],
        r["name"],
        r["email"],
        r["plan"],
        r["country"],
        r["created_at"],
        r["subscription_status"],
        r["is_past_due"],
        r["past_due_minor"],
        (),
    )


def invoices(c, cid):
    return fake.invoices(c.warehouse, cid)


def plan_changes(c, cid):
    return fake.plan_changes(c.warehouse, cid)


def models(c, cid):
    return fake.models(c.warehouse, cid)


def why(c, cid, m, basis):
    return Explained(*fake.why(c.warehouse, cid, m, basis))
