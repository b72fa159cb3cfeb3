"""The limit stays where it is for up to three thousand series, and grows by half a point for each ten times as many."""

import pytest

from pricing.anomaly_limits import least_score


@pytest.mark.parametrize(("series", "score"), [(0, 1.0), (12, 1.0), (3_000, 1.0), (30_000, 1.5), (300_000, 2.0)])
def test_many_series_ring_no_oftener_than_three_thousand(series: int, score: float) -> None:
    assert least_score(series) == pytest.approx(score)
