"""`metering meters`: what Stripe's meters are told, on the command line."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import meter_replay, meter_rules
from billing.meter_replay import Replay
from billing.meter_rules import MODES, MeterRuleRefused
from billing.principals import OPERATOR
from pipelines import meter_jobs
from pipelines.installation import stripe_config, this_installation
from pipelines.pull_stripe_client import StripeReader
from pipelines.read_meters import active_meters
from pipelines.refusals import refusals_as_sentences
from pricing.meter_windows import MeterRule
from store import meter_ledger
from store.database import clock, tenant_transaction
from store.meter_ledger import MeterEvent
from store.schema.meters import METER_SINKS
from store.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="What Stripe's meters are told, and whether they have it.")
console = Console()
NEWEST = 200


@app.callback()
def _meters() -> None:
    """What Stripe's meters are told, and whether they have it."""


@app.command("list")
def list_rules() -> None:
    """Show each rule, and how many events and units are in which state."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            rules, counts = meter_ledger.rules(connection), meter_ledger.counts(connection)
        if not rules:
            console.print("No meter is told anything; add a rule with `metering meters add`.")
            return
        drawn = Table("Rule", "Event name", "Counts", "To the unit", "Sink", "Mode", "State", "Events", "Units")
        for stored in rules:
            rule = stored.rule
            told = (rule.rule_id, rule.event_name, " + ".join(rule.counted), f"{rule.per:,}", stored.sink, stored.mode)
            for state, (events, units) in sorted(counts.get(rule.rule_id, {}).items()) or [("nothing yet", (0, 0))]:
                drawn.add_row(*told, state.replace("_", " "), f"{events:,}", f"{units:,}")
        console.print(drawn)


@app.command("add")
def add_rule(
    name: Annotated[str, typer.Argument(help="A short name for the rule.")],
    event_name: Annotated[str, typer.Option("--event-name", help="The meter's event name at Stripe.")],
    counted: Annotated[list[str], typer.Option("--count", help="What is counted; may be given several times.")],
    per: Annotated[int, typer.Option("--per", help="How many of it are one unit.")] = 1,
    sink: Annotated[str, typer.Option("--sink", help=f"Where events go: {', '.join(METER_SINKS)}.")] = "stripe_v1",
    window: Annotated[str, typer.Option("--window", help="How finely it is told: hour or day.")] = "hour",
    provider: Annotated[str | None, typer.Option("--provider", help="Only usage of this provider.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only usage of this model.")] = None,
    feature: Annotated[str | None, typer.Option("--feature", help="Only usage of this feature.")] = None,
) -> None:
    """Add a rule, in the shadow at first: `metering meters compare` shows what it would have told."""
    with refusals_as_sentences(console), this_installation() as installation:
        if window not in {"hour", "day"} or sink not in METER_SINKS:
            raise MeterRuleRefused(
                f"{window} and {sink} do not go: give hour or day, and one of {', '.join(METER_SINKS)}."
            )
        with StripeReader(stripe_config(load_settings())) as reader:
            meters = active_meters(reader)
        meter = meters.get(event_name)
        if meter is None:
            known = ", ".join(sorted(meters)) or "none"
            raise MeterRuleRefused(f"Stripe has no active meter for {event_name!r}; it has {known}.")
        now = clock(installation.engine)
        rule = MeterRule(
            rule_id=name,
            event_name=event_name,
            meter_id=meter["id"],
            counted=tuple(counted),
            per=per,
            starts_at=now.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
            window="hour" if window == "hour" else "day",
            provider=provider,
            model=model,
            feature=feature,
        )
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            meter_rules.add(connection, installation.tenant_id, rule, meter, sink=sink, principal=OPERATOR, now=now)
        console.print(
            f"{name} is kept, in the shadow. `metering meters switch {name} live` tells from the next hour on."
        )


@app.command("switch")
def switch(
    name: Annotated[str, typer.Argument(help="The rule.")],
    mode: Annotated[str, typer.Argument(help="live, shadow or off.")],
) -> None:
    """Tell a meter in earnest, on paper or not at all."""
    with refusals_as_sentences(console), this_installation() as installation:
        if mode not in MODES:
            raise MeterRuleRefused(f"{mode!r} is none of {', '.join(MODES)}.")
        now = clock(installation.engine)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            stored = meter_rules.switch(connection, name, mode, principal=OPERATOR, now=now)
        since = f" for usage from {stored.rule.starts_at:%Y-%m-%d %H:%M} UTC on" if mode == "live" else ""
        console.print(f"{name} is {mode}{since}.")


@app.command("push")
def push() -> None:
    """Write down what is due and send it now, as the worker does every five minutes."""
    with refusals_as_sentences(console), this_installation() as installation:
        meter_jobs.push(installation.engine, load_settings(), installation.tenant_id, now=clock(installation.engine))
    list_rules()


@app.command("compare")
def compare() -> None:
    """Compare with Stripe's sums now, and show each day that differs."""
    with refusals_as_sentences(console), this_installation() as installation:
        stripe = stripe_config(load_settings())
        found = meter_jobs.compare(installation.engine, installation.tenant_id, stripe, now=clock(installation.engine))
        for rule_id, days in found.items():
            told = ", ".join(f"{number} {said.replace('_', ' ')}" for said, number in sorted(days.items()))
            console.print(f"{rule_id}: days compared: {told or 'none'}.")
            with tenant_transaction(installation.engine, installation.tenant_id) as connection:
                drifts = meter_ledger.drifts(connection, rule_id)
            for (customer_id, day), drift in sorted(drifts.items()):
                if drift.state != "gone":
                    console.print(f"  {day} {customer_id}: {drift.sentence}")


@app.command("replay")
def replay(
    name: Annotated[str, typer.Argument(help="The rule.")],
    is_earnest: Annotated[bool, typer.Option("--really", help="Do it; without it is only said what would be.")] = False,
) -> None:
    """Let what Stripe refused under a rule be told anew, once its cause is mended."""
    with refusals_as_sentences(console), this_installation() as installation:
        now = clock(installation.engine)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = (
                meter_replay.replay(connection, name, principal=OPERATOR, now=now)
                if is_earnest
                else meter_replay.planned(connection, name, now=now)
            )
        _print_replay(found, is_earnest=is_earnest)


def _print_replay(found: Replay, *, is_earnest: bool) -> None:
    if not (found.again or found.too_old or found.before_the_rule):
        console.print("Nothing was refused.")
        return
    if found.again:
        console.print(table(list(found.again[-NEWEST:])))
    console.print(f"{len(found.again)} events {'are told anew' if is_earnest else 'would be told anew; add --really'}.")
    if found.too_old:
        console.print(
            f"Not told, as no meter takes windows of more than 35 days ago: {len(found.too_old)}; bill those as invoice items."
        )
    if found.before_the_rule:
        console.print(f"Not told, as the rule went live after their windows: {len(found.before_the_rule)}.")


def table(events: list[MeterEvent]) -> Table:
    """Events as rows."""
    columns = ("Window (UTC)", "Customer", "Units", "State", "Why")
    drawn = Table(*(Column(name, overflow="fold") for name in columns))
    for event in events:
        drawn.add_row(
            f"{event.window_start:%Y-%m-%d %H:%M}",
            event.customer_id,
            f"{event.units:,}",
            event.state.replace("_", " "),
            event.last_trouble or "",
        )
    return drawn
