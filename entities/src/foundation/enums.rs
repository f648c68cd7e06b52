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
        /// Taken when a generation was asked for.
        Usage = "usage",
        /// Given back because the generation did not succeed.
        Refund = "refund",
        /// Set right by an operator.
        Adjustment = "adjustment",
    }

    MailStatus {
        Queued = "queued",
        Sent = "sent",
        /// Kept in the outbox of an instance without SMTP.
        Captured = "captured",
        Failed = "failed",
        /// Not sent: the receiver's server refused mails to that address before, or the
        /// account is deactivated.
        Suppressed = "suppressed",
        /// Not sent: the person does not want mails of its category.
        Unsubscribed = "unsubscribed",
    }

    /// What a mail that a person can do without is about.
    MailCategory {
        /// How a day was spent.
        Reminders = "reminders",
        /// How a challenge ended.
        Results = "results",
        /// A limit is near or reached.
        Alerts = "alerts",
        /// What became of generations and deployments.
        Activity = "activity",
    }

    /// What a token that a mail carries is good for.
    TokenPurpose {
        VerifyEmail = "verify_email",
        ResetPassword = "reset_password",
    }

    /// Who else people may sign in at.
    SignInProvider {
        Google = "google",
        Github = "github",
        Apple = "apple",
    }

    /// Who ends a sign-in at a provider.
    OAuthEnd {
        /// The browser that began it, at the API's own callback.
        Browser = "browser",
        /// A client that asked for the address, with the code.
        Client = "client",
    }

    /// What an API token may be used for.
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
