"""What a setting's value must look like: one function each, which says so in a phrase and never repeats a secret."""

import re

from pydantic import SecretStr

from store.channel_settings import slack_channel
from store.channel_settings import webhook_channels as read_webhooks

POSTGRES_DRIVER = "postgresql+psycopg://"


def postgres_url(value: SecretStr) -> SecretStr:
    """The URL with SQLAlchemy's driver named, as every hosting service's `postgres://…` needs it."""
    url = value.get_secret_value()
    for scheme in (POSTGRES_DRIVER, "postgresql://", "postgres://"):
        if url.startswith(scheme):
            return SecretStr(POSTGRES_DRIVER + url.removeprefix(scheme))
    raise ValueError("must look like postgresql://user:password@host:5432/database")


def stripe_key(value: SecretStr) -> SecretStr:
    """A secret or restricted key; a publishable one cannot read anything."""
    if not value.get_secret_value().startswith(("sk_", "rk_")):
        raise ValueError("must be a secret or restricted key (it begins with sk_ or rk_)")
    return value


def nothing_when_off(value: object) -> object:
    """`off` is no key at all: an empty variable would leave the one in `.env` standing."""
    return None if value == "off" else value


def web_address(value: str) -> str:
    """A base address without a slash at its end."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/")


def api_token(value: SecretStr) -> SecretStr:
    """Long enough that nobody guesses it, and what a header can carry."""
    if not re.fullmatch(r"[\x21-\x7e]{32,}", value.get_secret_value()):
        raise ValueError("must have at least 32 characters and no spaces (openssl rand -hex 32 makes one)")
    return value


def secure_address(value: str) -> str:
    """An address that a customer's browser may be sent to."""
    if not value.startswith("https://"):
        raise ValueError("must begin with https://")
    return value


def endpoint_secrets(value: SecretStr) -> SecretStr:
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


def langfuse_keys(value: SecretStr) -> SecretStr:
    """Langfuse's two keys, as it shows them for Basic authentication."""
    if not re.fullmatch(r"pk-lf-\S+:sk-lf-\S+", value.get_secret_value()):
        raise ValueError("must be the project's two keys, as pk-lf-…:sk-lf-…")
    return value


def slack_address(value: SecretStr) -> SecretStr:
    """Slack's incoming webhook, whose address is its secret."""
    slack_channel(value.get_secret_value())
    return value


def alert_webhooks(value: SecretStr) -> SecretStr:
    """Webhooks of the tenant's own, each with its secrets."""
    read_webhooks(value.get_secret_value())
    return value
