//! The installation as a whole, and changes of several contexts.

use sea_orm_migration::MigrationTrait;

mod m0013_read_by_index;
mod m0015_write_probes;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0013_read_by_index::Migration), Box::new(m0015_write_probes::Migration)]
}
