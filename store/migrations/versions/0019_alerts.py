"""Alerts: episodes of what is unusual, their days and steps, what answers tuned, and the runs that looked."""

from alembic import op

from store.migrations.row_security import guard_tenant_table, run_script

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = """
create table alerts (
    tenant_id uuid not null,
    alert_id uuid not null,
    detector text not null,
    scope text not null,
    subject_key text not null,
    customer_id text,
    provider text,
    model text,
    feature text,
    name text,
    state text not null,
    verdict text,
    planned_until date,
    snoozed_until timestamptz,
    quieted_impact_minor bigint,
    quieted_score double precision,
    assigned_to text,
    first_day date not null,
    last_day date not null,
    is_rise boolean not null,
    is_provisional boolean not null,
    unit text not null,
    actual numeric(38, 0),
    expected numeric(38, 0),
    lower numeric(38, 0),
    upper numeric(38, 0),
    impact_minor bigint,
    currency text not null,
    impact_pico_usd numeric(38, 0),
    peak_score double precision not null,
    parent_alert_id uuid,
    sentence text not null,
    explanation jsonb,
    explanation_version bigint,
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    resolved_at timestamptz,
    resolved_why text,
    found_in_version bigint not null,
    restated_in_version bigint not null,
    news_in_version bigint,
    constraint alerts_state_check check (state in ('new', 'ongoing', 'resolved')),
    constraint alerts_verdict_check check (verdict in ('confirmed', 'expected', 'planned', 'not_an_issue')),
    constraint alerts_days_check check (first_day <= last_day),
    constraint alerts_resolved_check check ((state = 'resolved') = (resolved_at is not null)),
    constraint alerts_planned_check check ((verdict is not distinct from 'planned') = (planned_until is not null)),
    constraint alerts_pkey primary key (tenant_id, alert_id),
    constraint alerts_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint alerts_tenant_id_parent_alert_id_fkey
        foreign key (tenant_id, parent_alert_id) references alerts (tenant_id, alert_id)
);
create unique index alerts_one_open_idx on alerts (tenant_id, detector, subject_key) where state <> 'resolved';
create index alerts_tenant_id_last_day_idx on alerts (tenant_id, last_day);
create index alerts_tenant_id_parent_alert_id_idx on alerts (tenant_id, parent_alert_id);
create table alert_days (
    tenant_id uuid not null,
    alert_id uuid not null,
    day date not null,
    is_provisional boolean not null,
    is_taken_back boolean not null,
    is_rise boolean not null,
    actual numeric(38, 0),
    expected numeric(38, 0),
    lower numeric(38, 0),
    upper numeric(38, 0),
    impact_minor bigint,
    score double precision not null,
    parts jsonb not null,
    facts jsonb not null,
    sentence text not null,
    recorded_at timestamptz not null,
    constraint alert_days_pkey primary key (tenant_id, alert_id, day),
    constraint alert_days_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint alert_days_tenant_id_alert_id_fkey
        foreign key (tenant_id, alert_id) references alerts (tenant_id, alert_id)
);
create table alert_steps (
    tenant_id uuid not null,
    alert_id uuid not null,
    position bigint generated always as identity not null,
    step text not null,
    at timestamptz not null,
    who text not null,
    why text,
    constraint alert_steps_pkey primary key (tenant_id, alert_id, position),
    constraint alert_steps_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint alert_steps_tenant_id_alert_id_fkey
        foreign key (tenant_id, alert_id) references alerts (tenant_id, alert_id)
);
create table alert_tunings (
    tenant_id uuid not null,
    tuning_id uuid not null,
    detector text not null,
    subject_key text not null,
    factor_ppm bigint not null,
    impact_minor bigint,
    level numeric(38, 0),
    is_rise boolean not null,
    because_of uuid not null,
    set_at timestamptz not null,
    ends_at timestamptz not null,
    constraint alert_tunings_pkey primary key (tenant_id, tuning_id),
    constraint alert_tunings_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id),
    constraint alert_tunings_tenant_id_because_of_fkey
        foreign key (tenant_id, because_of) references alerts (tenant_id, alert_id)
);
create index alert_tunings_tenant_id_ends_at_idx on alert_tunings (tenant_id, ends_at);
create index alert_tunings_tenant_id_because_of_idx on alert_tunings (tenant_id, because_of);
create table detection_runs (
    tenant_id uuid not null,
    version bigint not null,
    ran_at timestamptz not null,
    finished_at timestamptz,
    series bigint not null default 0,
    series_days bigint not null default 0,
    findings bigint not null default 0,
    opened bigint not null default 0,
    resolved bigint not null default 0,
    late_days jsonb not null,
    troubles jsonb not null,
    seconds double precision not null,
    constraint detection_runs_pkey primary key (tenant_id, version),
    constraint detection_runs_tenant_id_fkey foreign key (tenant_id) references tenants (tenant_id)
);
create index detection_runs_tenant_id_ran_at_idx on detection_runs (tenant_id, ran_at);
"""
GUARDED = {
    "alerts": ("select", "insert", "update"),
    "alert_days": ("select", "insert", "update"),
    "alert_steps": ("select", "insert"),
    "alert_tunings": ("select", "insert", "update"),
    "detection_runs": ("select", "insert", "update"),
}


def upgrade() -> None:
    """Make the tables: alerts are changed and never deleted, their steps only added."""
    run_script(TABLES)
    for table, commands in GUARDED.items():
        guard_tenant_table(table, commands)


def downgrade() -> None:
    """Take the tables away."""
    for table in reversed(GUARDED):
        op.execute(f"drop table {table}")
