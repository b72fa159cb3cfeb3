"""The schedule table: which job runs when, in one place to read and to change."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScheduledJob:
    """A job's name, its cron line (UTC, minute first) and what a person should know about it."""

    name: str
    cron: str
    purpose: str


REFRESH = ScheduledJob("refresh", "*/5 * * * *", "Pull what changed at Stripe, then publish the warehouse.")
RETURN_STALLED = ScheduledJob("return_stalled_jobs", "* * * * *", "Give the jobs of a silent worker to a living one.")
VERIFY_AUDIT = ScheduledJob(
    "verify_audit", "17 3 * * *", "Walk every tenant's audit chain and report the first broken row."
)
OBSERVE_ALL = ScheduledJob(
    "observe_all", "41 2 * * *", "Show the whole mirror to those who act on it, for kinds they did not know before."
)
FILL_GAPS = ScheduledJob("fill_gaps", "*/10 * * * *", "Look for events that Stripe lists and that never came here.")
EXPIRE_DISPUTES = ScheduledJob(
    "expire_disputes", "*/10 * * * *", "Close the disputes whose deadline passed without an answer."
)
RECONCILE = ScheduledJob("reconcile", "23 4 * * *", "Compare every copy and every sum of money with Stripe.")
ASK_MAILS = ScheduledJob("ask_mails", "*/5 * * * *", "Ask for the mails about failed payments that are due.")
ASK_CARD_MAILS = ScheduledJob(
    "ask_card_mails", "7 14 * * *", "Ask for a mail for each card in use that expires within 30 days."
)
PULL_USAGE = ScheduledJob("pull_usage", "11 * * * *", "Read what connected providers and gateways report.")
FIND_ALERTS = ScheduledJob(
    "find_alerts", "3-59/5 * * * *", "Look for what is unusual in a version that nobody has looked at yet."
)
SEND_DIGESTS = ScheduledJob("send_digests", "*/5 * * * *", "Ask for the daily mail when its hour has struck.")
DRAIN_USAGE = ScheduledJob(
    "drain_usage",
    "* * * * *",
    "Move usage that came over HTTP into the lake, where much of it waits or some for ten minutes.",
)
FORGET_USAGE_IDS = ScheduledJob(
    "forget_usage_ids", "37 3 * * *", "Drop the intake's marks of events that the lake has held for a week."
)
PUSH_METERS = ScheduledJob("push_meters", "*/5 * * * *", "Tell Stripe's meters what was used.")
COMPARE_METERS = ScheduledJob("compare_meters", "19 * * * *", "Compare what meters were told with Stripe's sums.")

SCHEDULE = (
    REFRESH,
    RETURN_STALLED,
    VERIFY_AUDIT,
    OBSERVE_ALL,
    FILL_GAPS,
    EXPIRE_DISPUTES,
    RECONCILE,
    ASK_MAILS,
    ASK_CARD_MAILS,
    PULL_USAGE,
    FIND_ALERTS,
    SEND_DIGESTS,
    DRAIN_USAGE,
    FORGET_USAGE_IDS,
    PUSH_METERS,
    COMPARE_METERS,
)
