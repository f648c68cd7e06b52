//! The job queue.

use sea_orm_migration::MigrationTrait;

mod m0003_jobs;
mod m0010_leases;
mod m0012_rate_starts;
mod m0024_schedule_pauses;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0003_jobs::Migration),
        Box::new(m0010_leases::Migration),
        Box::new(m0012_rate_starts::Migration),
        Box::new(m0024_schedule_pauses::Migration),
    ]
}
