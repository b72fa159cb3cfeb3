"""The shared report: one locked month, read-only, behind a token and a password; nothing else can be reached from here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from api.problems import BodyTooLarge, read_body
from api.shared_pages import Checked, headers, page, redirect
from api.webhooks import OpenBooks
from billing import investor_reports, report_links
from billing.investor_reports import SnapshotDamaged
from billing.report_links import Reader
from billing.report_page import article
from billing.report_pdf import report_pdf
from billing.report_words import day_of, month
from billing.report_xlsx import report_xlsx
from pricing.report_view import Redaction, View, view
from store.database import DATABASE_FAILED, Connection, tenant_transaction
from store.report_links import ReportLink

log = structlog.get_logger(__name__)

PATH, COOKIE = "/shared", "report"
MAX_FORM_BYTES, MAX_FILE_BYTES = 4 * 1024, 4 * 1024 * 1024
GONE = "This link shows nothing: it has ended, was revoked, or was not copied whole. Ask whoever sent it for a new one."
WRONG = "That is not the password. It has four groups of five letters and digits."
SHUT = "Too many wrong passwords: wait a quarter of an hour and try again."
FILES: dict[str, tuple[Callable[[View], bytes], str]] = {
    "pdf": (report_pdf, "application/pdf"),
    "xlsx": (report_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


@dataclass(frozen=True)
class Visit:
    """One request of somebody with a link: what they brought, in the tenant's open transaction."""

    connection: Connection
    link: ReportLink
    path: str
    reader: Reader
    cookie: str | None
    is_encrypted: bool
    form: dict[str, str | bytes]
    now: datetime

    @property
    def is_inside(self) -> bool:
        """Whether they have given the password lately."""
        return report_links.is_session(self.link, self.cookie, now=self.now)

    def note(self, kind: str) -> None:
        """Write down what they do."""
        report_links.note(self.connection, self.link, kind, self.reader, now=self.now)


Deed = Callable[[Visit], Response]


def routes(open_books: OpenBooks) -> list[Route]:
    """`/shared/{token}` and the two files and the check below it; docs/api.md has them."""

    def route(path: str, method: str, deed: Deed, max_bytes: int = MAX_FORM_BYTES) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                body = b"" if method == "GET" else await read_body(request, max_bytes)
                form = await _form(request, body)
            except BodyTooLarge:
                return _gone("More was sent than a form of this page holds.", 413)
            except ClientDisconnect:
                return _gone("The connection ended before the form did.", 400)
            return await run_in_threadpool(_answer, open_books, deed, request, form)

        return Route(PATH + "/{token}" + path, endpoint, methods=[method])

    return [
        route("", "GET", _show),
        route("", "POST", _enter),
        route("/report.pdf", "GET", lambda visit: _file(visit, "pdf")),
        route("/report.xlsx", "GET", lambda visit: _file(visit, "xlsx")),
        route("/verify", "POST", _verify, MAX_FILE_BYTES),
    ]


async def _form(request: Request, body: bytes) -> dict[str, str | bytes]:
    """The fields of a form that was read up to its limit; a file is its bytes."""

    async def once_more() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    if not body:
        return {}
    async with Request(request.scope, once_more).form(max_files=1, max_fields=3) as fields:
        return {
            name: await value.read() if isinstance(value, UploadFile) else value for name, value in fields.multi_items()
        }


def _answer(open_books: OpenBooks, deed: Deed, request: Request, form: dict[str, str | bytes]) -> Response:
    """One transaction; the log of views is committed with what it speaks of, before the answer is given."""
    token, now = str(request.path_params["token"]), datetime.now(UTC)
    try:
        engine, tenant_id = open_books()
        with tenant_transaction(engine, tenant_id) as connection:
            link = report_links.at_the_door(connection, token, now=now)
            if link is None:
                return _gone(GONE, 404)
            reader = Reader(request.client.host if request.client else None, request.headers.get("user-agent"))
            encrypted = request.url.scheme == "https"
            return deed(
                Visit(connection, link, f"{PATH}/{token}", reader, request.cookies.get(COOKIE), encrypted, form, now)
            )
    except SnapshotDamaged as damage:
        log.error("shared_report_damaged", reason=str(damage))  # noqa: TRY400 - the sentence says all that there is to say
        return _gone("This report is not what was locked, so it is not shown. Tell whoever sent the link.", 500)
    except DATABASE_FAILED as trouble:
        log.warning("shared_report_not_answered", reason=type(trouble).__name__)
        return _gone("The report cannot be read at this moment: try again in a minute.", 503)


def _show(visit: Visit) -> Response:
    if not visit.is_inside:
        return _door(visit)
    visit.note("page")
    return _inside(visit)


def _enter(visit: Visit) -> Response:
    given = visit.form.get("password", "")
    outcome = report_links.try_password(
        visit.connection, visit.link, given if isinstance(given, str) else "", visit.reader, now=visit.now
    )
    if outcome == "wrong":
        return _door(visit, WRONG, 401)
    if outcome == "throttled":
        answer = _door(visit, SHUT, 429)
        answer.headers["retry-after"] = str(int(report_links.TRY_WINDOW.total_seconds()))
        return answer
    answer = redirect(visit.path)
    value, seconds = report_links.session_cookie(visit.link, now=visit.now)
    answer.set_cookie(
        COOKIE, value, max_age=seconds, path=visit.path, secure=visit.is_encrypted, httponly=True, samesite="strict"
    )
    return answer


def _file(visit: Visit, ending: Literal["pdf", "xlsx"]) -> Response:
    if not visit.is_inside:
        return _door(visit, status=401)
    visit.note(ending)
    make, media_type = FILES[ending]
    shown = _view(visit)
    name = f"investor-report-{shown.month:%Y-%m}-r{shown.revision}.{ending}"
    return Response(
        make(shown),
        media_type=media_type,
        headers=headers() | {"content-disposition": f'attachment; filename="{name}"'},
    )


def _verify(visit: Visit) -> Response:
    """A hash may be compared by whoever has the link, a file by who has the password as well."""
    visit.note("verified")
    snapshot = investor_reports.known(visit.connection, visit.link.snapshot_id)
    given, file = visit.form.get("hash", ""), visit.form.get("file", b"")
    locked = f"{month(snapshot.month)}, revision {snapshot.revision}, locked {day_of(snapshot.locked_at)}"
    if visit.is_inside and isinstance(file, bytes) and file:
        shown = _view(visit)
        made = {hashlib.sha256(make(shown)).digest() for make, _ in FILES.values()}
        is_same = hashlib.sha256(file).digest() in made
        yes = f"This file is, byte for byte, the one made from the locked snapshot: {locked}."
        no = "This file is not the one that this link gives out. It may show other figures of the same snapshot: compare the hash at its foot."
    else:
        asked = "".join(str(given).lower().split()) if isinstance(given, str) else ""
        is_same = asked == snapshot.content_hash
        yes = f"The hash is that of the locked snapshot: {locked}."
        no = "That is not the hash of this snapshot: it has 64 digits, and this link shows one locked month alone."
    checked = Checked(is_same, yes if is_same else no)
    return _inside(visit, checked) if visit.is_inside else _door(visit, checked=checked)


def _view(visit: Visit) -> View:
    snapshot = investor_reports.known(visit.connection, visit.link.snapshot_id)
    report = investor_reports.report_of(visit.connection, snapshot)
    return view(report, cast("Redaction", visit.link.redaction), snapshot.content_hash)


def _inside(visit: Visit, checked: Checked | None = None) -> Response:
    shown = _view(visit)
    return page(
        "report.html",
        title=f"{shown.tenant_name}, {month(shown.month)}",
        path=visit.path,
        until=day_of(visit.link.expires_at),
        article=article(shown),
        may_upload=True,
        checked=checked,
    )


def _door(visit: Visit, trouble: str | None = None, status: int = 200, *, checked: Checked | None = None) -> Response:
    return page(
        "door.html",
        status=status,
        title="A shared report",
        path=visit.path,
        trouble=trouble,
        may_upload=False,
        checked=checked,
    )


def _gone(words: str, status: int) -> Response:
    return page("gone.html", status=status, title="Nothing to show", words=words)
