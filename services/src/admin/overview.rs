//! The platform at a glance.

use atelier_entities::platform_stats;
use atelier_queue::inspect::QueueOverview;

use super::{Admin, AdminError};
use crate::stats::{Stats, Totals};

/// The overview: the statistics of the last aggregation, and the current jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The public statistics.
    pub figures: platform_stats::Model,
    /// The statistics for administrators.
    pub totals: Totals,
    /// Jobs by state.
    pub jobs: JobCounts,
}

/// Jobs of all queues by state. Succeeded jobs are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Due later.
    pub scheduled: u64,
    /// Waiting for a worker.
    pub available: u64,
    /// Held by workers.
    pub running: u64,
    /// Waiting for another attempt.
    pub retrying: u64,
    /// Failed and still stored.
    pub failed: u64,
}

impl Admin {
    /// The overview, in three statements. None reads a whole table.
    pub async fn overview(&self) -> Result<Overview, AdminError> {
        let figures = Stats::new(self.queue.clone()).get().await?;
        let queues = self.queue.queue_overview().await?;
        Ok(Overview { totals: Totals::of(&figures), figures, jobs: add_up(&queues) })
    }
}

fn add_up(queues: &[QueueOverview]) -> JobCounts {
    queues.iter().fold(JobCounts::default(), |sum, queue| JobCounts {
        scheduled: sum.scheduled + queue.scheduled,
        available: sum.available + queue.available,
        running: sum.running + queue.running,
        retrying: sum.retrying + queue.retrying,
        failed: sum.failed + queue.failed,
    })
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn the_overview_has_stored_statistics_and_current_jobs() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.generate(ada.id, project.id, None).await;

        let overview = fixture.services.admin.overview().await.expect("an overview");

        assert_eq!((overview.figures.total_users, overview.totals), (0, Totals::default()), "not yet");
        assert_eq!(overview.jobs, JobCounts { available: 2, ..JobCounts::default() });
    }
}
