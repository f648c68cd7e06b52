//! An installation of one process with SQLite, and the product's own beside it.

use super::parts::{Parts, Setup, limit};
use crate::chaos::{
    enqueuer::{EnqueueClient, Enqueuer},
    infrastructure::{self, Disk, Infrastructure},
    processes::{EmbeddedPaths, Processes, Product},
    role, tables, workflows,
};

/// Starts it.
pub(super) async fn start(setup: &Setup<'_>) -> anyhow::Result<Parts> {
    let options = setup.options;
    let disk = Disk::prepare(setup.scratch, setup.reaper, options.own_mounts).await?;
    let paths = EmbeddedPaths {
        file: disk.chaos_file()?,
        socket: setup.scratch.path().join("callers"),
        product: disk.product_folder()?,
        heartbeat_secs: options.heartbeat_secs,
        environment: disk.environment(),
    };
    let made = infrastructure::create(&paths.file).await?;
    tables::create(&made).await?;
    let version = infrastructure::version(&made).await?;
    made.close().await?;
    let product = infrastructure::create(&disk.product_file()?).await?;
    workflows::create_tables(&product).await?;
    product.close().await?;
    let queue = role::embedded_queue(&paths.file, options.heartbeat()).await?;
    limit(&queue).await?;
    queue.db().close_by_ref().await?;
    let direct = [
        infrastructure::open_for_reading(&paths.file).await?,
        infrastructure::open_for_reading(&disk.product_file()?).await?,
    ];
    let processes = Processes::start_embedded(setup.supervisor, setup.scratch, &paths)?;
    let product = match options.no_product {
        true => None,
        false => Product::start_embedded(setup.supervisor, setup.scratch, &paths)?,
    };
    Ok(Parts {
        infrastructure: Infrastructure::Disk(Box::new(disk)),
        processes,
        product,
        enqueuer: Enqueuer::Process(EnqueueClient::new(paths.socket)),
        direct,
        servers: vec![version],
    })
}
