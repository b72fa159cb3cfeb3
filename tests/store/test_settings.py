"""Settings come from the environment and `.env`; every wrong one is named in a sentence that gives no secret away."""

import os
from pathlib import Path

import pytest

from pipelines.pull_usage_access import KEY_SETTINGS, LITELLM_DATABASE
from store.settings import ConfigurationError, MailServer, Settings, load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees this machine's environment or a `.env` of the checkout."""
    for name in Settings.model_fields:
        for variable in [known for known in os.environ if known.lower() == name]:
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def test_with_nothing_set_the_embedded_database_and_stripe_itself_are_meant() -> None:
    settings = load_settings()
    assert (settings.metering_home, settings.metering_port) == (Path(".metering"), 8501)
    assert (settings.database_url, settings.database_owner_url, settings.stripe_api_key) == (None, None, None)
    assert settings.stripe_api_base == "https://api.stripe.com"


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "METERING_PORT": "abc", "METERING_SANDBOX_PORT": "70000", "METERING_TENANT": "My Company", "METERING_REPORTING_CURRENCY": "USD",
        "DATABASE_URL": "mysql://me:hunter2@host/db", "STRIPE_API_KEY": "pk_live_hunter2", "STRIPE_API_BASE": "api.stripe.com",
        "STRIPE_REQUESTS_PER_SECOND": "0", "METERING_API_TOKEN": "hunter2", "METERING_API_ROLE": "god",
    }  # fmt: skip
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    sentences = refused.value.sentences
    assert len(sentences) == len(wrong)
    for name in wrong:
        assert sum(sentence.startswith(name) for sentence in sentences) == 1, name
    assert "METERING_PORT=abc must be a port number from 1 to 65535." in sentences
    assert "STRIPE_API_KEY must be a secret or restricted key (it begins with sk_ or rk_)." in sentences
    assert "hunter2" not in str(refused.value)


def test_a_secret_shows_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgres://metering_app:hunter2@db.example.com/metering")
    settings = load_settings()
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.stripe_api_key is not None
    assert settings.stripe_api_key.get_secret_value() == "sk_test_hunter2"


def test_a_process_that_changes_nothing_at_stripe_is_kept_from_the_key_in_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("STRIPE_WRITE_KEY=rk_test_hunter2\n", encoding="utf-8")
    assert load_settings().stripe_write_key is not None
    monkeypatch.setenv("STRIPE_WRITE_KEY", "")  # says nothing, so the file counts
    assert load_settings().stripe_write_key is not None
    monkeypatch.setenv("STRIPE_WRITE_KEY", "off")
    assert load_settings().stripe_write_key is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgres_address_becomes_sqlalchemys(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://metering_app:x@h/db?sslmode=require")
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql+psycopg://metering_app:x@h/db?sslmode=require"


def test_the_environment_goes_before_the_file_and_empty_means_not_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("METERING_PORT=9001\nMETERING_TENANT=from-file\nSTRIPE_API_KEY=\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("METERING_TENANT", "from-environment")
    settings = load_settings()
    assert (settings.metering_port, settings.metering_tenant, settings.stripe_api_key) == (
        9001,
        "from-environment",
        None,
    )
    assert load_settings(metering_tenant="from-option").metering_tenant == "from-option"


def test_an_owner_address_alone_says_that_the_other_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://metering_owner:x@h/db")
    with pytest.raises(ConfigurationError, match="DATABASE_OWNER_URL is set but DATABASE_URL is not"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://me:p%40ss@mail.example.com",
            MailServer("mail.example.com", 587, "starttls", "a@b.example", "me", "p@ss"),
        ),
        ("smtps://mail.example.com", MailServer("mail.example.com", 465, "implicit", "a@b.example")),
        ("smtp://127.0.0.1:1025?tls=none", MailServer("127.0.0.1", 1025, "none", "a@b.example")),
        ("off", None),
    ],
)
def test_a_mail_server_is_named_by_its_address(
    monkeypatch: pytest.MonkeyPatch, url: str, server: MailServer | None
) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    monkeypatch.setenv("SMTP_FROM", "a@b.example")
    settings = load_settings()
    assert settings.mail_server == server
    assert "p@ss" not in repr(settings.mail_server)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SMTP_URL", "mail.hunter2.com", "must look like smtp://"),
        ("SMTP_URL", "smtp://me:hunter2@mail.example.com?tls=none", "on this machine"),
        ("SMTP_URL", "smtp://me:hunter2@mail.example.com:x", "must look like smtp://"),
        ("SMTP_URL", "smtp://me:hunter2@mail.example.com", "SMTP_FROM is not"),
        ("SMTP_FROM", "Acme", "must be an address"),
    ],
)
def test_a_mail_setting_that_cannot_be_used_is_said_without_the_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", KEY_SETTINGS)
def test_a_process_that_asks_no_provider_is_kept_from_the_providers_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    key = {"METERING_LANGFUSE_KEYS": "pk-lf-1:sk-lf-hunter2", LITELLM_DATABASE: "postgresql://r:hunter2@h/db"}
    (tmp_path / ".env").write_text(f"{name}={key.get(name, 'sk-hunter2')}\n", encoding="utf-8")
    held = load_settings()
    assert getattr(held, name.lower()) is not None
    assert "hunter2" not in repr(held) + held.model_dump_json()
    monkeypatch.setenv(name, "off")
    assert getattr(load_settings(), name.lower()) is None


@pytest.mark.parametrize("name", ["METERING_LANGFUSE_KEYS", LITELLM_DATABASE])
def test_a_providers_key_that_cannot_be_used_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)


SECRET = "whsec_" + "b3Bz" * 10


def test_channels_are_named_with_their_addresses_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERING_SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/hunter2")
    monkeypatch.setenv(
        "METERING_ALERT_WEBHOOKS",
        f"ops=https://ops.acme.example/in?a=1%2C2,{SECRET},{SECRET}; bi=https://b.example,{SECRET}",
    )
    settings = load_settings()
    slack, ops, bi = settings.channels
    assert (slack.kind, slack.name, slack.host, slack.secrets) == ("slack", "slack", "hooks.slack.com", ())
    assert (ops.name, ops.url, ops.secrets) == (
        "ops",
        "https://ops.acme.example/in?a=1%2C2",
        (b"ops" * 10, b"ops" * 10),
    )
    assert (bi.name, bi.host) == ("bi", "b.example")
    assert "hunter2" not in repr(settings) + repr(settings.channels) + settings.model_dump_json()
    monkeypatch.setenv("METERING_SLACK_WEBHOOK_URL", "off")
    monkeypatch.setenv("METERING_ALERT_WEBHOOKS", "off")
    assert load_settings().channels == ()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("METERING_SLACK_WEBHOOK_URL", "hooks.slack.com/services/hunter2", "begin with https://"),
        ("METERING_SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/hunter2", "unless METERING_PRIVATE_WEBHOOKS"),
        ("METERING_ALERT_WEBHOOKS", f"https://hunter2.example,{SECRET}", "must look like name="),
        ("METERING_ALERT_WEBHOOKS", "ops=https://hunter2.example", "must look like name="),
        ("METERING_ALERT_WEBHOOKS", "ops=https://ops.example,whsec_hunter2", "24 to 64 bytes"),
        ("METERING_ALERT_WEBHOOKS", f"ops=https://me:hunter2@ops.example,{SECRET}", "without a password"),
        ("METERING_ALERT_WEBHOOKS", f"ops=https://hunter2:x,{SECRET}", "must look like name="),
        (
            "METERING_ALERT_WEBHOOKS",
            f"a=https://hunter2.example,{SECRET};a=https://a.example,{SECRET}",
            "name of its own",
        ),
        ("METERING_ALERT_WEBHOOKS", f"slack=https://hunter2.example,{SECRET}", "none the name slack"),
        ("METERING_PRIVATE_WEBHOOKS", "maybe", "true or false"),
    ],
)
def test_a_channel_that_cannot_be_used_is_said_without_its_address(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)
