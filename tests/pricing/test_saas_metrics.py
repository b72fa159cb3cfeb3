"""Figures of a subscription business with their arithmetic; what divides by nothing is not defined."""

from datetime import date
from fractions import Fraction

from pricing import saas_metrics as metrics
from pricing.metric_definitions import METRICS, definition
from pricing.mrr import Movement
from pricing.saas_metrics import Churn, MrrMonth


def month(mrr_minor: int | None = 1000_00, customers: int = 10, **moved: tuple[int, int]) -> MrrMonth:
    """A month with its movements as (minor units, customers)."""
    names: dict[Movement, tuple[int, int]] = moved  # type: ignore[assignment] # tests name movements only
    return MrrMonth(
        month=date(2026, 10, 1),
        mrr_minor=mrr_minor,
        customers=customers,
        moved_minor={name: minor for name, (minor, _) in names.items()},
        moved_customers={name: count for name, (_, count) in names.items()},
    )


def test_arr_and_arpa() -> None:
    """1,000.00 of 10 customers: 12,000.00 a year, 100.00 each."""
    assert (metrics.arr(month()), metrics.arpa(month())) == (12_000_00, 100_00)
    assert (metrics.arr(month(None)), metrics.arpa(month(None)), metrics.arpa(month(0, 0))) == (None, None, None)


def test_quick_ratio_is_what_came_over_what_went_without_who_came_back() -> None:
    """(200 + 100) / (50 + 100) = 2; 400 of reactivation is beside it."""
    moved = month(
        new=(200_00, 2), expansion=(100_00, 1), reactivation=(400_00, 1), contraction=(-50_00, 1), churn=(-100_00, 1)
    )
    assert metrics.quick_ratio(moved) == 2
    assert metrics.quick_ratio(month(new=(200_00, 2))) is None


def test_churn_counts_three_months_and_ltv_divides_by_it() -> None:
    """10 customers after 2 came and 1 left: 9 before; 1 of 9, three times: 3 / 27. 100.00 x 60 % x 9 = 540.00."""
    lost = metrics.churn([month(new=(200_00, 2), churn=(-100_00, 1))] * 4)
    assert lost == Churn(3, 27)
    assert metrics.ltv(100_00, Fraction(60, 100), lost) == 540_00
    assert metrics.ltv(100_00, Fraction(60, 100), Churn(0, 27)) is None
    assert metrics.ltv(100_00, None, lost) is None
    assert Churn(0, 0).share is None


def test_usage_run_rate_is_the_mean_of_three_closed_months() -> None:
    assert metrics.usage_run_rate([999_00, 100_00, 110_00, 120_00]) == 110_00
    assert metrics.usage_run_rate([100_00, 110_00]) is None
    assert metrics.usage_run_rate([100_00, None, 120_00]) is None


def test_concentration_is_the_share_of_the_biggest() -> None:
    assert metrics.top_share([50, 30, 20], 1) == Fraction(1, 2)
    assert metrics.top_share([50, 30, 20], 5) == 1
    assert metrics.top_share([], 1) is metrics.top_share([0, 0], 1) is None


def test_what_ai_costs_of_revenue_and_brings_for_its_cost() -> None:
    assert metrics.cost_share(25_00, 100_00) == Fraction(1, 4)
    assert metrics.inference_efficiency(25_00, 100_00) == 4
    assert metrics.cost_share(25_00, 0) is metrics.cost_share(None, 1) is None
    assert metrics.inference_efficiency(0, 100_00) is metrics.inference_efficiency(1, None) is None


def test_power_users_are_the_fewest_who_make_half_of_the_calls() -> None:
    """600 of 1,000 calls by one who pays 10 of 100."""
    found = metrics.power_users([(600, 10), (300, 40), (100, 50)])
    assert found is not None
    assert (found.customers, found.of_customers) == (1, 3)
    assert (found.calls_share, found.revenue_share) == (Fraction(3, 5), Fraction(1, 10))
    assert metrics.power_users([]) is metrics.power_users([(0, 5)]) is None


def test_every_figure_has_one_definition_with_a_version() -> None:
    keys = [metric.key for metric in METRICS]
    assert len(set(keys)) == len(keys)
    assert all(metric.version and metric.formula and definition(metric.key) is metric for metric in METRICS)
    assert definition("nrr").label == "NRR \u00b7 v1"
