"""The figures of the Spikes page: what was unusual is marked by more than a color, the small line and the bars say their amounts."""

from base64 import b64decode
from datetime import date, timedelta
from fractions import Fraction
from re import findall

import pytest

from dashboard.spike_charts import Axis, ChartDay, days, spark
from dashboard.spike_split import Part, table

DAY = date(2026, 11, 24)
DOLLARS = Axis(prefix="$")


def chart_days(*actuals: float | None, unusual: int = 1, banded: bool = True) -> list[ChartDay]:
    """Days up to the 24th, expected at 100 between 85 and 115; the last ones are unusual."""
    return [
        ChartDay(
            day=DAY - timedelta(days=len(actuals) - 1 - place),
            actual=actual,
            expected=100.0,
            lower=85.0 if banded else None,
            upper=115.0 if banded else None,
            is_unusual=place >= len(actuals) - unusual,
            is_running=False,
            words=f"day {place}: {actual}",
        )
        for place, actual in enumerate(actuals)
    ]


def test_unusual_days_are_strong_shaded_and_labelled() -> None:
    figure = days(chart_days(98, 103, 96, 240, 312, unusual=2), DOLLARS, "AI cost a day", "+$352 in 2 days")
    (bars,) = [trace for trace in figure.data if trace.type == "bar"]
    assert list(bars.y) == [98, 103, 96, 240, 312]
    assert list(bars.marker.opacity) == [0.4, 0.4, 0.4, 1.0, 1.0]
    (shade,) = figure.layout.shapes
    assert (shade.x0, shade.x1) == ("2026-11-22T12:00:00", "2026-11-24T12:00:00")
    assert [note.text for note in figure.layout.annotations if "<b>" in note.text] == ["<b>+$352 in 2 days</b>"]
    assert figure.layout.yaxis.range[1] > 312  # the label has room above the highest bar
    assert figure.layout.yaxis.tickprefix == "$"


def test_the_band_lies_between_lower_and_upper_and_is_named_in_the_key() -> None:
    figure = days(chart_days(98, 300), DOLLARS, "AI cost a day", "")
    upper, lower = [trace for trace in figure.data if trace.type == "scatter" and trace.line.width == 0]
    assert (list(upper.y), list(lower.y), lower.fill) == ([115, 115], [85, 85], "tonexty")
    key = next(note.text for note in figure.layout.annotations if "AI cost a day" in note.text)
    assert "its usual range, shaded" in key


def test_a_rate_without_a_band_claims_none() -> None:
    figure = days(chart_days(1.2, 3.1, banded=False), Axis(suffix="%"), "Refund rate", "+1.1 pp")
    key = next(note.text for note in figure.layout.annotations if "Refund rate" in note.text)
    assert "shaded" not in key
    assert figure.layout.yaxis.ticksuffix == "%"


def test_an_unknown_day_is_a_gap_and_no_zero() -> None:
    figure = days(chart_days(98, None, 300), DOLLARS, "AI cost a day", "")
    (bars,) = [trace for trace in figure.data if trace.type == "bar"]
    assert bars.y[1] is None


def test_words_of_a_subject_are_data_in_the_figure() -> None:
    day = ChartDay(DAY, 1.0, 1.0, None, None, is_unusual=True, is_running=False, words="<b>x</b> & y")
    figure = days([day], DOLLARS, "AI cost a day", "<img src=x>")
    assert figure.data[2].customdata[0] == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert any("&lt;img src=x&gt;" in note.text for note in figure.layout.annotations)


def test_the_small_line_ends_in_a_dot_at_the_last_day() -> None:
    """92 by 26 with an edge of 3: from (3, 13) at half the height to (89, 3) at the top."""
    drawn = spark([50, None, 100], words="The last days of <Acme>")
    assert 'alt="The last days of &lt;Acme&gt;"' in drawn
    (source,) = findall(r"base64,([^\"]+)", drawn)
    svg = b64decode(source).decode()
    assert 'points="3.0,13.0 89.0,3.0"' in svg
    assert '<circle cx="89.0" cy="3.0"' in svg


@pytest.mark.parametrize("values", [(), (5,), (None, 5), (None, None)])
def test_less_than_two_days_make_no_line(values: tuple[int | None, ...]) -> None:
    assert spark(values, words="x") == ""


def test_bars_to_the_right_make_it_more_and_to_the_left_less() -> None:
    """$215 more, $22 less: the zero lies at 22/237 of the track, and both bars are measured by the same 237."""
    drawn = table([Part("More usage", 215, "+$215.00"), Part("Cache", -22, "\u2212$22.00")], "+$193.00", caption="Why")
    more, less = findall(r'class="fill (\w+)" style="left:([\d.]+)%;width:([\d.]+)%"', drawn)
    zero = Fraction(2200, 237)
    assert more == ("more", f"{float(zero):.2f}", f"{float(100 - zero):.2f}")
    assert less == ("less", "0.00", f"{float(zero):.2f}")
    assert '<tr class="sum"><th scope="row">Together</th><td></td><td class="amount">+$193.00</td></tr>' in drawn


def test_names_in_the_table_are_data() -> None:
    drawn = table([Part("<script>", 1, "+$0.01")], "+$0.01", caption='by "key"')
    assert "<script>" not in drawn
    assert 'aria-label="by &quot;key&quot;"' in drawn


def test_a_difference_of_nothing_is_drawn_without_bars() -> None:
    assert "fill" not in table([Part("More usage", 0, "$0.00")], "$0.00", caption="Why").split("</style>")[1]
