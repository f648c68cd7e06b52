//! The closed sets of values of workflows and their runs, by their stored names.

use crate::text_enums::text_enums;

text_enums! {
    /// What a version is for.
    VersionKind {
        /// The only version that changes. Each workflow has one.
        Draft = "draft",
        /// A numbered version.
        Published = "published",
        /// A copy of a draft that a run was started from.
        Test = "test",
    }

    /// What started a run.
    RunCause {
        /// A person.
        Manual = "manual",
        /// An event of the product.
        Event = "event",
        /// The failure of a run of another workflow.
        Error = "error",
        /// A node of another run.
        Parent = "parent",
        /// A person, from an earlier run.
        Rerun = "rerun",
        /// A schedule.
        Schedule = "schedule",
        /// A call of a webhook.
        Webhook = "webhook",
    }

    /// The state of a run.
    RunStatus {
        /// It has not begun.
        Queued = "queued",
        /// Work is under way or about to start.
        Running = "running",
        /// Nothing new starts until it is resumed.
        Paused = "paused",
        /// All that is under way waits.
        Waiting = "waiting",
        /// All nodes are decided, and no failure was left unhandled.
        Succeeded = "succeeded",
        /// A failure was left unhandled.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// It took longer than it may.
        TimedOut = "timed_out",
    }

    /// The state of a node in a scope. A node without a row is undecided.
    NodeState {
        /// Its job is queued, or will be once the run goes on.
        Ready = "ready",
        /// A worker has it.
        Running = "running",
        /// An attempt failed; the next one is scheduled.
        Retrying = "retrying",
        /// It waits, and holds no worker.
        Waiting = "waiting",
        /// Its items are under way. It holds no worker itself.
        Iterating = "iterating",
        /// It did what it should.
        Succeeded = "succeeded",
        /// Its last attempt failed.
        Failed = "failed",
        /// No inbound edge was taken.
        Skipped = "skipped",
        /// It was ended, or never started, because of something else.
        Cancelled = "cancelled",
    }

    /// Why a node or an item was cancelled.
    CancelCause {
        /// Something else failed.
        Failure = "failure",
        /// The run took longer than it may.
        Timeout = "timeout",
        /// The run was cancelled.
        Cancel = "cancel",
        /// A join that it leads to ran without it.
        JoinDone = "join_done",
        /// The loop around it was ended.
        Break = "break",
    }

    /// Why a loop starts no more items.
    LoopClosing {
        /// Too many items failed.
        Failed = "failed",
        /// A break node ended it, or its condition holds no more.
        Ended = "ended",
    }

    /// The state of an item of a loop.
    ItemState {
        /// It is to run again once the window has room.
        Queued = "queued",
        /// Its nodes are under way.
        Running = "running",
        /// All its nodes are decided, and no failure was left unhandled.
        Succeeded = "succeeded",
        /// A failure was left unhandled.
        Failed = "failed",
        /// It was ended because of something outside.
        Cancelled = "cancelled",
    }

    /// What becomes of a fire time while a run of the schedule is under way.
    ScheduleOverlap {
        /// It starts nothing.
        Skip = "skip",
        /// It waits for the end of the run, if nothing waits yet.
        BufferOne = "buffer_one",
        /// It waits for the end of the runs before it.
        BufferAll = "buffer_all",
        /// The run is cancelled, and it starts once the jobs of that run have stopped.
        CancelOther = "cancel_other",
        /// The run is cancelled, and it starts at once.
        TerminateOther = "terminate_other",
        /// It starts at once.
        AllowAll = "allow_all",
    }

    /// What became of a fire time of a schedule.
    TickOutcome {
        /// It started a run.
        Started = "started",
        /// It waits for the end of a run.
        Buffered = "buffered",
        /// It started nothing, since a run was under way or the buffer was full.
        SkippedOverlap = "skipped_overlap",
        /// It was older than the catch-up window when a scheduler came to it.
        MissedWindow = "missed_window",
        /// It was not among the newest that are made up for.
        MissedLimit = "missed_limit",
        /// The workflow could not run.
        Failed = "failed",
    }

    /// What becomes of a civil time that a change of the clock leaves out.
    ClockGap {
        /// It fires at the first instant after it.
        Shift = "shift",
        /// It does not fire.
        Skip = "skip",
    }

    /// What becomes of a civil time that a change of the clock repeats.
    ClockFold {
        /// It fires the first time.
        First = "first",
        /// It fires the second time.
        Last = "last",
        /// It fires both times.
        Both = "both",
    }

    /// Whether a subscription gets events.
    WebhookStatus {
        /// It gets them.
        Enabled = "enabled",
        /// Its owner wants none for now.
        Paused = "paused",
        /// The platform sends no more, since its server failed or asked for that.
        Disabled = "disabled",
    }

    /// What became of an event for a subscription.
    DeliveryState {
        /// An attempt is due, now or later.
        Pending = "pending",
        /// The server took it.
        Succeeded = "succeeded",
        /// The last attempt failed.
        Failed = "failed",
        /// No more attempts were wanted.
        Aborted = "aborted",
    }

    /// What a wait waits for.
    WaitKind {
        /// For some time.
        Delay = "delay",
        /// Until a moment.
        Until = "until",
        /// For a decision of a person.
        Approval = "approval",
        /// For a signal.
        Signal = "signal",
        /// For the end of a child run.
        Child = "child",
        /// For the end of a job that the node started.
        Job = "job",
    }
}

impl RunStatus {
    /// Whether the run has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

impl NodeState {
    /// Whether nothing more happens to the node.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// Whether the node has a job, or is about to.
    #[must_use]
    pub const fn is_working(self) -> bool {
        matches!(self, Self::Ready | Self::Running | Self::Retrying)
    }
}

impl CancelCause {
    /// Whether a retry of what failed brings the node or item back.
    #[must_use]
    pub const fn is_undone_by_retry(self) -> bool {
        matches!(self, Self::Failure | Self::Timeout)
    }
}
