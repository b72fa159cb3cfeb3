"""Every color that a figure may be drawn in has its counterpart, and the rules follow the theme that is configured."""

import re
import tomllib
from pathlib import Path

from dashboard import theme_switch

THEME = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]


def test_a_drawn_color_is_found_in_either_spelling_and_given_its_counterpart() -> None:
    (fill, stroke, key) = (
        rule for rule in theme_switch.rules(["#4F46E5"], ["#7C83FF"]).splitlines() if "#4F46E5" in rule
    )
    assert fill == (
        '.js-plotly-plot [style*="fill: rgb(79, 70, 229)"],.js-plotly-plot [style*="fill: rgb(124, 131, 255)"]'
        "{fill:light-dark(#4F46E5,#7C83FF)!important}"
    )
    assert "stroke: rgb(79, 70, 229)" in stroke
    assert 'tspan[style*="fill:#4F46E5"]' in key


def test_the_themes_colors_are_told_apart_by_their_rules() -> None:
    """One color in two pairs would leave it to the order of the rules which counterpart it gets."""
    pairs = list(zip(*(THEME[name]["chartCategoricalColors"] for name in ("light", "dark")), strict=True))
    colors = [color for pair in (*pairs, *theme_switch.TEXT) for color in pair]
    assert len(colors) == len(set(colors))
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in colors)


def test_muted_text_has_no_rule_for_strokes_because_the_light_grid_has_its_dark_color() -> None:
    rules = theme_switch.rules([], [])
    assert "fill: rgb(230, 234, 241)" in rules
    assert "stroke" not in rules
