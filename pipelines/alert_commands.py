"""`metering alerts`: what is unusual on the command line, looked for once, and answered."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import alerts
from billing.alerts import AlertNotFound, AlertRefused
from billing.principals import OPERATOR
from billing.report_words import money_exact
from pipelines.find_alerts import find_alerts
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pipelines.stored_spikes import subject_words
from store import alert_reads
from store.alert_reads import AlertQuality, StoredAlert
from store.database import Connection, tenant_transaction
from store.steps import read_steps

app = typer.Typer(no_args_is_help=True, help="What is unusual, and what is answered to it.")
console = Console()
SHOWN_DAYS = 30
ID_LETTERS = 8

AlertId = Annotated[str, typer.Argument(help="The alert's id, or enough of its beginning.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the answer.")]


@app.command("list")
def list_alerts(
    everything: Annotated[bool, typer.Option("--all", help="Those that ended in the last 30 days too.")] = False,
) -> None:
    """Show open alerts, those that explain others first, and how often alerts were right."""
    with refusals_as_sentences(console), this_installation() as here:
        now = datetime.now(UTC)
        with tenant_transaction(here.engine, here.tenant_id) as connection:
            since = now - timedelta(days=SHOWN_DAYS)
            found = alert_reads.recent(connection, since) if everything else alert_reads.open_alerts(connection)
            quality, late = alert_reads.quality(connection, now), alert_reads.late_sources(connection)
        if found:
            _print_list(found)
        else:
            console.print("Nothing unusual is open.")
        for source, days in late.items():
            _say(f"Late: {source}, {', '.join(str(day) for day in days)}.")
        _say(quality_sentence(quality))


@app.command("show")
def show(alert_id: AlertId) -> None:
    """Show an alert: its days, its sentence, and every step with who, when and why."""
    with refusals_as_sentences(console), this_installation() as here:
        with tenant_transaction(here.engine, here.tenant_id) as connection:
            alert = _named(connection, alert_id)
            days, steps = alert_reads.days(connection, alert.alert_id), read_steps(connection, "alert", alert.alert_id)
        _say(f"{alert.alert_id}, {alert.detector.replace('_', ' ')}, {_standing(alert)}")
        _say(" ".join(filter(None, (alert.sentence, alert.resolved_why))))
        for day in days:
            _say(f"{day.day}{' (still running)' if day.is_provisional else ''}: {day.sentence}")
        drawn = Table(*(Column(name, overflow="fold") for name in ("When (UTC)", "Step", "Who", "Why")))
        for step in steps:
            drawn.add_row(f"{step.at.astimezone(UTC):%Y-%m-%d %H:%M}", step.step, step.who, step.why or "")
        console.print(drawn)


@app.command("run")
def run() -> None:
    """Look for alerts in what is published, unless that was done already."""
    with refusals_as_sentences(console), this_installation() as here:
        found = find_alerts(here.engine, here.home, here.tenant_id, now=datetime.now(UTC))
        _say(found.message)
        for who, sentence in found.troubles.items():
            console.print(f"{who}: {sentence}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    if found.troubles:
        raise typer.Exit(1)


@app.command("confirm")
def confirm(alert_id: AlertId, note: Note = "") -> None:
    """Say that an alert is real; it stays open until its days end."""
    _answer(alert_id, alerts.confirm, note=note)


@app.command("expected")
def expected(alert_id: AlertId, note: Note = "") -> None:
    """Say that this level is the new normal."""
    _answer(alert_id, alerts.mark_expected, note=note)


@app.command("plan")
def plan(
    alert_id: AlertId,
    until: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Silent up to and including this UTC day.")],
    note: Note = "",
) -> None:
    """Say that it is planned until a day."""
    day = until.date()
    _answer(alert_id, alerts.plan_until, day, note=note)


@app.command("snooze")
def snooze(
    alert_id: AlertId,
    until: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Quiet until this moment (UTC).")
    ],
    note: Note = "",
) -> None:
    """Keep an alert quiet until a moment, or until it is clearly worse."""
    at = until.replace(tzinfo=UTC)
    _answer(alert_id, alerts.snooze, at, note=note)


@app.command("not-an-issue")
def not_an_issue(alert_id: AlertId, note: Note = "") -> None:
    """Say that it was a false alarm; the next one of its subject takes more."""
    _answer(alert_id, alerts.mark_not_an_issue, note=note)


@app.command("assign")
def assign(
    alert_id: AlertId,
    name: Annotated[str, typer.Argument(help="Who looks into it; empty for nobody.")],
    note: Note = "",
) -> None:
    """Say who looks into it."""
    _answer(alert_id, alerts.assign, name, note=note)


@app.command("reopen")
def reopen(alert_id: AlertId, note: Note = "") -> None:
    """Take back what was answered."""
    _answer(alert_id, alerts.reopen, note=note)


def quality_sentence(quality: AlertQuality) -> str:
    """How often the alerts of the last 30 days were right, in words."""
    counted = f"{quality.alerts} alerts in the last 30 days"
    answered = f"{quality.confirmed} confirmed, {quality.not_an_issue} not an issue"
    others = f"{quality.expected} expected, {quality.planned} planned, {quality.unlabelled} not answered"
    if quality.precision is None:
        return f"{counted}: {answered}, {others}; too few answers to tell how many were right."
    return f"{counted}: {answered} ({float(quality.precision):.0%} right), {others}."


def _answer(alert_id: str, deed: Callable[..., StoredAlert], *given: object, note: str) -> None:
    with refusals_as_sentences(console), this_installation() as here:
        with tenant_transaction(here.engine, here.tenant_id) as connection:
            found = _named(connection, alert_id)
            now = datetime.now(UTC)
            answered = deed(connection, here.tenant_id, found.alert_id, *given, principal=OPERATOR, now=now, note=note)
        _say(f"{answered.alert_id}, {_standing(answered)}")


def _named(connection: Connection, beginning: str) -> StoredAlert:
    """The alert whose id begins so. Raises AlertNotFound, or AlertRefused where several do."""
    found = alert_reads.beginning_with(connection, beginning)
    if not found:
        raise AlertNotFound(f"There is no alert {beginning}: `metering alerts list --all` has their ids.")
    if len(found) > 1:
        raise AlertRefused(f"{len(found)} alerts begin with {beginning}: give more of the id.")
    return found[0]


def _print_list(found: list[StoredAlert]) -> None:
    """The alerts, what explains others first; a sentence has the terminal's whole width, and what is explained is one line."""
    ids = {alert.alert_id for alert in found}
    for top in (alert for alert in found if alert.parent_alert_id not in ids):
        days = f"{top.first_day}" + (f" to {top.last_day}" if top.last_day != top.first_day else "")
        _say(f"{_id(top)}  {days}  {_impact(top)}  {top.detector.replace('_', ' ')}, {_standing(top)}")
        _say(f"  {top.sentence}")
        for alert in (each for each in found if each.parent_alert_id == top.alert_id):
            _say(f"  because of it: {_id(alert)}  {_impact(alert)}  {subject_words(alert.subject_key)}")
        console.print()


def _id(alert: StoredAlert) -> str:
    return str(alert.alert_id)[:ID_LETTERS]


def _impact(alert: StoredAlert) -> str:
    return "impact unknown" if alert.impact_minor is None else money_exact(alert.impact_minor, alert.currency)


def _standing(alert: StoredAlert) -> str:
    """The state and what was answered, in words."""
    words = [alert.state]
    if alert.verdict is not None:
        words.append(alert.verdict.replace("_", " "))
    if alert.planned_until is not None:
        words.append(f"until {alert.planned_until}")
    if alert.snoozed_until is not None:
        words.append(f"snoozed until {alert.snoozed_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if alert.assigned_to is not None:
        words.append(f"with {alert.assigned_to}")
    return ", ".join(words)


def _say(sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
