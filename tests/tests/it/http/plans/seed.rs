//! Fills every growing table with generated rows, by the types of its columns.

use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement};

/// Rows per table.
const ROWS: u32 = 20_000;

/// Tables that stay small.
pub(super) const SMALL: &[&str] = &[
    "account_erasures",
    "audit_archives",
    "audit_loose_objects",
    "job_leases",
    "platform_stats",
    "queues",
    "schedulers",
    "schedules",
    "seaql_migrations",
    "workers",
    "write_probes",
];

/// Values of columns with a meaning, as expressions of the row's number `n`.
const VALUES: &[(&str, &str)] = &[
    ("account_tokens.purpose", "'verify_email'"),
    ("api_tokens.scopes", "'[\"read\"]'"),
    ("audit_log.action", "CASE n % 10 WHEN 0 THEN 'auth.login' ELSE 'project.update' END"),
    ("audit_log.level", "CASE n % 50 WHEN 0 THEN 'warning' ELSE 'info' END"),
    ("credit_transactions.kind", "'usage'"),
    ("deployments.platform", "'preview'"),
    ("deployments.status", "CASE n % 2 WHEN 0 THEN 'live' ELSE 'superseded' END"),
    ("job_attempts.outcome", "'failed'"),
    ("job_events.kind", "'log'"),
    ("jobs.error", "CASE n % 10 WHEN 0 THEN '{\"code\": \"GONE\"}'::jsonb END"),
    ("jobs.kind", "CASE n % 2 WHEN 0 THEN 'generation.run' ELSE 'email.deliver' END"),
    ("jobs.phase", "CASE n % 10 WHEN 0 THEN 3 WHEN 1 THEN 4 ELSE 2 END"),
    ("jobs.queue", "CASE n % 2 WHEN 0 THEN 'generation' ELSE 'email' END"),
    ("jobs.state", "CASE n % 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'succeeded' END"),
    ("jobs.unique_key", "NULL"),
    ("mail_messages.status", "CASE n % 50 WHEN 0 THEN 'failed' ELSE 'sent' END"),
    ("mail_messages.template", "CASE n % 10 WHEN 0 THEN 'welcome' ELSE 'deployment_finished' END"),
    ("mail_opt_outs.category", "'activity'"),
    ("oauth_identities.provider", "'google'"),
    ("oauth_states.ends_at", "'browser'"),
    ("oauth_states.provider", "'google'"),
    ("project_messages.mode", "'quick'"),
    ("project_versions.mode", "'quick'"),
    ("project_versions.stack", "'plain'"),
    ("projects.kind", "'web_app'"),
    ("projects.status", "'completed'"),
    ("sessions.provider", "NULL"),
    ("webhook_deliveries.state", "CASE n % 50 WHEN 0 THEN 'pending' ELSE 'succeeded' END"),
    ("webhook_subscriptions.events", "'[\"*\"]'"),
    ("webhook_subscriptions.status", "'enabled'"),
    ("users.email_verified_at", "CASE WHEN n % 10 <> 0 THEN now() END"),
    ("users.is_active", "n % 100 <> 0"),
    ("users.is_admin", "false"),
    ("users.provider", "CASE n % 10 WHEN 0 THEN 'google' ELSE 'email' END"),
    ("users.subscription_plan", "CASE n % 10 WHEN 0 THEN 'pro' ELSE 'free' END"),
];

/// Values by the column's name, for all tables.
const NAMED: &[(&str, &str)] = &[
    ("actor_id", "seeded('users', n)"),
    ("country", "'FR'"),
    ("deployment_id", "seeded('deployments', n)"),
    ("email", "'person' || n || '@example.org'"),
    ("expires_at", "now() + (n - 2000) * interval '30 seconds'"),
    ("finished_at", "now() - (20000 - n) * interval '30 seconds'"),
    ("hook_id", "seeded('workflow_hooks', n)"),
    ("integration_id", "seeded('integrations', n)"),
    ("job_id", "seeded('jobs', n)"),
    ("last_active_at", "now() - (20000 - n) * interval '30 seconds'"),
    ("locale", "'en'"),
    ("owner_id", "seeded('users', n)"),
    ("project_id", "seeded('projects', n)"),
    ("recipient", "'person' || n || '@example.org'"),
    ("subscription_id", "seeded('webhook_subscriptions', n)"),
    ("subject_id", "seeded('projects', n)"),
    ("time_zone", "'UTC'"),
    ("user_id", "seeded('users', n)"),
    ("version_id", "seeded('project_versions', n)"),
];

#[derive(Debug, FromQueryResult)]
struct Column {
    table_name: String,
    column_name: String,
    data_type: String,
    is_nullable: String,
}

/// The value of a column in row `n`.
fn value(column: &Column) -> String {
    let Column { table_name, column_name, data_type, is_nullable } = column;
    let own = format!("{table_name}.{column_name}");
    let meant = VALUES.iter().find(|(name, _)| *name == own);
    let meant = meant.or_else(|| NAMED.iter().find(|(name, _)| name == column_name));
    if let Some((_, value)) = meant.filter(|_| table_name != "jobs" || column_name != "expires_at") {
        return (*value).to_owned();
    }
    match data_type.as_str() {
        "uuid" if column_name == "id" => format!("seeded('{table_name}', n)"),
        "text" => format!("'{column_name} ' || n"),
        _ if is_nullable == "YES" => "NULL".to_owned(),
        "uuid" => "gen_random_uuid()".to_owned(),
        "timestamp with time zone" => "now() - (20000 - n) * interval '30 seconds'".to_owned(),
        "boolean" => "true".to_owned(),
        "jsonb" => "'{}'".to_owned(),
        "integer" | "bigint" | "smallint" | "double precision" => "1".to_owned(),
        other => panic!("say in plans/seed.rs what {own} of type {other} may be"),
    }
}

/// Ids that ascend with the row's number, like UUIDv7 with time.
const SEEDED: &str = "CREATE FUNCTION seeded(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS \
    $$ SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '7' || substr(md5(kind || n), 1, 3) \
    || '8' || substr(md5(kind || n), 4, 15))::uuid $$";

/// Fills the tables and analyzes them.
///
/// # Panics
/// If a table cannot be filled so: say in `VALUES` what its columns may be.
pub(super) async fn fill(db: &DatabaseConnection) {
    let columns = "SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable::text \
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY 1, c.ordinal_position";
    let columns = Column::find_by_statement(Statement::from_string(db.get_database_backend(), columns));
    let columns = columns.all(db).await.expect("the schema");
    // Rows refer to later rows.
    let mut script = format!("{SEEDED}; SET session_replication_role = replica");
    for of_table in columns.chunk_by(|one, next| one.table_name == next.table_name) {
        let table = &of_table[0].table_name;
        if SMALL.contains(&table.as_str()) {
            continue;
        }
        let names: Vec<&str> = of_table.iter().map(|column| column.column_name.as_str()).collect();
        let values: Vec<String> = of_table.iter().map(value).collect();
        script += &format!(
            "; INSERT INTO {table} ({}) SELECT {} FROM generate_series(1, {ROWS}) AS n",
            names.join(", "),
            values.join(", ")
        );
    }
    script += "; SET session_replication_role = DEFAULT";
    db.execute_unprepared(&script).await.unwrap_or_else(|error| panic!("a table was not filled: {error}"));
    db.execute_unprepared("VACUUM ANALYZE").await.expect("counted");
}
