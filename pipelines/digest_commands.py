"""`metering digest`: when the daily mail goes out, to whom, and what stands in it."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import digest_settings
from billing.digest_settings import DigestNotAllowed
from billing.principals import OPERATOR, Role
from billing.smtp_gateway import SmtpGateway
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pipelines.send_digests import ask_due, post_of, preview_of
from pipelines.send_mails import send_due
from store import digests
from store.database import tenant_transaction
from store.digests import DigestSettings
from store.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The daily mail: when it goes out, to whom, what stands in it.")
recipients_app = typer.Typer(no_args_is_help=True, help="Whom the daily mail goes to.")
app.add_typer(recipients_app, name="recipients")
console = Console()

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Address = Annotated[str, typer.Argument(help="The e-mail address.")]


@app.command("settings")
def settings(
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Send it at all.")] = None,
    hour: Annotated[int | None, typer.Option("--hour", help="The local hour, 0 to 23.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="The IANA time zone, such as Europe/Zurich.")] = None,
    all_quiet: Annotated[
        str | None, typer.Option("--all-quiet", help="The weekday of the note that all is quiet, or none.")
    ] = None,
    least_impact_minor: Annotated[
        int | None,
        typer.Option("--least-impact-minor", help="Alerts below it (in cents) are counted, not shown one by one."),
    ] = None,
) -> None:
    """Show when the daily mail goes out, or change what is named."""
    given = {"is_on": is_on, "hour": hour, "time_zone": zone, "least_impact_minor": least_impact_minor}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with refusals_as_sentences(console):
        if all_quiet is not None:
            changes["all_quiet_weekday"] = _weekday(all_quiet)
        with (
            this_installation() as installation,
            tenant_transaction(installation.engine, installation.tenant_id) as connection,
        ):
            if changes:
                digest_settings.change_settings(
                    connection, installation.tenant_id, principal=OPERATOR, now=datetime.now(UTC), **changes
                )
            console.print(_in_words(digests.settings(connection)), highlight=False)


@app.command()
def preview(
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write, with its pictures inside.")] = Path(
        "digest.html"
    ),
    text: Annotated[bool, typer.Option("--text", help="Print the plain text instead.")] = False,
) -> None:
    """Show today's mail as it would go out now; nothing is sent and nothing is noted."""
    now = datetime.now(UTC)
    with refusals_as_sentences(console), this_installation() as installation:
        loaded = load_settings()
        letter, images = preview_of(
            installation.engine,
            installation.home,
            installation.tenant_id,
            post_of(loaded, installation.tenant_id),
            now=now,
        )
        if text:
            console.print(letter.text, markup=False, highlight=False, soft_wrap=True)
            return
        html = letter.html
        for image in images:
            picture = f"data:{image.media_type};base64,{base64.b64encode(image.content).decode()}"
            html = html.replace(f"cid:{image.content_id}", picture)
        out.write_text(html, encoding="utf-8")
        console.print(f"{letter.subject}\nWritten to {out}: open it in a browser.", markup=False, highlight=False)


@app.command()
def send() -> None:
    """Ask for today's mail now, before its hour if need be, and hand over what is asked for; a day has its mail once."""
    now = datetime.now(UTC)
    with refusals_as_sentences(console), this_installation() as installation:
        loaded, engine, tenant_id = load_settings(), installation.engine, installation.tenant_id
        if loaded.mail_server is None:
            raise DigestNotAllowed("No mail server is set: give SMTP_URL and SMTP_FROM (docs/daily-email.md).")
        asked = ask_due(engine, installation.home, tenant_id, post_of(loaded, tenant_id), now=now, at_once=True)
        if asked is None:
            console.print("Nothing to send: today's mail was made already, is switched off or goes to nobody.")
        elif asked == 0:
            console.print("Nothing to send: nothing is new today.")
        else:
            send_due(engine, tenant_id, SmtpGateway(loaded.mail_server), now=now)
            console.print(f"{asked} asked for; `metering mails list` shows what became of them.", highlight=False)


@recipients_app.command("list")
def list_recipients() -> None:
    """Show whom the daily mail goes to."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = digests.recipients(connection)
        if not found:
            console.print("The daily mail goes to nobody: metering digest recipients add ADDRESS", highlight=False)
            return
        table = Table(
            *(Column(title, overflow="fold") for title in ("Address", "Name", "Role", "Gets it", "Since (UTC)"))
        )
        for each in found:
            table.add_row(
                each.address,
                each.name,
                each.role,
                "yes" if each.is_on else "left the list",
                f"{each.changed_at:%Y-%m-%d %H:%M}",
            )
        console.print(table)


@recipients_app.command("add")
def add(
    address: Address,
    name: Annotated[str, typer.Option("--name", help="Who that is.")] = "",
    role: Annotated[
        str,
        typer.Option("--role", help="What the links in the mail may do: viewer, support, lead, finance or founder."),
    ] = "viewer",
) -> None:
    """Send the daily mail to an address, too; again for one that left the list."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            added = digest_settings.add_recipient(
                connection, installation.tenant_id, address,
                name=name, role=_role(role), principal=OPERATOR, now=datetime.now(UTC),
            )  # fmt: skip
        console.print(f"The daily mail goes to {added.address} ({added.role}).", highlight=False)


@recipients_app.command("remove")
def remove(address: Address) -> None:
    """Take an address off the list."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            done = digest_settings.remove_recipient(connection, address, principal=OPERATOR, now=datetime.now(UTC))
        said = f"{address} is off the list." if done else f"{address} is not on the list."
        console.print(said, highlight=False)


def _role(given: str) -> Role:
    for role in digest_settings.ROLES:
        if role == given:
            return role
    raise DigestNotAllowed(f"{given!r} is no role: give {', '.join(digest_settings.ROLES)}.")


def _weekday(given: str) -> int | None:
    if given.lower() == "none":
        return None
    found = [place for place, name in enumerate(WEEKDAYS) if len(given) >= 2 and name.lower().startswith(given.lower())]
    if len(found) != 1:
        raise DigestNotAllowed(f"{given!r} is no weekday: give Monday to Sunday, or none.")
    return found[0]


def _in_words(settings: DigestSettings) -> str:
    quiet = settings.all_quiet_weekday
    return "\n".join(
        (
            f"The daily mail is {'on' if settings.is_on else 'off'}.",
            f"It goes out at {settings.hour:02}:00 in {settings.time_zone}, on days with news.",
            "A quiet week is passed over." if quiet is None else f"On {WEEKDAYS[quiet]}s it says so when all is quiet.",
            f"Alerts below {settings.least_impact_minor} minor units are counted and not shown one by one.",
        )
    )
