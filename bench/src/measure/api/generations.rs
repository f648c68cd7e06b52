//! Generation requests of concurrent accounts, each on a connection of its own and each for
//! a project without a generation.

use std::net::SocketAddr;

use super::installation::Installation;
use crate::measure::{
    accounts::Account,
    cli::ApiArgs,
    load::{self, LoadResult, Requests},
};

/// Requests of each account before those that count.
const WARM_UP: usize = 2;

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
