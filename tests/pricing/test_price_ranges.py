"""What has no price may cost what its provider lists; over hundreds of simulated companies the band holds the truth."""

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache

from pricing.margin import UsageCost, margin
from pricing.money import NANO
from pricing.price_book import PriceEntry, listed_prices, load_catalogue
from pricing.price_ranges import PriceRange, PriceRanges, bounds_pico_usd, price_ranges

OCTOBER = date(2026, 10, 1)
MILLION = 10**6
SOLD_BY = ("openai", "anthropic", "google", "mistral", "perplexity", "x-ai", "groq")


def entry(model: str, price: int, *, provider: str = "openai", **given: object) -> PriceEntry:
    fields: dict[str, object] = {"unit_pico_usd": {"input_uncached_tokens": price}} | given
    return PriceEntry(provider=provider, model=model, **fields)  # type: ignore[arg-type] - the test names the fields it means


def test_the_range_is_from_the_fifth_to_the_ninety_fifth_percentile_and_both_are_listed() -> None:
    """41 prices: 5 % and 95 % of 40 are places 2 and 38. 4 prices: between places the outer one, 0 and 3."""
    prices = [entry(f"m{price}", price) for price in range(100, 4_200, 100)]
    assert price_ranges(prices, OCTOBER)["input_uncached_tokens"] == PriceRange(300, 3_900)
    assert price_ranges(prices[:4], OCTOBER)["input_uncached_tokens"] == PriceRange(100, 400)


def test_only_prices_of_the_month_count_and_surcharges_for_length_do_not() -> None:
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    entries = [
        entry("ended", 1, valid_to=start),
        entry("began", 2, valid_to=datetime(2026, 10, 2, tzinfo=UTC)),
        entry("later", 3, valid_from=end),
        entry("long", 4, above_input_tokens=200_000),
    ]
    assert price_ranges(entries, OCTOBER)["input_uncached_tokens"] == PriceRange(2, 2)


def test_a_provider_that_lists_no_price_for_a_unit_gets_everybodys() -> None:
    """OpenAI lists no page; an unknown provider gets everybody's tokens; a second is listed by nobody; a request costs nothing."""
    ranges = PriceRanges(
        listed_prices(
            [
                entry("a", 10),
                entry("b", 30, provider="mistral", unit_pico_usd={"input_uncached_tokens": 30, "pages": 7}),
            ]
        )
    )
    assert ranges.of("openai", OCTOBER)["input_uncached_tokens"] == PriceRange(10, 10)
    assert ranges.of("text-completion-openai", OCTOBER)["input_uncached_tokens"] == PriceRange(10, 10)
    assert ranges.of("openai", OCTOBER)["pages"] == PriceRange(7, 7)
    assert ranges.of("house", OCTOBER)["input_uncached_tokens"] == PriceRange(10, 30)
    assert ranges.of(None, OCTOBER)["seconds"] is None
    assert bounds_pico_usd(ranges.of("house", OCTOBER), {"input_uncached_tokens": 5, "requests": 9}) == (50, 150)
    assert bounds_pico_usd(ranges.of("house", OCTOBER), {"seconds": 1}) is None


@cache
def sold() -> dict[str, list[PriceEntry]]:
    """Real prices: models of seven providers with one price each that holds now."""
    book, found = load_catalogue(), {}
    for provider in SOLD_BY:
        models = [book.entries_of(*pair) for pair in book.models() if pair[0] == provider]
        found[provider] = [one[0] for one in models if len(one) == 1 and _is_simple(one[0])]
    return found


def _is_simple(one: PriceEntry) -> bool:
    units = one.unit_pico_usd
    return None not in {units.get("input_uncached_tokens"), units.get("output_text_tokens")}


def quoted(one: PriceEntry, tokens: Mapping[str, int]) -> int:
    return sum(quantity * (one.unit_pico_usd[bucket] or 0) for bucket, quantity in tokens.items())


class Company:
    """A simulated tenant's month: what it really cost, and what is left of that when prices and names have been hidden."""

    def __init__(self, dice: random.Random, ranges: PriceRanges) -> None:
        self.customers = [f"cus_{place}" for place in range(dice.randint(3, 12))]
        providers = dice.sample(SOLD_BY, dice.randint(1, 4))
        models = {one.price_id: one for name in providers for one in dice.choices(sold()[name], k=dice.randint(2, 5))}
        hidden = {price_id for price_id in models if dice.random() < 0.35}
        self.hidden = len(hidden)
        self.true = dict.fromkeys([*self.customers], 0)
        self.known = dict.fromkeys([*self.customers, None], 0)
        self.low, self.high = dict.fromkeys(self.known, 0), dict.fromkeys(self.known, 0)
        for price_id, one in models.items():
            scale = int(dice.paretovariate(1.2) * MILLION)
            for customer in self.customers:
                size = int(scale * dice.paretovariate(1.2))
                tokens = {"input_uncached_tokens": size, "output_text_tokens": int(size * dice.uniform(0.05, 0.6))}
                cost = quoted(one, tokens)
                self.true[customer] += cost
                named = None if dice.random() < 0.1 else customer
                if price_id not in hidden:
                    self.known[named] += cost
                    continue
                bounds = bounds_pico_usd(ranges.of(one.provider, OCTOBER), tokens)
                assert bounds is not None
                self.low[named] += bounds[0]
                self.high[named] += bounds[1]

    def holds(self, customer: str | None) -> bool:
        """Whether the band of a customer's margin, or with None of the company's, holds the true margin."""
        of = [customer] if customer else [*self.known]
        truth = sum(self.true.values()) if customer is None else self.true[customer]
        revenue_minor = 1 + truth * 3 // 10**10
        # What has neither price nor name may be the customer's too, at its dearest.
        nobodys = self.known[None] + self.high[None] if customer else 0
        usage = UsageCost(
            cost_pico_usd=sum(self.known[name] for name in of),
            unpriced_low_pico_usd=sum(self.low[name] for name in of),
            unpriced_high_pico_usd=sum(self.high[name] for name in of),
            unattributed_high_pico_usd=nobodys,
        )
        found = margin(revenue_minor, usage, "usd", NANO)
        real = margin(revenue_minor, UsageCost(cost_pico_usd=truth), "usd", NANO).share
        assert found.low is not None
        assert found.high is not None
        assert real is not None
        return found.low <= real <= found.high


def test_the_band_holds_the_true_margin_of_95_in_100_simulated_companies_and_of_their_customers() -> None:
    """Prices and names are hidden at random; 400 companies with real list prices, always the same ones by the seed."""
    ranges, dice = PriceRanges(load_catalogue()), random.Random(2026)
    companies = [Company(dice, ranges) for _ in range(400)]
    blind = [company for company in companies if company.hidden]
    assert len(blind) > 300
    of_all = Fraction(sum(company.holds(None) for company in companies), len(companies))
    of_blind = Fraction(sum(company.holds(None) for company in blind), len(blind))
    customers = [company.holds(name) for company in companies for name in company.customers]
    of_customers = Fraction(sum(customers), len(customers))
    print(f"band holds the truth: {float(of_all):.1%} of companies, {float(of_blind):.1%} of those with hidden prices, "
          f"{float(of_customers):.1%} of customers")  # fmt: skip
    assert of_all >= Fraction(95, 100)
    assert of_customers >= Fraction(95, 100)
