"""Links in mails and messages: a page that shows what a link would do to its alert, and does it when its button is pressed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from api import alert_link_words as words
from api.problems import BodyTooLarge, read_body
from api.shared_pages import page, redirect
from api.throttles import Pace, WrongKeys
from api.webhooks import OpenBooks
from billing import action_links, digest_settings, linked_answers
from billing.action_links import ACT_PATH, UNSUBSCRIBE_PATH, Action
from billing.alerts import AlertNotFound, AlertRefused
from billing.principals import Principal
from store.database import DATABASE_FAILED, Connection, tenant_transaction
from store.link_secret import LinkSecretDamaged

log = structlog.get_logger(__name__)

MAX_FORM_BYTES = 4 * 1024
LINK_PER_SECOND = 10


@dataclass(frozen=True)
class Door:
    """What the links lead to. `secret_of` gives a tenant's link secret; `public_url` is where the pages are."""

    open_books: OpenBooks
    secret_of: Callable[[UUID], bytes]
    public_url: str
    wrong: WrongKeys = field(default_factory=WrongKeys)
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True)
class Visit:
    """One request with a token that is ours, in the tenant's open transaction."""

    connection: Connection
    tenant_id: UUID
    action: Action
    path: str
    form: Mapping[str, str] | None
    now: datetime
    public_url: str

    @property
    def open_url(self) -> str:
        """The page on which the same can be done."""
        return f"{self.public_url}/spikes" + (f"?alert={self.action.alert_id}" if self.action.alert_id else "")


def routes(open_books: OpenBooks, secret_of: Callable[[UUID], bytes], public_url: str) -> list[Route]:
    """`/alerts/act/{token}` and `/alerts/unsubscribe/{token}`; docs/notifications.md has them. A GET never changes anything."""
    door = Door(open_books, secret_of, public_url)

    def route(path: str, deed: Callable[[Visit], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            form = None
            if request.method == "POST":
                try:
                    form = await _form(request)
                except BodyTooLarge:
                    return _nothing(door, "More was sent than a form of this page holds.", 413)
                except ClientDisconnect:
                    return _nothing(door, "The connection ended before the form did.", 400)
            return await run_in_threadpool(_answer, door, path, deed, request, form)

        return Route(path + "/{token}", endpoint, methods=["GET", "POST"])

    return [route(ACT_PATH, _act), route(UNSUBSCRIBE_PATH, _unsubscribe)]


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, as browsers and mail programs send it in either of its two kinds; what is no form has none."""
    body = await read_body(request, MAX_FORM_BYTES)

    async def once_more() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        async with Request(request.scope, once_more).form(max_files=0, max_fields=10) as fields:
            return {name: value for name, value in fields.items() if isinstance(value, str)}
    except HTTPException:
        return {}


def _answer(
    door: Door, path: str, deed: Callable[[Visit], Response], request: Request, form: Mapping[str, str] | None
) -> Response:
    """One transaction. Links that are ours are not kept from somebody because others at their address guess."""
    token, now = str(request.path_params["token"]), datetime.now(UTC)
    try:
        engine, tenant_id = door.open_books()
        action = action_links.read(door.secret_of(tenant_id), token, now)
        if isinstance(action, str):
            return _refused(door, action, request.client.host if request.client else "")
        if (action.verb == "unsubscribe") != (path == UNSUBSCRIBE_PATH):
            return _nothing(door, action_links.NOT_OURS, 404)
        wait = door.pace.wait_seconds(token, LINK_PER_SECOND, time.monotonic())
        if wait:
            return _too_many(door, "This link is followed too often: wait a second.", wait)
        with tenant_transaction(engine, tenant_id) as connection:
            return deed(Visit(connection, tenant_id, action, f"{path}/{token}", form, now, door.public_url))
    except LinkSecretDamaged as damage:
        log.error("link_secret_damaged", reason=str(damage))  # noqa: TRY400 - the sentence says all that there is to say
        return _nothing(
            door, "Links cannot be read at this moment: whoever runs the service finds why in its log.", 503
        )
    except DATABASE_FAILED as trouble:
        log.warning("alert_link_not_answered", reason=type(trouble).__name__)
        return _nothing(door, "The alert cannot be read at this moment: try again in a minute.", 503)


def _refused(door: Door, said: str, address: str) -> Response:
    """A page for a token that ended or is not ours; an address that brings many of the latter is told to wait."""
    if said != action_links.NOT_OURS:
        return _nothing(door, said, 410)
    wait = door.wrong.wait_seconds(address, time.monotonic())
    if wait:
        return _too_many(door, "Too many links that are not ours came from your address: wait a minute.", wait)
    door.wrong.note(address, time.monotonic())
    return _nothing(door, said, 404)


def _too_many(door: Door, said: str, wait_seconds: float) -> Response:
    answer = _nothing(door, said, 429)
    answer.headers["retry-after"] = str(int(wait_seconds) + 1)
    return answer


def _act(visit: Visit) -> Response:
    who = linked_answers.principal_of(
        visit.connection, visit.action.recipient, said_name=(visit.form or {}).get("name", "")
    )
    if who is None:
        return _gone(visit, words.STOPPED, 403)
    if visit.form is None:
        return _show(visit, who)
    try:
        # Inside a savepoint: what a refused deed had begun to write is not kept.
        with visit.connection.begin_nested():
            if visit.form.get("deed") == "undo":
                linked_answers.take_back(visit.connection, visit.tenant_id, visit.action, principal=who, now=visit.now)
            else:
                _do(visit, who)
    except AlertNotFound:
        return _gone(visit, words.NO_ALERT, 404)
    except AlertRefused as refused:
        return _show(visit, who, trouble=str(refused), status=422)
    # By GET, so that a reload of the page does nothing a second time.
    return redirect(visit.path)


def _do(visit: Visit, who: Principal) -> None:
    """What was done already is left as it is, so that pressing twice makes one step."""
    found = linked_answers.standing(visit.connection, visit.action, visit.now)
    if found is None:
        raise AlertNotFound
    if found.is_done:
        return
    assert visit.form is not None, "a POST has one"
    until, days = visit.form.get("until", ""), visit.form.get("days", "")
    linked_answers.answer(
        visit.connection,
        visit.tenant_id,
        visit.action,
        until=_day(until),
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 4 else None,
        principal=who,
        now=visit.now,
    )


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _show(visit: Visit, who: Principal, *, trouble: str | None = None, status: int = 200) -> Response:
    found = linked_answers.standing(visit.connection, visit.action, visit.now)
    if found is None:
        return _gone(visit, words.NO_ALERT, 404)
    told = words.act_page(found, visit.action, who, visit.now)
    return page("alert_link.html", status=status, path=visit.path, open_url=visit.open_url, trouble=trouble, **told)


def _unsubscribe(visit: Visit) -> Response:
    """Leaving the list needs no page (RFC 8058): the mail program's POST is enough, and our page's is the same."""
    if (visit.form or {}).get("List-Unsubscribe") == "One-Click":
        digest_settings.unsubscribe(visit.connection, visit.action.recipient, now=visit.now)
    is_on = linked_answers.principal_of(visit.connection, visit.action.recipient) is not None
    return page("unsubscribe.html", path=visit.path, **words.unsubscribe_page(visit.action.recipient, is_on=is_on))


def _gone(visit: Visit, said: str, status: int) -> Response:
    return page(
        "link_gone.html", status=status, title=words.NOTHING, words=said, instead=words.INSTEAD, open_url=visit.open_url
    )


def _nothing(door: Door, said: str, status: int) -> Response:
    """A page for a link that leads to no alert of ours."""
    open_url = f"{door.public_url}/spikes"
    return page(
        "link_gone.html", status=status, title=words.NOTHING, words=said, instead=words.INSTEAD, open_url=open_url
    )
