//! An installation of one process with SQLite, and the product's own beside it.

use super::{Ground, Parts, limit};
use crate::chaos::{
    backing::{self, Backing, Disk},
    desk::{Desk, Window},
    members::{Members, Place, Product},
    role, tables,
};

/// Starts it.
pub(super) async fn start(ground: &Ground<'_>) -> anyhow::Result<Parts> {
    let options = ground.options;
    let disk = Disk::prepare(ground.scratch, ground.warden, options.own_mounts).await?;
    let place = Place {
        file: disk.chaos_file()?,
        socket: ground.scratch.path().join("callers"),
        product: disk.product_folder()?,
        heartbeat_secs: options.heartbeat_secs,
        environment: disk.environment(),
    };
    let made = backing::create(&place.file).await?;
    tables::create(&made).await?;
    let version = backing::version(&made).await?;
    made.close().await?;
    backing::create(&disk.product_file()?).await?.close().await?;
    let queue = role::embedded_queue(&place.file, options.heartbeat()).await?;
    limit(&queue).await?;
    queue.db().close_by_ref().await?;
    let direct = [backing::look_at(&place.file).await?, backing::look_at(&disk.product_file()?).await?];
    let members = Members::start_embedded(ground.fleet, ground.scratch, &place)?;
    let product = match options.no_product {
        true => None,
        false => Product::start_embedded(ground.fleet, ground.scratch, &place)?,
    };
    Ok(Parts {
        backing: Backing::Disk(Box::new(disk)),
        members,
        product,
        desk: Desk::Process(Window::new(place.socket)),
        direct,
        servers: vec![version],
    })
}
