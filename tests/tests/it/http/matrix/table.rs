//! The access rules of all operations.

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Anybody, with or without a token.
    Anybody,
    /// Signed-in people.
    Person,
    /// Administrators.
    Admin,
}

/// The requirements of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) who: Who,
    /// It concerns data of an owner, which is 404 for others.
    pub(super) owned: bool,
    /// Administrators can access that data too.
    pub(super) admins_too: bool,
    /// It requires a session; API tokens are rejected.
    pub(super) in_person: bool,
    /// It requires a verified address, if the settings do.
    pub(super) verified: bool,
}

const PERSON: Access =
    Access { who: Who::Person, owned: false, admins_too: false, in_person: false, verified: false };
const PUBLIC: Access = Access { who: Who::Anybody, ..PERSON };
const ADMIN: Access = Access { who: Who::Admin, ..PERSON };
const OWNER: Access = Access { owned: true, ..PERSON };
const OWNER_OR_ADMIN: Access = Access { admins_too: true, ..OWNER };
const IN_PERSON: Access = Access { in_person: true, ..PERSON };
const OWNER_IN_PERSON: Access = Access { in_person: true, ..OWNER };
const VERIFIED: Access = Access { verified: true, ..OWNER };
const VERIFIED_OR_ADMIN: Access = Access { verified: true, ..OWNER_OR_ADMIN };

/// Every operation of the document, by path.
pub(super) const TABLE: &[(&str, Access)] = &[
    ("GET /", PUBLIC),
    ("GET /api/admin/jobs", ADMIN),
    ("POST /api/admin/jobs/cancel", ADMIN),
    ("POST /api/admin/jobs/discard", ADMIN),
    ("POST /api/admin/jobs/replay", ADMIN),
    ("GET /api/admin/logs", ADMIN),
    ("DELETE /api/admin/logs/cleanup", ADMIN),
    ("GET /api/admin/logs/export", ADMIN),
    ("GET /api/admin/logs/stats", ADMIN),
    ("GET /api/admin/mails", ADMIN),
    ("GET /api/admin/mails/suppressions", ADMIN),
    ("DELETE /api/admin/mails/suppressions/{address}", ADMIN),
    ("GET /api/admin/mails/templates", ADMIN),
    ("GET /api/admin/mails/templates/{name}/preview", ADMIN),
    ("POST /api/admin/mails/templates/{name}/test", ADMIN),
    ("GET /api/admin/mails/{id}", ADMIN),
    ("GET /api/admin/queues", ADMIN),
    ("GET /api/admin/queues/{queue}/limits", ADMIN),
    ("PUT /api/admin/queues/{queue}/limits", ADMIN),
    ("POST /api/admin/queues/{queue}/pause", ADMIN),
    ("POST /api/admin/queues/{queue}/resume", ADMIN),
    ("GET /api/admin/scaling", ADMIN),
    ("GET /api/admin/schedules", ADMIN),
    ("GET /api/admin/stats/overview", ADMIN),
    ("GET /api/admin/stats/users-growth", ADMIN),
    ("GET /api/admin/system/health", ADMIN),
    ("GET /api/admin/users", ADMIN),
    ("GET /api/admin/users/{id}", ADMIN),
    ("PUT /api/admin/users/{id}", ADMIN),
    ("DELETE /api/admin/users/{id}", ADMIN),
    ("PATCH /api/admin/users/{id}/activate", ADMIN),
    ("PATCH /api/admin/users/{id}/deactivate", ADMIN),
    ("DELETE /api/admin/users/{id}/identities/{provider}", ADMIN),
    ("GET /api/admin/workers", ADMIN),
    ("POST /api/auth/forgot-password", PUBLIC),
    ("GET /api/auth/identities", PERSON),
    ("DELETE /api/auth/identities/{provider}", IN_PERSON),
    ("POST /api/auth/login", PUBLIC),
    ("POST /api/auth/logout", IN_PERSON),
    ("GET /api/auth/me", PERSON),
    ("POST /api/auth/oauth/{provider}", PUBLIC),
    ("GET /api/auth/providers", PUBLIC),
    ("POST /api/auth/refresh", PUBLIC),
    ("POST /api/auth/register", PUBLIC),
    ("POST /api/auth/resend-verification", PUBLIC),
    ("POST /api/auth/reset-password", PUBLIC),
    ("GET /api/auth/sessions", PERSON),
    ("DELETE /api/auth/sessions", IN_PERSON),
    ("DELETE /api/auth/sessions/{id}", OWNER_IN_PERSON),
    ("GET /api/auth/tokens", PERSON),
    ("POST /api/auth/tokens", IN_PERSON),
    ("DELETE /api/auth/tokens/{id}", OWNER_IN_PERSON),
    ("POST /api/auth/verify-email", PUBLIC),
    ("GET /api/auth/{provider}/callback", PUBLIC),
    ("POST /api/auth/{provider}/callback", PUBLIC),
    ("GET /api/auth/{provider}/login", PUBLIC),
    ("GET /api/credits/balance", PERSON),
    ("GET /api/credits/history", PERSON),
    ("GET /api/deployment/platforms", PUBLIC),
    ("GET /api/health", PUBLIC),
    ("GET /api/jobs", PERSON),
    ("GET /api/jobs/{id}", OWNER_OR_ADMIN),
    ("GET /api/jobs/{id}/attempts", OWNER_OR_ADMIN),
    ("POST /api/jobs/{id}/cancel", OWNER_OR_ADMIN),
    ("GET /api/jobs/{id}/events", OWNER_OR_ADMIN),
    ("POST /api/jobs/{id}/retry", VERIFIED_OR_ADMIN),
    ("GET /api/jobs/{id}/why", OWNER_OR_ADMIN),
    ("GET /api/projects", PERSON),
    ("POST /api/projects", PERSON),
    ("GET /api/projects/{id}", OWNER),
    ("PUT /api/projects/{id}", OWNER),
    ("DELETE /api/projects/{id}", OWNER),
    ("GET /api/projects/{id}/code", OWNER),
    ("POST /api/projects/{id}/deploy", VERIFIED),
    ("GET /api/projects/{id}/deployment/status", OWNER),
    ("POST /api/projects/{id}/export/zip", OWNER),
    ("POST /api/projects/{id}/generate", VERIFIED),
    ("GET /api/projects/{id}/versions", OWNER),
    ("POST /api/projects/{id}/versions/{version}/restore", OWNER),
    ("GET /api/stats", PUBLIC),
    ("GET /api/users/me", PERSON),
    ("PUT /api/users/me", PERSON),
    ("DELETE /api/users/me", IN_PERSON),
    ("GET /api/users/me/export", IN_PERSON),
    ("GET /api/users/me/notifications", PERSON),
    ("PUT /api/users/me/notifications", PERSON),
    ("PUT /api/users/me/password", IN_PERSON),
    ("GET /api/users/me/stats", PERSON),
    ("GET /api/users/stats", PERSON),
    ("GET /api/v1/automation/workflows/", PERSON),
    ("POST /api/v1/automation/workflows/", PERSON),
    ("POST /api/v1/automation/workflows/import/", PERSON),
    ("GET /api/v1/automation/workflows/{id}/", OWNER),
    ("PUT /api/v1/automation/workflows/{id}/", OWNER),
    ("DELETE /api/v1/automation/workflows/{id}/", OWNER),
    ("PATCH /api/v1/automation/workflows/{id}/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/disable/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/duplicate/", OWNER),
    ("GET /api/v1/automation/workflows/{id}/edges/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/edges/", OWNER),
    ("DELETE /api/v1/automation/workflows/{id}/edges/{edge}/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/enable/", OWNER),
    ("GET /api/v1/automation/workflows/{id}/export/", OWNER),
    ("GET /api/v1/automation/workflows/{id}/graph.svg", OWNER),
    ("GET /api/v1/automation/workflows/{id}/graph/", OWNER),
    ("PUT /api/v1/automation/workflows/{id}/graph/", OWNER),
    ("GET /api/v1/automation/workflows/{id}/nodes/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/nodes/", OWNER),
    ("DELETE /api/v1/automation/workflows/{id}/nodes/{node}/", OWNER),
    ("PATCH /api/v1/automation/workflows/{id}/nodes/{node}/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/publish/", OWNER),
    ("POST /api/v1/automation/workflows/{id}/validate/", OWNER),
    ("GET /api/v1/automation/workflows/{id}/versions/", OWNER),
    ("GET /docs", PUBLIC),
    ("GET /healthz", PUBLIC),
    ("GET /metrics", PUBLIC),
    ("GET /openapi.json", PUBLIC),
    ("GET /preview/{slug}/", PUBLIC),
    ("GET /preview/{slug}/{path}", PUBLIC),
    ("GET /readyz", PUBLIC),
    ("GET /redoc", PUBLIC),
    ("GET /unsubscribe/{token}", PUBLIC),
    ("POST /unsubscribe/{token}", PUBLIC),
];
