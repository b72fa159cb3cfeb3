"""What the surroundings say: settings from the environment and `.env`, every wrong one named in a sentence."""

import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from store.channel_settings import Channel, slack_channel, webhook_channels
from store.setting_values import (
    alert_webhooks,
    api_token,
    endpoint_secrets,
    langfuse_keys,
    nothing_when_off,
    postgres_url,
    secure_address,
    slack_address,
    stripe_key,
    web_address,
)


class ConfigurationError(Exception):
    """A setting has a value that cannot be used; `sentences` names each one and says what is allowed."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


PostgresUrl = Annotated[SecretStr, AfterValidator(postgres_url)]


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


Port = Annotated[int, Field(ge=1, le=65535)]
WebAddress = Annotated[str, AfterValidator(web_address)]
SourceKey = Annotated[SecretStr | None, BeforeValidator(nothing_when_off)]


class Settings(BaseSettings):
    """One field per environment variable, spelled as the variable in lower case."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True)

    metering_home: Path = Path(".metering")
    metering_tenant: str = Field("main", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    metering_reporting_currency: str = Field("usd", pattern=r"^[a-z]{3}$")
    metering_port: Port = 8501
    metering_sandbox_port: Port = 8502
    metering_public_url: WebAddress | None = None
    metering_link_secret: Annotated[SecretStr, AfterValidator(api_token)] | None = None
    database_url: PostgresUrl | None = None
    database_owner_url: PostgresUrl | None = None
    stripe_api_key: Annotated[SecretStr, AfterValidator(stripe_key)] | None = None
    stripe_write_key: Annotated[
        Annotated[SecretStr, AfterValidator(stripe_key)] | None, BeforeValidator(nothing_when_off)
    ] = None
    stripe_api_base: Annotated[str, AfterValidator(web_address)] = "https://api.stripe.com"
    stripe_webhook_secrets: Annotated[SecretStr, AfterValidator(endpoint_secrets)] | None = None
    stripe_requests_per_second: int = Field(20, ge=1, le=100)
    metering_api_token: Annotated[SecretStr, AfterValidator(api_token)] | None = None
    metering_api_role: Literal["viewer", "support", "lead", "finance", "founder"] = "support"
    smtp_url: Annotated[SecretStr, AfterValidator(_mail_url)] | None = None
    metering_customer_mails: bool = False
    stripe_portal_url: Annotated[str, AfterValidator(secure_address)] | None = None
    smtp_from: Annotated[str, AfterValidator(_mail_sender)] | None = None
    metering_slack_webhook_url: Annotated[
        Annotated[SecretStr, AfterValidator(slack_address)] | None, BeforeValidator(nothing_when_off)
    ] = None
    metering_alert_webhooks: Annotated[
        Annotated[SecretStr, AfterValidator(alert_webhooks)] | None, BeforeValidator(nothing_when_off)
    ] = None
    metering_private_webhooks: bool = False
    metering_openai_admin_key: SourceKey = None
    metering_openai_base_url: WebAddress = "https://api.openai.com"
    metering_anthropic_admin_key: SourceKey = None
    metering_anthropic_base_url: WebAddress = "https://api.anthropic.com"
    metering_openrouter_key: SourceKey = None
    metering_openrouter_base_url: WebAddress = "https://openrouter.ai"
    metering_litellm_key: SourceKey = None
    metering_litellm_base_url: WebAddress | None = None
    metering_litellm_database_url: Annotated[PostgresUrl | None, BeforeValidator(nothing_when_off)] = None
    metering_langfuse_keys: Annotated[
        Annotated[SecretStr, AfterValidator(langfuse_keys)] | None, BeforeValidator(nothing_when_off)
    ] = None
    metering_langfuse_base_url: WebAddress = "https://cloud.langfuse.com"
    metering_helicone_key: SourceKey = None
    metering_helicone_base_url: WebAddress = "https://api.helicone.ai"

    @property
    def public_url(self) -> str:
        """Where people reach the pages, without a slash at the end; what links in mails and messages begin with."""
        return self.metering_public_url or f"http://127.0.0.1:{self.metering_port}"

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Where messages about alerts go over HTTP: Slack first, then the webhooks."""
        slack, webhooks = self.metering_slack_webhook_url, self.metering_alert_webhooks
        return (
            *((slack_channel(slack.get_secret_value()),) if slack else ()),
            *(webhook_channels(webhooks.get_secret_value()) if webhooks else ()),
        )

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
    def _messages_are_encrypted(self) -> Self:
        """What alerts say is nobody's on the way; inside one's own network that is one's own affair."""
        if not self.metering_private_webhooks and any(not each.url.startswith("https://") for each in self.channels):
            raise ValueError(
                "METERING_SLACK_WEBHOOK_URL and METERING_ALERT_WEBHOOKS must begin with https:// unless METERING_PRIVATE_WEBHOOKS is true"
            )
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
    "metering_private_webhooks": "must be true or false",
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
            name.startswith(
                ("database_", "stripe_", "smtp_url", "metering_api_token", "metering_slack_", "metering_alert_")
            )
            or name.endswith(("_key", "_keys", "_database_url", "_secret"))
        )
        and isinstance(problem["input"], str)
        and name not in _SHOWN
    )
    shown = "" if is_secret else f"={problem['input']}"
    return f"{name.upper()}{shown} {_ALLOWED.get(name, fallback)}."
