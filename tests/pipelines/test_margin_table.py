"""The table that a stranger sees first: every customer, exact to the cent, with what is not known said."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from pipelines.margin_table import print_margin_table
from tests.store.warehouse_rows import (
    ACME,
    MALLORY,
    NOVEMBER,
    OCTOBER,
    Row,
    publish_tables,
    revenue,
    usage,
    with_usage,
)

DOLLAR = 10**12


def printed(home: Path) -> str:
    console = Console(file=StringIO(), width=120, force_terminal=False)
    print_margin_table(console, home, ACME)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def cells(output: str, name: str) -> list[str]:
    """The cells of the row that begins with the name."""
    line = next(line for line in output.splitlines() if line.strip("│ ").startswith(name))
    return [cell.strip() for cell in line.split("│")[1:-1]]


def company(**more: list[Row]) -> dict[str, list[Row]]:
    cube = [
        usage(OCTOBER, "cus_b", 60 * DOLLAR),
        usage(OCTOBER, "cus_a", 48_804 * 10**9),
        usage(OCTOBER, None, 2 * DOLLAR),
        usage(OCTOBER, "cus_a", None, model="house", tokens=10),
        usage(NOVEMBER, "cus_a", 999 * DOLLAR),
    ]
    months = [revenue(OCTOBER, "cus_a", 1_100_00), revenue(OCTOBER, "cus_b", 40_00), revenue(NOVEMBER, "cus_a", 1)]
    customers = [{"customer_id": "cus_a", "name": "Acme [bold]Labs"}, {"customer_id": "cus_b", "name": "Basalt"}]
    return with_usage(cube, customer_month=months, customers=customers, **more)


def test_every_customer_of_the_last_closed_month_stands_in_it_to_the_cent(tmp_path: Path) -> None:
    """Acme: 1,100.00 - 48.80 = 1,051.20, 95.6 %; Basalt: 40.00 - 60.00 = -20.00; all: 1,140.00 - 110.80 = 1,029.20, 90.3 %."""
    publish_tables(tmp_path, company())
    output = printed(tmp_path)
    assert "Acme, October 2026, in USD, revenue by service period" in output
    assert cells(output, "Acme [bold]Labs") == ["Acme [bold]Labs", "1,100.00", "48.80", "1,051.20", "95.6 %"]
    assert cells(output, "Basalt") == ["Basalt", "40.00", "60.00", "-20.00", "-50.0 %"]
    assert cells(output, "Usage without") == ["Usage without a customer", "0.00", "2.00", "-2.00", "—"]
    assert cells(output, "Total") == ["Total", "1,140.00", "110.80", "1,029.20", "90.3 %"]


def test_the_coverage_line_says_how_sure_the_total_is(tmp_path: Path) -> None:
    """10 of 3,010 tokens have no price: 99.7 % have. Nobody's $2 of $110.804: 98.2 % have a customer. At $0.004 a token at most
    the 10 tokens cost $0.04: (1,140.00 - 110.84) / 1,140.00 is 90.3 % as well."""
    publish_tables(tmp_path, company())
    assert printed(tmp_path).splitlines()[-1] == (
        "Coverage: 99.7 % of usage priced, 98.2 % of AI cost attributed to customers, agreement with the providers' bills not "
        "measured, no bill is connected, margin between 90.3 % and 90.3 % once unpriced usage is counted."
    )


def test_a_coverage_below_95_percent_makes_the_state_unknown_and_says_which(tmp_path: Path) -> None:
    """$6 of $100 belong to nobody."""
    cube = [usage(OCTOBER, "cus_a", 94 * DOLLAR), usage(OCTOBER, None, 6 * DOLLAR)]
    publish_tables(tmp_path, with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 500_00)]))
    assert printed(tmp_path).splitlines()[-1].endswith(
        "State unknown: only 94.0 % of the AI cost belongs to a known customer (95.0 % is needed)."
    )  # fmt: skip


def test_the_same_version_prints_the_same_table_in_the_same_order(tmp_path: Path) -> None:
    publish_tables(tmp_path, company())
    first = printed(tmp_path)
    assert printed(tmp_path) == first
    order = [first.index(name) for name in ("Acme [bold]Labs", "Basalt", "Usage without", "Total", "Coverage")]
    assert order == sorted(order)


def test_an_amount_without_a_rate_leaves_a_dash_and_no_zero(tmp_path: Path) -> None:
    tables = company()
    tables["customer_month"] = [*tables["customer_month"], revenue(OCTOBER, "cus_c", None)]
    publish_tables(tmp_path, tables)
    output = printed(tmp_path)
    assert cells(output, "cus_c") == ["cus_c", "—", "0.00", "—", "—"]
    assert cells(output, "Total") == ["Total", "—", "110.80", "—", "—"]
    assert output.rstrip().endswith("margin unknown. State unknown: an amount has no exchange rate.")


def test_a_refused_version_is_told_below_the_old_numbers(tmp_path: Path) -> None:
    publish_tables(tmp_path, company())
    publish_tables(tmp_path, company(), version=2, source_invoices=1)
    output = printed(tmp_path)
    assert cells(output, "Total")[1] == "1,140.00"
    assert "A new version was not published, version 1 stays" in output


def test_without_anything_to_show_it_says_what_is_missing(tmp_path: Path) -> None:
    assert printed(tmp_path) == "Nothing is published yet, so there is no margin to show.\n"
    publish_tables(tmp_path, company(), tenant_id=MALLORY, slug="mallory")
    assert printed(tmp_path) == "Nothing is published yet, so there is no margin to show.\n"
    publish_tables(tmp_path, source_invoices=1)
    assert printed(tmp_path).startswith("A new version was not published, nothing is shown")
    publish_tables(tmp_path, {"customer_month": [revenue(NOVEMBER, "cus_a", 1)]}, version=2)
    assert printed(tmp_path) == "No month with revenue or usage has ended yet, so there is no margin to show.\n"
