-- The tables as they were first made. Frozen: a later change is a later migration.

CREATE TABLE price_entries (
    price_id BIGINT NOT NULL,
    price_key TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    service_tier TEXT NOT NULL,
    above_input_tokens BIGINT,
    up_to_input_tokens BIGINT,
    valid_from TIMESTAMP WITH TIME ZONE,
    valid_to TIMESTAMP WITH TIME ZONE,
    tod_from_minute INTEGER,
    tod_to_minute INTEGER,
    unit_prices JSONB NOT NULL,
    remainders JSONB NOT NULL,
    source TEXT NOT NULL,
    source_url TEXT,
    checked_on DATE,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT price_entries_pkey PRIMARY KEY (price_id)
);

CREATE TABLE tenant_directory (
    tenant_id UUID NOT NULL,
    slug TEXT NOT NULL,
    CONSTRAINT tenant_directory_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_directory_slug_key UNIQUE (slug)
);

CREATE TABLE tenants (
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    reporting_currency TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenants_reporting_currency_check CHECK (reporting_currency ~ '^[a-z]{3}$'),
    CONSTRAINT tenants_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenant_directory (tenant_id)
);

CREATE TABLE audit_log (
    tenant_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    principal TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before JSONB,
    after JSONB,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (tenant_id, seq),
    CONSTRAINT audit_log_seq_check CHECK (seq > 0),
    CONSTRAINT audit_log_hash_check CHECK (length(hash) = 32 and length(prev_hash) = 32),
    CONSTRAINT audit_log_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE customer_mappings (
    tenant_id UUID NOT NULL,
    source_ref TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT customer_mappings_pkey PRIMARY KEY (tenant_id, source_ref),
    CONSTRAINT customer_mappings_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE fx_rates (
    tenant_id UUID NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    rate_date DATE NOT NULL,
    rate_nano BIGINT NOT NULL,
    source TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT fx_rates_pkey PRIMARY KEY (tenant_id, base, quote, rate_date),
    CONSTRAINT fx_rates_currency_check CHECK (base ~ '^[a-z]{3}$' and quote ~ '^[a-z]{3}$'),
    CONSTRAINT fx_rates_rate_check CHECK (rate_nano > 0),
    CONSTRAINT fx_rates_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE source_freshness (
    tenant_id UUID NOT NULL,
    source TEXT NOT NULL,
    last_attempt_at TIMESTAMP WITH TIME ZONE,
    last_success_at TIMESTAMP WITH TIME ZONE,
    latest_record_at TIMESTAMP WITH TIME ZONE,
    rows_total BIGINT,
    status TEXT NOT NULL,
    message TEXT,
    CONSTRAINT source_freshness_pkey PRIMARY KEY (tenant_id, source),
    CONSTRAINT source_freshness_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE stripe_balance_transactions (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    type TEXT,
    reporting_category TEXT,
    amount_minor BIGINT,
    fee_minor BIGINT,
    net_minor BIGINT,
    currency TEXT,
    exchange_rate NUMERIC,
    source_id TEXT,
    available_at TIMESTAMP WITH TIME ZONE,
    description TEXT,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_balance_transactions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_balance_transactions_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_balance_transactions_tenant_id_source_id_idx ON stripe_balance_transactions (tenant_id, source_id);

CREATE TABLE stripe_charges (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT,
    payment_intent_id TEXT,
    amount_minor BIGINT,
    amount_captured_minor BIGINT,
    amount_refunded_minor BIGINT,
    currency TEXT,
    status TEXT,
    is_paid BOOLEAN,
    is_disputed BOOLEAN,
    failure_code TEXT,
    decline_code TEXT,
    advice_code TEXT,
    network_decline_code TEXT,
    balance_transaction_id TEXT,
    metadata JSONB,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_charges_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_charges_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_charges_tenant_id_customer_id_idx ON stripe_charges (tenant_id, customer_id);
CREATE INDEX stripe_charges_tenant_id_payment_intent_id_idx ON stripe_charges (tenant_id, payment_intent_id);

CREATE TABLE stripe_customers (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    name TEXT,
    email TEXT,
    currency TEXT,
    country TEXT,
    metadata JSONB,
    is_delinquent BOOLEAN,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_customers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_customers_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE stripe_disputes (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    charge_id TEXT,
    payment_intent_id TEXT,
    amount_minor BIGINT,
    currency TEXT,
    status TEXT,
    reason TEXT,
    due_by TIMESTAMP WITH TIME ZONE,
    network_reason_code TEXT,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_disputes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_disputes_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_disputes_tenant_id_charge_id_idx ON stripe_disputes (tenant_id, charge_id);

CREATE TABLE stripe_events (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    type TEXT,
    object_id TEXT,
    object_type TEXT,
    api_version TEXT,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_events_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_events_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_events_tenant_id_created_at_idx ON stripe_events (tenant_id, created_at);

CREATE TABLE stripe_invoice_payments (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    invoice_id TEXT,
    payment_intent_id TEXT,
    charge_id TEXT,
    status TEXT,
    amount_paid_minor BIGINT,
    amount_requested_minor BIGINT,
    currency TEXT,
    is_default BOOLEAN,
    paid_at TIMESTAMP WITH TIME ZONE,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_invoice_payments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_invoice_payments_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_invoice_payments_tenant_id_invoice_id_idx ON stripe_invoice_payments (tenant_id, invoice_id);
CREATE INDEX stripe_invoice_payments_tenant_id_payment_intent_id_idx ON stripe_invoice_payments (tenant_id, payment_intent_id);

CREATE TABLE stripe_invoices (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT,
    subscription_id TEXT,
    number TEXT,
    status TEXT,
    currency TEXT,
    billing_reason TEXT,
    collection_method TEXT,
    subtotal_minor BIGINT,
    total_minor BIGINT,
    total_excluding_tax_minor BIGINT,
    amount_due_minor BIGINT,
    amount_paid_minor BIGINT,
    amount_remaining_minor BIGINT,
    starting_balance_minor BIGINT,
    attempt_count BIGINT,
    next_payment_attempt_at TIMESTAMP WITH TIME ZONE,
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    finalized_at TIMESTAMP WITH TIME ZONE,
    paid_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_invoices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_invoices_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_invoices_tenant_id_customer_id_idx ON stripe_invoices (tenant_id, customer_id);
CREATE INDEX stripe_invoices_tenant_id_finalized_at_idx ON stripe_invoices (tenant_id, finalized_at);
CREATE INDEX stripe_invoices_tenant_id_subscription_id_idx ON stripe_invoices (tenant_id, subscription_id);

CREATE TABLE stripe_payment_intents (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT,
    amount_minor BIGINT,
    currency TEXT,
    status TEXT,
    latest_charge_id TEXT,
    last_error_code TEXT,
    last_decline_code TEXT,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_payment_intents_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_payment_intents_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_payment_intents_tenant_id_customer_id_idx ON stripe_payment_intents (tenant_id, customer_id);

CREATE TABLE stripe_prices (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    product_id TEXT,
    nickname TEXT,
    currency TEXT,
    unit_amount_minor BIGINT,
    billing_scheme TEXT,
    usage_type TEXT,
    recurring_interval TEXT,
    recurring_interval_count BIGINT,
    is_active BOOLEAN,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_prices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_prices_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE stripe_products (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    name TEXT,
    is_active BOOLEAN,
    metadata JSONB,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_products_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_products_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE stripe_refunds (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    charge_id TEXT,
    payment_intent_id TEXT,
    amount_minor BIGINT,
    currency TEXT,
    status TEXT,
    reason TEXT,
    failure_reason TEXT,
    balance_transaction_id TEXT,
    metadata JSONB,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_refunds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_refunds_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_refunds_tenant_id_charge_id_idx ON stripe_refunds (tenant_id, charge_id);

CREATE TABLE stripe_subscriptions (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT,
    status TEXT,
    currency TEXT,
    billing_mode TEXT,
    started_at TIMESTAMP WITH TIME ZONE,
    canceled_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    trial_end_at TIMESTAMP WITH TIME ZONE,
    cancel_at_period_end BOOLEAN,
    metadata JSONB,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_subscriptions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_subscriptions_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_subscriptions_tenant_id_customer_id_idx ON stripe_subscriptions (tenant_id, customer_id);

CREATE TABLE sync_state (
    tenant_id UUID NOT NULL,
    source TEXT NOT NULL,
    last_event_id TEXT,
    last_event_created_at TIMESTAMP WITH TIME ZONE,
    backfill_completed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT sync_state_pkey PRIMARY KEY (tenant_id, source),
    CONSTRAINT sync_state_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE sync_windows (
    tenant_id UUID NOT NULL,
    source TEXT NOT NULL,
    stream TEXT NOT NULL,
    window_start TIMESTAMP WITH TIME ZONE NOT NULL,
    window_end TIMESTAMP WITH TIME ZONE NOT NULL,
    cursor TEXT,
    state TEXT NOT NULL,
    rows_done BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT sync_windows_pkey PRIMARY KEY (tenant_id, source, stream, window_start),
    CONSTRAINT sync_windows_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE usage_imports (
    tenant_id UUID NOT NULL,
    import_id UUID NOT NULL,
    file_name TEXT NOT NULL,
    file_sha256 TEXT NOT NULL,
    format TEXT NOT NULL,
    columns TEXT NOT NULL,
    state TEXT NOT NULL,
    rows_done BIGINT DEFAULT 0 NOT NULL,
    accepted BIGINT DEFAULT 0 NOT NULL,
    duplicate BIGINT DEFAULT 0 NOT NULL,
    conflict BIGINT DEFAULT 0 NOT NULL,
    rejected BIGINT DEFAULT 0 NOT NULL,
    unpriced BIGINT DEFAULT 0 NOT NULL,
    ignored BIGINT DEFAULT 0 NOT NULL,
    reject_bytes BIGINT DEFAULT 0 NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT usage_imports_pkey PRIMARY KEY (tenant_id, import_id),
    CONSTRAINT usage_imports_state_check CHECK (state in ('running', 'finished')),
    CONSTRAINT usage_imports_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX usage_imports_tenant_id_file_sha256_idx ON usage_imports (tenant_id, file_sha256);

CREATE TABLE warehouse_versions (
    tenant_id UUID NOT NULL,
    version BIGINT NOT NULL,
    file_name TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT,
    row_counts JSONB NOT NULL,
    checks JSONB NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT warehouse_versions_pkey PRIMARY KEY (tenant_id, version),
    CONSTRAINT warehouse_versions_state_check CHECK (state in ('published', 'refused')),
    CONSTRAINT warehouse_versions_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);

CREATE TABLE lake_files (
    tenant_id UUID NOT NULL,
    path TEXT NOT NULL,
    import_id UUID NOT NULL,
    day DATE NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    cost_pico_usd NUMERIC(38, 0),
    unpriced_rows BIGINT DEFAULT 0 NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lake_files_pkey PRIMARY KEY (tenant_id, path),
    CONSTRAINT lake_files_tenant_id_import_id_fkey FOREIGN KEY(tenant_id, import_id) REFERENCES usage_imports (tenant_id, import_id),
    CONSTRAINT lake_files_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX lake_files_tenant_id_day_idx ON lake_files (tenant_id, day);
CREATE INDEX lake_files_tenant_id_import_id_idx ON lake_files (tenant_id, import_id);

CREATE TABLE stripe_invoice_lines (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    invoice_id TEXT,
    description TEXT,
    currency TEXT,
    amount_minor BIGINT,
    quantity BIGINT,
    price_id TEXT,
    product_id TEXT,
    subscription_id TEXT,
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    is_proration BOOLEAN,
    discount_minor BIGINT,
    pretax_credit_minor BIGINT,
    tax_exclusive_minor BIGINT,
    tax_inclusive_minor BIGINT,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_invoice_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_invoice_lines_tenant_id_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES stripe_invoices (tenant_id, id),
    CONSTRAINT stripe_invoice_lines_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_invoice_lines_tenant_id_invoice_id_idx ON stripe_invoice_lines (tenant_id, invoice_id);

CREATE TABLE stripe_subscription_items (
    tenant_id UUID NOT NULL,
    id TEXT NOT NULL,
    subscription_id TEXT,
    price_id TEXT,
    product_id TEXT,
    quantity BIGINT,
    current_period_start TIMESTAMP WITH TIME ZONE,
    current_period_end TIMESTAMP WITH TIME ZONE,
    raw JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_deleted BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT stripe_subscription_items_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stripe_subscription_items_tenant_id_subscription_id_fkey FOREIGN KEY(tenant_id, subscription_id) REFERENCES stripe_subscriptions (tenant_id, id),
    CONSTRAINT stripe_subscription_items_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE INDEX stripe_subscription_items_tenant_id_subscription_id_idx ON stripe_subscription_items (tenant_id, subscription_id);
