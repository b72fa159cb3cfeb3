"""An event's cost is told unit by unit, and the lines add up to it."""

from pricing.cost_lines import CostLine, cost_lines
from pricing.price_entry import PriceEntry, quote


def test_each_used_unit_is_a_line_and_the_lines_add_up_to_the_quote() -> None:
    """$2.50 a million input, $10 a million output: 1,200 x 2.5 M + 300 x 10 M pico-USD = $0.003 + $0.003."""
    entry = PriceEntry(
        provider="openai",
        model="gpt-4o",
        unit_pico_usd={"input_uncached_tokens": 2_500_000, "output_text_tokens": 10_000_000},
    )
    used = {"input_uncached_tokens": 1_200, "cache_read_tokens": 0, "output_text_tokens": 300}
    lines = cost_lines(used, entry.unit_pico_usd)
    assert lines == [
        CostLine("input_uncached_tokens", 1_200, 2_500_000, 3_000_000_000),
        CostLine("output_text_tokens", 300, 10_000_000, 3_000_000_000),
    ]
    assert sum(line.cost_pico_usd or 0 for line in lines) == quote(entry, used)


def test_a_unit_without_a_price_is_unknown_and_never_free() -> None:
    assert cost_lines({"images": 2}, {"input_uncached_tokens": 1}) == [CostLine("images", 2, None, None)]
