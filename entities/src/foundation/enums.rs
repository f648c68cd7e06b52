//! The closed sets of values of accounts, projects, credits, mails and the audit log, by their stored names.

use crate::text_enums::text_enums;

text_enums! {
    ProjectKind {
        WebApp = "web_app",
        MobileApp = "mobile_app",
        Api = "api",
        LandingPage = "landing_page",
    }

    /// Codex's `draft/building/completed/error` with Vectort's `generating`.
    ProjectStatus {
        Draft = "draft",
        Generating = "generating",
        Building = "building",
        Completed = "completed",
        Error = "error",
    }

    CreditKind {
        /// Given at registration.
        Bonus = "bonus",
        /// Bought.
        Purchase = "purchase",
        /// Charged when a generation was requested.
        Usage = "usage",
        /// Refunded because the generation did not succeed.
        Refund = "refund",
        /// Corrected by an operator.
        Adjustment = "adjustment",
    }

    MailStatus {
        Queued = "queued",
        Sent = "sent",
        /// Stored in the outbox of an instance without SMTP.
        Captured = "captured",
        Failed = "failed",
        /// Not sent: mails to the address bounced before, or the account is deactivated.
        Suppressed = "suppressed",
        /// Not sent: the person has opted out of its category.
        Unsubscribed = "unsubscribed",
    }

    /// The category of an optional mail.
    MailCategory {
        /// Daily reminders.
        Reminders = "reminders",
        /// Results of challenges.
        Results = "results",
        /// Limits that are nearly or fully used.
        Alerts = "alerts",
        /// Results of generations and deployments.
        Activity = "activity",
    }

    /// The purpose of a mailed token.
    TokenPurpose {
        VerifyEmail = "verify_email",
        ResetPassword = "reset_password",
    }

    /// The identity providers.
    SignInProvider {
        Google = "google",
        Github = "github",
        Apple = "apple",
    }

    /// Where a sign-in at a provider is completed.
    OAuthEnd {
        /// In the browser that began it, at the callback of the API.
        Browser = "browser",
        /// In a client that requested the URL and sends the code.
        Client = "client",
    }

    /// The scope of an API token.
    ApiScope {
        Read = "read",
        Write = "write",
        Admin = "admin",
    }

    Locale {
        En = "en",
        Fr = "fr",
    }

    AuditLevel {
        Info = "info",
        Warning = "warning",
        Critical = "critical",
    }
}
