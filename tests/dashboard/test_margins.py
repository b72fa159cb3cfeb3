"""The Margins page on the synthetic company: one sentence first, parts that sum as shown, any two periods by their address."""

import csv
import io
from fractions import Fraction
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import cohort_table, margin_exports, margin_reading, margin_words, reading
from pricing.bridge_story import Finding
from pricing.margin_bridge import PARTS
from pricing.named_periods import named
from store import warehouse_reads
from store.warehouse_metric_reads import CohortMonth
from tests.dashboard.conftest import RunPage
from tests.dashboard.published import TENANT_ID, publish_company
from tests.dashboard.synthetic_company import make_company
from tests.dashboard.test_pages import metrics, words
from tests.store.warehouse_rows import NOVEMBER, OCTOBER, publish_tables, revenue


def margins_page() -> None:
    """The page without the navigation around it."""
    from dashboard import margins

    margins.draw()


def pinned(home: Path) -> reading.Reading:
    warehouse = warehouse_reads.open_current(home, TENANT_ID)
    assert warehouse is not None
    return reading.Reading(warehouse)


def table(app: AppTest, column: str) -> list[dict[str, str]]:
    """The first table with that column, as texts."""
    frame = next(frame.value for frame in app.dataframe if column in frame.value.columns)
    return [{str(name): str(value) for name, value in row.items()} for row in frame.to_dict("records")]


def tenths(text: str) -> int:
    return round(float(text.removesuffix(" pp").replace("\u2212", "-")) * 10)


def test_one_sentence_says_what_moved_the_margin(run_page: RunPage, synthetic_home: Path) -> None:
    said = words(run_page(synthetic_home, margins_page))
    assert "**Gross margin" in said
    assert "from September 2026 to October 2026:** " in said
    assert "pp)" in said


def test_the_parts_sum_to_the_change_as_they_are_shown(run_page: RunPage, synthetic_home: Path) -> None:
    app = run_page(synthetic_home, margins_page)
    *parts, change = table(app, "part")
    assert change["part"] == "Change"
    assert sum(tenths(row["points"]) for row in parts) == tenths(change["points"])
    tile = next(metric for metric in app.metric if metric.label == "Gross margin (AI usage only)")
    assert tenths(tile.delta) == tenths(change["points"])
    money = [row["profit"].replace("$", "").replace(",", "").replace("\u2212", "-") for row in (*parts, change)]
    assert sum(map(float, money[:-1])) == pytest.approx(float(money[-1]))


def test_the_address_names_the_periods_the_basis_and_the_part(run_page: RunPage, synthetic_home: Path) -> None:
    app = run_page(
        synthetic_home, margins_page, **{"from": "Q1 2026", "to": "Q2 2026", "part": "Usage volume", "unit": "Money"}
    )
    said = words(app)
    assert "from Q1 2026 to Q2 2026" in said
    assert margin_words.PARTS["usage_volume"][1] in said
    assert next(each for each in app.metric if each.label == "Gross profit").delta.startswith(("+", "\u2212"))


def test_a_period_that_is_none_shows_the_default(run_page: RunPage, synthetic_home: Path) -> None:
    said = words(run_page(synthetic_home, margins_page, to="'; drop table meta", by="Nonsense"))
    assert "from September 2026 to October 2026" in said


def test_every_tab_can_be_opened_by_its_address(run_page: RunPage, synthetic_home: Path) -> None:
    for tab, column in (("Plans", "Plan"), ("Models", "Model"), ("Features", "Feature")):
        app = run_page(synthetic_home, margins_page, by=tab)
        rows = table(app, "customers")
        assert rows, column
    cohorts = run_page(synthetic_home, margins_page, by="Cohorts")
    assert "Do customers get cheaper to serve" in words(cohorts)
    segments = run_page(synthetic_home, margins_page, by="Segments", segment_by="Country")
    assert {row["name"] for row in table(segments, "customers")} >= {"US", "DE", "GB"}


def test_figures_name_their_definition_and_what_they_are_made_of(run_page: RunPage, synthetic_home: Path) -> None:
    app = run_page(synthetic_home, margins_page)
    shown = metrics(app)
    held = [
        row for row in make_company().tables["customer_month"] if row["basis"] == "service" and row["month"] == OCTOBER
    ]
    assert shown["MRR"] == f"${round(sum(row['gross_minor'] for row in held) / 100 / 1000, 1)}K"
    assert shown["NRR, 12 months"] == shown["GRR, 1 month"] == "100.0%"
    assert shown["LTV"] == "\u2014"  # nobody has churned
    helped = next(metric for metric in app.metric if metric.label == "NRR, 12 months").help
    assert "Definition v1, since 29 Nov 2026" in helped
    assert "n = 15 customers" in helped
    assert "**NRR \u00b7 v1**" in words(app)


def test_revenue_without_a_rate_is_said_and_leaves_no_bridge(run_page: RunPage, tmp_path: Path) -> None:
    stream = {"customer_id": "cus_a", "basis": "service", "stream": "plan", "product": "", "currency": "eur"}
    stream |= {"quantity_micro": 10**6, "amount_minor": 10_00}
    months = [OCTOBER.replace(month=9), OCTOBER]
    publish_tables(
        tmp_path,
        {
            "customer_month": [revenue(months[0], "cus_a", 10_00), revenue(months[1], "cus_a", None)],
            "month_streams": [
                stream | {"month": month, "reporting_minor": 10_00 if month.month == 9 else None} for month in months
            ],
        },
        slug="demo",
    )
    app = run_page(tmp_path, margins_page)
    assert "no exchange rate" in words(app)
    assert metrics(app)["Gross profit"] == "\u2014"


def test_one_closed_month_is_not_enough_and_says_so(run_page: RunPage, tmp_path: Path) -> None:
    publish_tables(tmp_path, {"customer_month": [revenue(OCTOBER, "a", 1), revenue(NOVEMBER, "a", 1)]}, slug="demo")
    assert "Not two closed months yet" in words(run_page(tmp_path, margins_page))


def test_nothing_published_says_what_to_do(run_page: RunPage, tmp_path: Path) -> None:
    assert "No margins published yet" in words(run_page(tmp_path, margins_page))


def test_the_export_holds_every_part_and_cause_and_their_version(synthetic_home: Path) -> None:
    current = pinned(synthetic_home)
    before, after = named("2026-09"), named("2026-10")
    moved = margin_reading.moved(current, before, after, "service")
    rows = list(csv.DictReader(io.StringIO(margin_exports.bridge_csv(current, moved, before, after, "service"))))
    steps = [row for row in rows if row["revenue"]]
    assert [row["part"] for row in steps] == list(PARTS)
    profits = [period.net_revenue_minor - period.cost_minor for period in (moved.before, moved.after)]  # type: ignore[operator] # all is known here
    assert round(sum(float(row["gross_profit"]) for row in steps) * 100) == profits[1] - profits[0]
    causes = [row for row in rows if not row["revenue"]]
    assert len(causes) > len(steps)
    assert {(row["definition"], row["definition_version"]) for row in rows} == {("margin_bridge", "1")}
    figures = list(csv.DictReader(io.StringIO(margin_exports.metrics_csv(current, moved, after))))
    assert {row["metric"] for row in figures} >= {"MRR", "NRR, 12 months", "Quick ratio"}


def test_a_customers_name_is_data_on_the_page_and_in_the_export(run_page: RunPage, tmp_path: Path) -> None:
    company = make_company()
    for customer in company.tables["customers"]:
        customer["name"] = "=1+1 **Bold** <img src=x> $1"
    assert publish_company(tmp_path, company).is_published
    said = next(each.value for each in run_page(tmp_path, margins_page).markdown if "Gross margin" in each.value)
    assert "\\*\\*Bold\\*\\* \\<img src=x\\>" in said.replace("\\=", "=")
    current = pinned(tmp_path)
    moved = margin_reading.moved(current, named("2026-09"), named("2026-10"), "service")
    text = margin_exports.bridge_csv(current, moved, named("2026-09"), named("2026-10"), "service")
    names = {row["customer"] for row in csv.DictReader(io.StringIO(text))}
    assert names == {"", "'=1+1 **Bold** <img src=x> $1"}


def test_findings_are_worded_by_what_happened() -> None:
    def finding(part: str, profit: int, subject: str | None = None, customers: int = 1) -> Finding:
        return Finding(
            part=part, customer_id="cus_a", subject=subject, customers=customers, profit_minor=Fraction(profit),  # type: ignore[arg-type] # tests name parts only
            points=Fraction(profit, 100_00),
        )  # fmt: skip

    names = {"cus_a": "Northwind"}
    told = [
        finding("model_mix", -240, "anthropic/claude-opus-5"),
        finding("cache_rate", -90),
        finding("customers_gained", 50, customers=3),
    ]
    assert margin_words.reasons(told, names, "usd") == (
        "Northwind's move to claude-opus-5 (\u22122.4 pp) and less caching at Northwind (\u22120.9 pp), "
        "against 3 customers gained (+0.5 pp)"
    )
    twice = [finding("usage_volume", -500), finding("model_mix", -240, "anthropic/claude-opus-5")]
    assert margin_words.reasons(twice, {"cus_a": "Halcyon Freightways"}, "usd") == (
        "Halcyon Freightways' heavier usage (\u22125.0 pp) and move to claude-opus-5 (\u22122.4 pp)"
    )
    assert margin_words.stream_name("usage \u00b7 Scale tokens \u00b7 USD") == "Usage: Scale tokens (USD)"
    assert margin_words.stream_name("plan \u00b7 EUR") == "Plans (EUR)"
    assert margin_words.cause(finding("token_price", -1, "openai/gpt-5"), names) == "a dearer gpt-5"
    assert margin_words.reasons([], names, "usd") == "nothing moved it by more than a trace"


def test_a_cohorts_cells_say_the_margin_and_what_it_is_made_of() -> None:
    """40.00 of 100.00 is left; in the next month nothing was sold; the color goes from the lowest margin to the highest."""
    rows = [
        CohortMonth(cohort=OCTOBER, month=OCTOBER, customers=2, net_revenue_minor=100_00, cost_minor=60_00),
        CohortMonth(cohort=OCTOBER, month=NOVEMBER, customers=1, net_revenue_minor=0, cost_minor=5_00),
        CohortMonth(cohort=NOVEMBER, month=NOVEMBER, customers=1, net_revenue_minor=10_00, cost_minor=12_00),
    ]
    drawn = cohort_table.table({OCTOBER: rows[:2], NOVEMBER: rows[2:]}, "usd")
    assert "October 2026: $100 net revenue, $60.00 AI cost, 2 customers" in drawn
    assert f"{cohort_table.STRONGEST}%,transparent" in drawn
    assert ">40%</td>" in drawn
    assert ">\u221220%</td>" in drawn
    assert '<td class="none">\u2014</td>' in drawn
