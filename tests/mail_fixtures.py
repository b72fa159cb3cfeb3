"""A real mail server for tests: takes mails over SMTP, keeps them, and refuses or hangs up where a test tells it to."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from store.settings import MailServer

SENDER = "Acme Billing <billing@acme.example>"


@dataclass
class Mailbox:
    """What has arrived, and how the server shall answer next: one answer per line, `hang up` for none."""

    arrived: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    next_rcpt: list[str] = field(default_factory=list)
    next_data: list[str] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0

    @property
    def server(self) -> MailServer:
        """The settings that reach this server in the open, which only this machine may do."""
        return MailServer(self.host, self.port, "none", SENDER)

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.arrived]

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.next_rcpt.pop(0) if self.next_rcpt else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.next_data.pop(0) if self.next_data else "250 Taken"
        if answer.startswith(("250", "hang up")):
            assert isinstance(envelope.content, bytes)
            arrived = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(arrived, EmailMessage)
            self.arrived.append(arrived)
            self.recipients.extend(envelope.rcpt_tos)
        if answer == "hang up":
            server.transport.close()
        return answer


def free_port() -> int:
    """A port that nobody listens on; aiosmtpd does not say which one it was given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on a free port of this machine."""
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname=box.host, port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass(frozen=True)
class Encrypted:
    """A mail server that asks for encryption and a password, and the certificate to trust."""

    box: Mailbox
    trust: ssl.SSLContext
    user: str = "metering"
    password: str = "correct horse"


def certificate_of_localhost(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server called localhost shows, and what trusts it and nobody else."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    ask = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout {key} -out {certificate}"
    )
    subprocess.run(
        [*ask.split(), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificate, key)
    return own, ssl.create_default_context(cafile=str(certificate))


@pytest.fixture(params=["starttls", "implicit"])
def encrypted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Encrypted, MailServer]]:
    """A mail server behind TLS, in both ways there are, and the settings that reach it."""
    own, trust = certificate_of_localhost(tmp_path)
    box = Mailbox(host="localhost", port=free_port())
    held = Encrypted(box, trust)

    def sign_in(_server: Any, _session: Any, _envelope: Any, _how: str, given: Any) -> AuthResult:
        known = isinstance(given, LoginPassword) and given.password == held.password.encode()
        return AuthResult(success=known, handled=False)

    ways: dict[str, dict[str, Any]] = {
        "starttls": {"tls_context": own, "require_starttls": True},
        "implicit": {"ssl_context": own, "auth_require_tls": False},
    }
    controller = Controller(box, hostname="127.0.0.1", port=box.port, authenticator=sign_in, **ways[request.param])
    controller.start()
    try:
        yield held, MailServer("localhost", box.port, request.param, SENDER, held.user, held.password)
    finally:
        controller.stop()
