"""What the surroundings say: settings from the environment and `.env`, every wrong one named in a sentence."""

import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

POSTGRES_DRIVER = "postgresql+psycopg://"


class ConfigurationError(Exception):
    """A setting has a value that cannot be used; `sentences` names each one and says what is allowed."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def _postgres_url(value: SecretStr) -> SecretStr:
    """The URL with SQLAlchemy's driver named, as every hosting service's `postgres://…` needs it."""
    url = value.get_secret_value()
    for scheme in (POSTGRES_DRIVER, "postgresql://", "postgres://"):
        if url.startswith(scheme):
            return SecretStr(POSTGRES_DRIVER + url.removeprefix(scheme))
    raise ValueError("must look like postgresql://user:password@host:5432/database")


def _stripe_key(value: SecretStr) -> SecretStr:
    """A secret or restricted key; a publishable one cannot read anything."""
    if not value.get_secret_value().startswith(("sk_", "rk_")):
        raise ValueError("must be a secret or restricted key (it begins with sk_ or rk_)")
    return value


def _nothing_when_off(value: object) -> object:
    """`off` is no key at all: an empty variable would leave the one in `.env` standing."""
    return None if value == "off" else value


def _web_address(value: str) -> str:
    """A base address without a slash at its end."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/")


def _api_token(value: SecretStr) -> SecretStr:
    """Long enough that nobody guesses it, and what a header can carry."""
    if not re.fullmatch(r"[\x21-\x7e]{32,}", value.get_secret_value()):
        raise ValueError("must have at least 32 characters and no spaces (openssl rand -hex 32 makes one)")
    return value


def _secure_address(value: str) -> str:
    """An address that a customer's browser may be sent to."""
    if not value.startswith("https://"):
        raise ValueError("must begin with https://")
    return value


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]


def _webhook_secrets(value: SecretStr) -> SecretStr:
    """`endpoint=whsec_…[,whsec_…][;endpoint=…]`; the names stand in the addresses that Stripe is given."""
    for part in filter(None, value.get_secret_value().split(";")):
        name, _, secrets = part.partition("=")
        if not re.fullmatch(r"[a-z0-9-]{1,63}", name.strip()) or not all(
            secret.strip().startswith("whsec_") for secret in secrets.split(",")
        ):
            raise ValueError(
                "must look like main=whsec_…, with commas between the secrets of one endpoint and ; between endpoints"
            )
    return value


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over, and whom they come from (`Acme Billing <billing@acme.example>`)."""

    host: str
    port: int
    encryption: Literal["starttls", "implicit", "none"]
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


_MAIL_PORTS: dict[Literal["starttls", "implicit", "none"], int] = {"starttls": 587, "implicit": 465, "none": 25}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _mail_url(value: SecretStr) -> SecretStr:
    """`smtp://` must encrypt with STARTTLS, `smtps://` does from the first byte; `?tls=none` stays on this machine."""
    given = value.get_secret_value()
    if given == "off":
        return value
    parts = _split(given)
    if (
        parts is None
        or parts.scheme not in {"smtp", "smtps"}
        or not parts.hostname
        or parts.query not in {"", "tls=none"}
    ):
        raise ValueError("must look like smtp://user:password@mail.example.com:587 (or smtps://…:465), or be off")
    if parts.query and (parts.hostname not in _LOOPBACK or parts.scheme == "smtps"):
        raise ValueError(
            "may say ?tls=none only of smtp:// on this machine (127.0.0.1): mails are not sent in the open"
        )
    return value


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return None
    return parts


def _mail_sender(value: str) -> str:
    """An address, with or without a name before it."""
    address = parseaddr(value)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address) or re.search(r"[\r\n]", value):
        raise ValueError("must be an address, such as Acme Billing <billing@acme.example>")
    return value


def _langfuse_keys(value: SecretStr) -> SecretStr:
    """Langfuse's two keys, as it shows them for Basic authentication."""
    if not re.fullmatch(r"pk-lf-\S+:sk-lf-\S+", value.get_secret_value()):
        raise ValueError("must be the project's two keys, as pk-lf-…:sk-lf-…")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
SourceKey = Annotated[SecretStr | None, BeforeValidator(_nothing_when_off)]


class Settings(BaseSettings):
    """One field per environment variable, spelled as the variable in lower case."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True)

    metering_home: Path = Path(".metering")
    metering_tenant: str = Field("main", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    metering_reporting_currency: str = Field("usd", pattern=r"^[a-z]{3}$")
    metering_port: Port = 8501
    metering_sandbox_port: Port = 8502
    metering_public_url: WebAddress | None = None
    metering_link_secret: Annotated[SecretStr, AfterValidator(_api_token)] | None = None
    database_url: PostgresUrl | None = None
    database_owner_url: PostgresUrl | None = None
    stripe_api_key: Annotated[SecretStr, AfterValidator(_stripe_key)] | None = None
    stripe_write_key: Annotated[
        Annotated[SecretStr, AfterValidator(_stripe_key)] | None, BeforeValidator(_nothing_when_off)
    ] = None
    stripe_api_base: Annotated[str, AfterValidator(_web_address)] = "https://api.stripe.com"
    stripe_webhook_secrets: Annotated[SecretStr, AfterValidator(_webhook_secrets)] | None = None
    stripe_requests_per_second: int = Field(20, ge=1, le=100)
    metering_api_token: Annotated[SecretStr, AfterValidator(_api_token)] | None = None
    metering_api_role: Literal["viewer", "support", "lead", "finance", "founder"] = "support"
    smtp_url: Annotated[SecretStr, AfterValidator(_mail_url)] | None = None
    metering_customer_mails: bool = False
    stripe_portal_url: Annotated[str, AfterValidator(_secure_address)] | None = None
    smtp_from: Annotated[str, AfterValidator(_mail_sender)] | None = None
    metering_openai_admin_key: SourceKey = None
    metering_openai_base_url: WebAddress = "https://api.openai.com"
    metering_anthropic_admin_key: SourceKey = None
    metering_anthropic_base_url: WebAddress = "https://api.anthropic.com"
    metering_openrouter_key: SourceKey = None
    metering_openrouter_base_url: WebAddress = "https://openrouter.ai"
    metering_litellm_key: SourceKey = None
    metering_litellm_base_url: WebAddress | None = None
    metering_litellm_database_url: Annotated[PostgresUrl | None, BeforeValidator(_nothing_when_off)] = None
    metering_langfuse_keys: Annotated[
        Annotated[SecretStr, AfterValidator(_langfuse_keys)] | None, BeforeValidator(_nothing_when_off)
    ] = None
    metering_langfuse_base_url: WebAddress = "https://cloud.langfuse.com"
    metering_helicone_key: SourceKey = None
    metering_helicone_base_url: WebAddress = "https://api.helicone.ai"

    @property
    def public_url(self) -> str:
        """Where people reach the pages, without a slash at the end; what links in mails and messages begin with."""
        return self.metering_public_url or f"http://127.0.0.1:{self.metering_port}"

    @property
    def mail_server(self) -> MailServer | None:
        """Where mails are handed over; None when they shall wait."""
        parts = _split(self.smtp_url.get_secret_value()) if self.smtp_url else None
        if parts is None or not parts.hostname or self.smtp_from is None:
            return None
        encryption: Literal["starttls", "implicit", "none"] = (
            "implicit" if parts.scheme == "smtps" else "none" if parts.query else "starttls"
        )
        user, password = (unquote(given) if given else None for given in (parts.username, parts.password))
        port = parts.port or _MAIL_PORTS[encryption]
        return MailServer(parts.hostname, port, encryption, self.smtp_from, user, password)

    @property
    def webhook_secrets(self) -> dict[str, tuple[str, ...]]:
        """The signing secrets of each webhook endpoint, by its name."""
        given = self.stripe_webhook_secrets.get_secret_value() if self.stripe_webhook_secrets else ""
        parts = [part.partition("=") for part in given.split(";") if part]
        return {name.strip(): tuple(secret.strip() for secret in secrets.split(",")) for name, _, secrets in parts}

    @model_validator(mode="after")
    def _mail_needs_a_sender(self) -> Self:
        """Without a sender's address no server takes a mail."""
        if self.smtp_url is not None and self.smtp_url.get_secret_value() != "off" and self.smtp_from is None:
            raise ValueError("SMTP_URL is set but SMTP_FROM is not: say whom mails come from, or leave both out")
        return self

    @model_validator(mode="after")
    def _owner_needs_app(self) -> Self:
        """An owner's address alone would migrate one database and work in another."""
        if self.database_owner_url is not None and self.database_url is None:
            raise ValueError(
                "DATABASE_OWNER_URL is set but DATABASE_URL is not: set both, or neither for the embedded database"
            )
        return self


_SHOWN = {"stripe_api_base", "stripe_portal_url", "stripe_requests_per_second"}
_ALLOWED = {
    "metering_customer_mails": "must be true or false",
    "metering_tenant": "must be a short name of lower-case letters, digits and hyphens",
    "metering_reporting_currency": "must be a currency's three lower-case letters, such as usd",
    "metering_port": "must be a port number from 1 to 65535",
    "metering_sandbox_port": "must be a port number from 1 to 65535",
    "stripe_requests_per_second": "must be a whole number from 1 to 100",
    "metering_api_role": "must be viewer, support, lead, finance or founder",
}


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env`; raises one ConfigurationError that names every wrong value.

    Secrets are never repeated in the sentences. `overrides` go before the environment (command line options, tests).
    """
    try:
        return Settings(**overrides)
    except ValidationError as refused:
        raise ConfigurationError([_sentence(problem) for problem in refused.errors()]) from None


def _sentence(problem: Any) -> str:
    """`METERING_PORT=abc must be a port number …`, without the value where it is a secret."""
    fallback = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:  # several settings that do not go together
        return f"{fallback}."
    name = str(problem["loc"][0])
    is_secret = (
        (
            name.startswith(("database_", "stripe_", "smtp_url", "metering_api_token"))
            or name.endswith(("_key", "_keys", "_database_url", "_secret"))
        )
        and isinstance(problem["input"], str)
        and name not in _SHOWN
    )
    shown = "" if is_secret else f"={problem['input']}"
    return f"{name.upper()}{shown} {_ALLOWED.get(name, fallback)}."
