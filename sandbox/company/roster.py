"""Who the sixty customers are: invented names, their plans, where they sit, how much and how they use the product."""

from dataclasses import dataclass

MONTHS = 14
JUMP_MONTH = MONTHS - 2  # the last full month

# name | plan | seats or monthly price in minor units | country | month of sign-up | usage weight | usage profile
_ROSTER = """
Quillfeather Labs|enterprise|150000|US-CA|0|0|steady
Halcyon Freightways|team|13|US-TX|0|26|balanced
Brindle Analytics|team|17|US-IL|3|0|agentic
Marrowgate Research|scale|1|US-MA|0|34|research
Lindenhof Verlag|scale|1|DE|1|26|europe
Tidewater Planning|team_annual|8|US-VA|2|9|balanced
Wattlebird Studio|team|6|AU|1|7|balanced
Ostrava Robotics|enterprise|180000|US-WA|0|36|agentic
Fernhollow Health|enterprise|240000|US-NY|4|33|balanced
Maison Verdelet|enterprise|155000|FR|2|28|europe
Cobalt Harbour Bank|enterprise|210000|US-NY|7|24|research
Pinwheel Tutoring|starter|1|US-CA|0|18|steady
Saltmarsh Legal|team|9|US-MA|0|13|research
Ironbark Logistics|scale|1|AU|0|21|balanced
Kestrel Underwriting|team|14|US-IL|0|11|balanced
Tulpenveld Media|team|7|NL|0|9|europe
Drumlin Outfitters|starter|1|IE|0|3|steady
Nimbleweed Games|scale|1|US-WA|0|19|steady
Paperlark Press|starter|1|US-NY|0|2|steady
Sablewood Interiors|starter|1|US-TX|0|1|balanced
Granite Finch Software|team|11|US-CA|0|12|agentic
Corvina Foods|team|5|ES|0|4|europe
Bluestem Clinics|team|12|US-TX|0|8|balanced
Lanternfish Audio|starter|1|US-CA|0|13|agentic
Hazelbrook Schools|starter|1|US-VA|0|2|steady
Aldermoor Survey|scale|1|US-IL|0|16|research
Nordlicht Mobility|team|10|DE|0|9|europe
Copperkettle Events|starter|1|US-MA|0|1|steady
Thistledown Pharma|team|15|US-NY|0|14|research
Wren and Tallow|starter|1|IE|0|2|steady
Cinder Peak Outdoor|starter|1|US-WA|0|2|balanced
Basalt Insurance Group|scale|1|US-TX|1|22|balanced
Mosswater Energy|team|8|US-CA|1|6|steady
Atelier Brumaire|starter|1|FR|1|3|europe
Juniper Vale Dental|starter|1|US-IL|1|1|steady
Redshank Security|team|9|US-VA|2|10|agentic
Polder Agritech|scale|1|NL|2|15|europe
Harrowgate Recruiting|team|6|US-NY|2|5|balanced
Tern Island Travel|starter|1|US-CA|3|2|steady
Oriel Court Estates|starter|1|AU|3|1|steady
Vesper Lane Records|starter|1|US-TX|3|8|agentic
Saffron Quarter|team|7|ES|4|5|europe
Clearbrook Water|scale|1|US-MA|4|14|balanced
Amberjack Shipping|team|10|US-WA|5|7|balanced
Birchwater Mutual|team|13|US-IL|5|8|steady
Glasshouse Botanics|starter|1|BE|5|2|europe
Ravenscar Mapping|scale|1|US-CA|6|17|research
Plover Payroll|team|8|US-TX|6|5|steady
Stillwell Ceramics|starter|1|US-VA|7|1|steady
Moonrake Studios|starter|1|US-NY|7|14|agentic
Kiefer Messtechnik|team|9|DE|7|6|europe
Larkspur Genetics|scale|1|US-MA|8|13|research
Dovecote Housing|team|6|IE|8|3|balanced
Ember Row Kitchens|starter|1|US-CA|9|1|steady
Westmarch Telecom|team|16|US-WA|9|9|balanced
Foxglove Nursing|starter|1|US-IL|10|2|steady
Zephyr Yard Sailing|starter|1|FR|10|2|europe
Opaline Cosmetics|team|8|US-NY|11|5|balanced
Stonecrop Capital|scale|1|US-TX|11|12|research
Hollyhock Labs|starter|1|US-MA|13|2|steady
"""


@dataclass(frozen=True)
class Account:
    """One customer as the demo company knows it; `month` counts from the first of the fourteen."""

    index: int
    name: str
    plan: str
    seats: int
    region: str
    month: int
    weight: int
    profile: str

    @property
    def country(self) -> str:
        """ISO code of the country."""
        return self.region.partition("-")[0]

    @property
    def currency(self) -> str:
        """Euro customers pay in euro, all others in dollars."""
        return "eur" if self.country in {"DE", "FR", "NL", "IE", "ES", "BE"} else "usd"

    @property
    def slug(self) -> str:
        """The name as it stands in an address."""
        return self.name.lower().replace(" ", "-")

    @property
    def account_id(self) -> str:
        """The company's own id of the account, which usage carries and Stripe has in metadata."""
        return f"acct_{self.slug.replace('-', '_')}"


POWER_USER, JUMPER, BURNER, PREPAID, PREPAID_EUR, ANNUAL = range(6)
# Their cards are slow to take a refund, or send it back.
SLOW_REFUND, FAILED_REFUND = 44, 47


def roster() -> list[Account]:
    """All accounts in order of the table; the first six carry a story of their own."""
    rows = [line.split("|") for line in _ROSTER.strip().splitlines()]
    return [
        Account(index, name, plan, int(seats), region, int(month), int(weight), profile)
        for index, (name, plan, seats, region, month, weight, profile) in enumerate(rows)
    ]


# Usage that belongs to no customer: the company's own tests and load runs.
INTERNAL_ACCOUNTS = ("acct_internal_qa", "acct_internal_loadtest", "acct_sales_sandbox")


@dataclass(frozen=True)
class Change:
    """A plan change in mid-cycle; `to` is a plan, `seats` its quantity (or monthly price for enterprise)."""

    account: int
    month: int
    day: int
    to: str
    seats: int


CHANGES = (
    Change(0, 3, 17, "enterprise", 185000),
    Change(0, 8, 9, "enterprise", 230000),
    Change(1, 6, 12, "team", 15),
    Change(11, 5, 21, "team", 4),
    Change(12, 4, 8, "team", 12),
    Change(14, 7, 19, "team", 9),
    Change(18, 8, 14, "team", 3),
    Change(20, 6, 23, "scale", 1),
    Change(22, 9, 6, "team", 16),
    Change(26, 10, 18, "team", 13),
    Change(28, 11, 11, "team", 19),
    Change(31, 9, 25, "team", 10),
    Change(35, 10, 7, "scale", 1),
    Change(37, 11, 20, "starter", 1),
    Change(41, 8, 22, "starter", 1),
    Change(44, 12, 9, "team", 17),
    Change(47, 12, 16, "team", 5),
    Change(54, 13, 5, "team", 20),
)

# (account, month, day, feedback): churn at the end of the running period.
CANCELLATIONS = (
    (19, 4, 6, "unused"),
    (27, 5, 12, "too_expensive"),
    (16, 6, 3, "switched_service"),
    (30, 7, 15, "missing_features"),
    (34, 8, 20, "unused"),
    (21, 9, 9, "too_expensive"),
    (39, 10, 4, "unused"),
    (32, 11, 13, "switched_service"),
    (48, 12, 2, "low_quality"),
    (24, 13, 6, "too_expensive"),
)

# account -> coupon it came with
COUPONS = {
    13: "LAUNCH20",
    17: "LAUNCH20",
    25: "LAUNCH20",
    36: "LAUNCH20",
    42: "WELCOME50",
    45: "LAUNCH20",
    51: "WELCOME50",
    24: "EDU30",
}
# Accounts that began with a fortnight's trial.
TRIALS = (38, 53, 59)
