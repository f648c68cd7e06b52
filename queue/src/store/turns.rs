//! Whose turn it is: how many jobs of its owner go before a job.

use std::collections::{HashMap, HashSet};

use atelier_entities::{UserId, jobs};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    job::Lane,
    name::QueueName,
    rank::MAX_COUNTED_WAITING,
    store::{
        sql::Sql,
        table::{Cell, Table},
    },
};

/// Where an owner's jobs stand in line: in a queue and a lane.
pub(crate) type Line = (UserId, QueueName, Lane);

/// Where a job stands in line; what belongs to nobody stands in none.
pub(crate) fn line_of(job: &jobs::Model) -> Option<Line> {
    Some((job.owner_id?, QueueName::parse(&job.queue)?, Lane::from_number(job.lane)))
}

/// Lines counted by one statement: three parameters each, of the 32,766 that SQLite takes.
const LINES_PER_COUNT: usize = 1_000;

/// How many jobs of an owner wait in a queue, in a lane or one that is more urgent, as far
/// as they are counted. Less urgent ones push nothing back.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: HashMap<Line, i64>,
}

impl Turns {
    /// Counts what waits in these lines.
    pub(crate) async fn count(
        db: &impl ConnectionTrait,
        lines: impl IntoIterator<Item = Line>,
    ) -> Result<Self, DbErr> {
        let lines: HashSet<Line> = lines.into_iter().collect();
        let mut waiting = HashMap::with_capacity(lines.len());
        let lines: Vec<_> = lines.into_iter().collect();
        for chunk in lines.chunks(LINES_PER_COUNT) {
            let rows = db.query_all_raw(statement(db, chunk).build()).await?;
            for row in rows {
                let name: String = row.try_get_by_index(1)?;
                if let Some(name) = QueueName::parse(&name) {
                    let lane = Lane::from_number(row.try_get_by_index(2)?);
                    waiting.insert((row.try_get_by_index(0)?, name, lane), row.try_get_by_index(3)?);
                }
            }
        }
        Ok(Self { waiting })
    }

    /// How many go before the next job in that line, which waits from now on too.
    pub(crate) fn take(&mut self, line: Line) -> i64 {
        let (owner, queue, lane) = line;
        let before = self.waiting.get(&line).copied().unwrap_or_default();
        for pushed_back in Lane::ALL.into_iter().filter(|other| other.number() >= lane.number()) {
            *self.waiting.entry((owner, queue, pushed_back)).or_default() += 1;
        }
        before
    }
}

fn statement(db: &impl ConnectionTrait, lines: &[Line]) -> Sql {
    let rows = lines.iter().map(|(owner, queue, lane)| {
        [Cell::Id(owner.0), Cell::Text(Some(queue.as_str().to_owned())), Cell::Number(lane.number().into())]
    });
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT line.owner_id, line.queue, line.lane, (SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE jobs.owner_id = line.owner_id AND jobs.queue = line.queue AND jobs.lane <= line.lane AND ")
        .push(super::WAITING)
        .push(" LIMIT ")
        .push(&MAX_COUNTED_WAITING.to_string())
        .push(") AS counted) AS waiting FROM ");
    let columns = [("owner_id", "uuid"), ("queue", "text"), ("lane", "smallint")];
    Table::new(columns, rows.collect()).push_to(&mut sql, "line");
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_pushes_back_what_is_no_more_urgent() {
        let (owner, other, queue) = (UserId::new(), UserId::new(), QueueName::Email);
        let mut turns = Turns::default();

        let mut take = |owner, lane| turns.take((owner, queue, lane));
        assert_eq!(take(owner, Lane::Normal), 0);
        assert_eq!(take(owner, Lane::Normal), 1);
        assert_eq!(take(owner, Lane::Urgent), 0, "it does not wait for what is less urgent");
        assert_eq!(take(owner, Lane::Bulk), 3);
        assert_eq!(take(owner, Lane::Normal), 3, "what is bulk does not count");
        assert_eq!(take(other, Lane::Normal), 0);
    }
}
