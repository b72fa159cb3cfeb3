"""`metering init`: writes a commented .env that names every setting, and never overwrites one that is there."""

from pathlib import Path

TEMPLATE = """\
# Metering Service. Every value may also come from the environment, which wins over this file.

# A restricted Stripe key with read access is enough for everything but the action buttons.
# Which resources it must read: docs/stripe-sync.md
STRIPE_API_KEY=

# A second restricted key that may also write what the outbox sends (refunds). Only the worker uses it; without
# it nothing is ever changed at Stripe. What it must be allowed: docs/commands.md
# STRIPE_WRITE_KEY=

# The signing secrets of your webhook endpoints (docs/webhooks.md); without them changes come with the next pull.
# STRIPE_WEBHOOK_SECRETS=main=whsec_…

# The token of the HTTP API (docs/api.md), 32 characters or more (openssl rand -hex 32); without it there is no API.
# METERING_API_TOKEN=
# What it may do: viewer, support, lead, finance or founder.
# METERING_API_ROLE=support

# The mail server, for mails to customers; without it they wait. smtp:// encrypts with STARTTLS, smtps:// from the start.
# SMTP_URL=smtp://user:password@mail.example.com:587
# Whom they come from.
# SMTP_FROM=Acme Billing <billing@acme.example>
# Write to customers by itself when a payment fails or a card expires (docs/recovery.md). Switch Stripe's own mails off first.
# METERING_CUSTOMER_MAILS=true
# The login page of your Stripe customer portal, for mails about cards.
# STRIPE_PORTAL_URL=https://billing.stripe.com/p/login/…

# Where messages about alerts go, beside the daily mail (docs/notifications.md): Slack's incoming webhook, and webhooks of your own
# by the Standard Webhooks specification, each with its secret (whsec_ before what `openssl rand -base64 32` says).
# METERING_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/…
# METERING_ALERT_WEBHOOKS=ops=https://ops.acme.example/alerts,whsec_…
# Let these addresses be inside your own network.
# METERING_PRIVATE_WEBHOOKS=true

# Keys that let providers and gateways tell your usage and bills; `metering usage connect openai` begins (docs/usage-sources.md).
# METERING_OPENAI_ADMIN_KEY=sk-admin-…
# METERING_ANTHROPIC_ADMIN_KEY=sk-ant-admin…
# METERING_OPENROUTER_KEY=sk-or-…
# METERING_LITELLM_KEY=sk-…
# METERING_LITELLM_BASE_URL=https://litellm.example.com
# Or the proxy's own database, read-only: METERING_LITELLM_DATABASE_URL=postgresql://reader:…@127.0.0.1:5432/litellm
# METERING_LANGFUSE_KEYS=pk-lf-…:sk-lf-…
# METERING_HELICONE_KEY=sk-helicone-…
# Each has its address, too, for a proxy or another region: METERING_OPENAI_BASE_URL, METERING_ANTHROPIC_BASE_URL,
# METERING_OPENROUTER_BASE_URL, METERING_LANGFUSE_BASE_URL, METERING_HELICONE_BASE_URL.

# Leave empty for Stripe itself. Any other address must speak Stripe's API (a proxy, a sandbox).
# STRIPE_API_BASE=

# Leave empty to use the embedded Postgres under METERING_HOME. Otherwise the *application's* role:
# a role that owns nothing and cannot bypass row-level security. `metering database prepare` makes it.
# DATABASE_URL=postgresql://metering_app:…@127.0.0.1:5432/metering
# The role that owns the tables; only migrations use it.
# DATABASE_OWNER_URL=postgresql://metering_owner:…@127.0.0.1:5432/metering

# Where the embedded database, the usage lake, the published warehouse and the logs lie.
# METERING_HOME=.metering

# The tenant (your company) that commands and pages speak of.
# METERING_TENANT=main

# The currency of the margins, as three lower-case letters; fixed once the tenant is made.
# METERING_REPORTING_CURRENCY=usd

# How many requests a second Stripe is asked at most.
# STRIPE_REQUESTS_PER_SECOND=20

# The port of the pages, on 127.0.0.1.
# METERING_PORT=8501

# Where people reach the pages: what links in mails, messages and shared reports begin with.
# METERING_PUBLIC_URL=https://metering.acme.example
# Signs the links in mails that act on an alert, 32 characters or more; without it one is made and kept in METERING_HOME.
# METERING_LINK_SECRET=
"""


class ConfigExists(Exception):
    """There is a configuration file already, and it may hold a key; nothing was written."""


def write_config(folder: Path) -> Path:
    """Write `.env` into the folder, readable by its owner alone. Raises ConfigExists when there is one."""
    path = folder / ".env"
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError as exists:
        raise ConfigExists(
            f"{path} is there already and was left as it is: edit it, or move it away first."
        ) from exists
    path.write_text(TEMPLATE, encoding="utf-8")
    return path
