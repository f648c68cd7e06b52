//! The closed sets of values that columns hold, by their stored names.

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

macro_rules! text_enums {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $($(#[$vdoc])* #[sea_orm(string_value = $text)] #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name it is stored and sent under.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of that name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

text_enums! {
    /// Where a job is in its life; `atelier_queue::state` says who may become what.
    JobState {
        /// Due later: delayed, or put off by its handler.
        Scheduled = "scheduled",
        /// Due, waiting for a worker.
        Available = "available",
        /// Held by a worker under a lease.
        Running = "running",
        /// An attempt failed; due again later.
        Retrying = "retrying",
        Succeeded = "succeeded",
        /// Out of attempts, or failed for good.
        Failed = "failed",
        Cancelled = "cancelled",
        /// Thrown away by an operator.
        Discarded = "discarded",
    }

    /// How an attempt of a job ended.
    AttemptOutcome {
        Succeeded = "succeeded",
        Failed = "failed",
        TimedOut = "timed_out",
        Panicked = "panicked",
        /// The worker died or lost its lease.
        Lost = "lost",
        Cancelled = "cancelled",
    }

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

    GenerationMode {
        Quick = "quick",
        Advanced = "advanced",
    }

    DeploymentStatus {
        Queued = "queued",
        Publishing = "publishing",
        Live = "live",
        Failed = "failed",
        Cancelled = "cancelled",
        /// Another deployment of the same project and platform went live.
        Superseded = "superseded",
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

impl JobState {
    /// The states a job never leaves but by an operator's retry.
    pub const TERMINAL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Cancelled, Self::Discarded];

    /// What the state is to the indexes of jobs: 0 waits for its time, 1 is open, 2
    /// succeeded, 3 failed, 4 cancelled, 5 discarded. A claim leaves it as it is, so that
    /// no index has to be written for one.
    #[must_use]
    pub const fn phase(self) -> i16 {
        match self {
            Self::Scheduled | Self::Retrying => 0,
            Self::Available | Self::Running => 1,
            Self::Succeeded => 2,
            Self::Failed => 3,
            Self::Cancelled => 4,
            Self::Discarded => 5,
        }
    }

    /// Whether the job has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        Self::TERMINAL.contains(&self)
    }
}
