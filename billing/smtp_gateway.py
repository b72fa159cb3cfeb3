"""Speaks to the mail server: builds the message and hands it over, and every way that can end is an outcome."""

import base64
import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from email import policy
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, Message
from email.policy import Policy
from email.utils import format_datetime, parseaddr

from billing.mails import HEADERS, Accepted, InDoubt, Later, Outcome, Refused
from store.outgoing_mails import OutgoingMail
from store.settings import MailServer

TIMEOUT_SECONDS = 30.0
_TROUBLES = (OSError, smtplib.SMTPException)


class SmtpGateway:
    """One mail server; a connection per mail, since mails are few and a broken one must not take others with it."""

    def __init__(
        self, server: MailServer, *, tls: ssl.SSLContext | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._server = server
        self._tls = tls or ssl.create_default_context()
        self._timeout_seconds = timeout_seconds

    def deliver(self, mail: OutgoingMail, now: datetime, begin: Callable[[], bool]) -> Outcome | None:
        """Hand the mail over; None when `begin` said no.

        `begin` is called when the server has everything but the line that ends the mail; without that line it has to forget the
        rest (RFC 5321, 4.1.1.10). It writes down that the mail may arrive from here on, or says that it is no longer to be sent.
        """
        where = f"{self._server.host}:{self._server.port}"
        try:
            connection = self._connect()
        except _TROUBLES as trouble:
            return Later(f"{where}: {_said(trouble)}")
        with closing(connection):
            outcome = self._hand_over(connection, mail, now, begin)
            with suppress(*_TROUBLES):  # the answer is known; a farewell changes nothing
                connection.quit()
        return outcome

    def _connect(self) -> smtplib.SMTP:
        server, timeout = self._server, self._timeout_seconds
        if server.encryption == "implicit":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=self._tls)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=timeout)
        try:
            if server.encryption == "starttls":
                connection.starttls(context=self._tls)  # raises where the server has none: never on without it
            connection.ehlo()
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection

    def _hand_over(
        self, connection: smtplib.SMTP, mail: OutgoingMail, now: datetime, begin: Callable[[], bool]
    ) -> Outcome | None:
        needs_utf8 = not (mail.recipient + self._server.sender).isascii()
        refusal = self._agree(connection, mail.recipient, needs_utf8=needs_utf8)
        if refusal is not None:
            return refusal
        content = message(mail, self._server.sender, now).as_bytes(policy=_policy(needs_utf8=needs_utf8))
        refusal = _upload(connection, content)
        if refusal is not None:
            return refusal
        if not begin():
            connection.close()  # without the last line: the server forgets what it was told
            return None
        try:
            connection.send(b".\r\n")
            code, reply = connection.getreply()
        except _TROUBLES as trouble:
            return InDoubt(_said(trouble))
        return Accepted() if code // 100 == 2 else _no(code, reply)

    def _agree(self, connection: smtplib.SMTP, recipient: str, *, needs_utf8: bool) -> Refused | Later | None:
        """Name sender and recipient; None when the server takes both."""
        if needs_utf8 and not connection.has_extn("smtputf8"):
            return Refused(550, f"{self._server.host} takes no addresses with letters outside ASCII (no SMTPUTF8).")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if needs_utf8 else []
        try:
            code, reply = connection.mail(parseaddr(self._server.sender)[1], options)
            if code // 100 == 2:
                code, reply = connection.rcpt(recipient)
        except _TROUBLES as trouble:
            return Later(_said(trouble))
        return None if code // 100 == 2 else _no(code, reply)


def _upload(connection: smtplib.SMTP, content: bytes) -> Refused | Later | None:
    """Everything of the mail but the line that ends it; None when the server took it. Nothing can have arrived yet."""
    try:
        code, reply = connection.docmd("DATA")
        if code != 354:
            return _no(code, reply)
        # A line that begins with a dot gets a second one, or it would be taken for the end (RFC 5321, 4.5.2).
        connection.send(re.sub(rb"(?m)^\.", b"..", content))
        if not content.endswith(b"\r\n"):
            connection.send(b"\r\n")
    except _TROUBLES as trouble:
        return Later(_said(trouble))
    return None


def message(mail: OutgoingMail, sender: str, now: datetime) -> EmailMessage:
    """The mail as RFC 5322 has it: text, and beside it HTML with its pictures. Its Message-ID is the same each time it is sent.

    Receivers that drop what they have seen under the same Message-ID thus show one mail where a person had it sent again.
    """
    built = EmailMessage(policy=_policy(needs_utf8=False))
    host = parseaddr(sender)[1].rpartition("@")[2]
    built["From"] = sender
    built["To"] = mail.recipient
    built["Subject"] = mail.subject
    built["Date"] = format_datetime(now)
    built["Message-ID"] = f"<{mail.mail_id}@{host}>"
    built["X-Entity-Ref-ID"] = str(mail.mail_id)  # keeps Gmail from folding this month's mail into last month's
    built["Auto-Submitted"] = "auto-generated"  # no vacation notes in return (RFC 3834)
    for name, value in mail.headers.items():
        built[name] = value
    built.set_content(mail.text_body)
    if mail.html_body is not None:
        built.add_alternative(mail.html_body, subtype="html")
        parts = built.get_payload()
        assert isinstance(parts, list), "an alternative was just added"
        for image in mail.images:
            main, _, sub = image["media_type"].partition("/")
            html = parts[-1]
            assert isinstance(html, EmailMessage), "parts of an EmailMessage are of its own class"
            html.add_related(
                base64.b64decode(image["base64"]), maintype=main, subtype=sub, cid=f"<{image['content_id']}>"
            )
    return built


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header that is never folded: the library would encode a link that is longer than a line, and nobody could follow it."""

    def fold(self, *, policy: "Policy[Message[str, str]]") -> str:  # quoted: generic for the type checker alone
        """The header as one line; `billing.mails` has seen to it that it is short enough to be one."""
        return f"{self.name}: {self}{policy.linesep}"


_headers = HeaderRegistry()
for _name in HEADERS:
    _headers.map_to_type(_name, _OneLine)


def _policy(*, needs_utf8: bool) -> "policy.EmailPolicy[EmailMessage]":  # quoted: generic for the type checker alone
    chosen = policy.SMTPUTF8 if needs_utf8 else policy.SMTP.clone(cte_type="7bit")
    return chosen.clone(header_factory=_headers)


def _no(code: int, reply: bytes | str) -> Refused | Later:
    said = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    sentence = f"{code} {' '.join(said.split())}"
    return Refused(code, sentence) if code // 100 == 5 else Later(sentence)


def _said(trouble: BaseException) -> str:
    """What went wrong, in the server's words where it had any; never the password, which smtplib does not repeat."""
    if isinstance(trouble, smtplib.SMTPResponseException):
        error = trouble.smtp_error
        said = error.decode("utf-8", "replace") if isinstance(error, bytes) else str(error)
        return f"{trouble.smtp_code} {' '.join(said.split())}"
    return f"{type(trouble).__name__}: {trouble}" if str(trouble) else type(trouble).__name__
