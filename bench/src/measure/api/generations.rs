//! Generation requests of concurrent accounts, each on a connection of its own and each for
//! a project without a generation.

use std::net::SocketAddr;

use super::installation::Installation;
use crate::measure::{
    accounts::Account,
    arrivals::{self, Answers},
    cli::{ApiArgs, Engine},
    figures::{Figures, percentile},
    load::{self, LoadResult, Request, Requests},
};

/// Requests of each account before those that count.
const WARM_UP: usize = 2;

/// Requests a second of the load by a clock.
const RATE: u32 = 200;

/// Sends them to one of the servers, under this prefix of the path.
pub(super) async fn load(
    installation: &Installation,
    args: &ApiArgs,
    address: SocketAddr,
    prefix: &str,
) -> anyhow::Result<LoadResult> {
    let each = args.generations.div_ceil(args.connections).max(1);
    let (mut first, mut counted) = (Vec::new(), Vec::new());
    for _ in 0..args.connections {
        let account = Account::register(installation.product.address).await?;
        let projects = account.create_projects(&installation.db, WARM_UP + each).await?;
        let mut requests: Vec<_> =
            projects.iter().map(|project| account.generation_under(prefix, project)).collect();
        let rest = requests.split_off(WARM_UP);
        first.push(Box::new(requests.into_iter()) as Requests);
        counted.push(Box::new(rest.into_iter()) as Requests);
    }
    load::run(address, first, None, 202).await?;
    load::run(address, counted, None, 202).await
}

/// Sends them to the product by a clock, whether earlier ones were answered or not.
pub(super) async fn measure_by_clock(
    installation: &Installation,
    args: &ApiArgs,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let address = installation.product.address;
    let each = args.generations.div_ceil(args.connections).max(1);
    let mut numbered: Vec<(usize, Request)> = Vec::new();
    for _ in 0..args.connections {
        let account = Account::register(address).await?;
        let projects = account.create_projects(&installation.db, WARM_UP + each).await?;
        numbered.extend(projects.iter().map(|project| account.generation(project)).enumerate());
    }
    // The accounts take turns.
    numbered.sort_by_key(|(number, _)| *number);
    let mut requests: Vec<Request> = numbered.into_iter().map(|(_, request)| request).collect();
    let counted = requests.split_off(WARM_UP * args.connections);
    arrivals::run(address, requests, f64::from(RATE), 202).await?;
    let answers = arrivals::run(address, counted, f64::from(RATE), 202).await?;
    record(figures, installation.engine, &answers);
    Ok(())
}

fn record(figures: &mut Figures, engine: Engine, answers: &Answers) {
    let name = format!("{}generation request accepted, {RATE} a second", engine.prefix());
    for (share_name, share) in [("p50", 0.5), ("p99", 0.99)] {
        figures.record(format!("{name}, {share_name}"), "ms", percentile(&answers.millis, share));
    }
    figures.record(format!("{name}, errors"), "requests", answers.errors as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_how_soon_requests_were_accepted() {
        let mut figures = Figures::default();
        let answers = Answers { millis: (0..100).map(f64::from).collect(), errors: 2 };

        record(&mut figures, Engine::Postgres, &answers);
        record(&mut figures, Engine::Sqlite, &Answers::default());

        assert_eq!(figures.median("generation request accepted, 200 a second, p50"), Some(50.0));
        assert_eq!(figures.median("generation request accepted, 200 a second, p99"), Some(99.0));
        assert_eq!(figures.median("generation request accepted, 200 a second, errors"), Some(2.0));
        assert_eq!(figures.median("embedded generation request accepted, 200 a second, errors"), Some(0.0));
    }
}
