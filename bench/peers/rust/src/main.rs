//! One run of one peer: prints one line of JSON. What it is asked to do stands in the
//! environment: see `plan.rs`.

use anyhow::bail;

mod peers;
mod plan;
mod tally;

use plan::{Plan, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plan = Plan::read()?;
    let report = match std::env::args().nth(1).as_deref() {
        Some("bullmq-official") => run(&plan, peers::bullmq::connect(&plan).await?).await?,
        Some("rusty-sidekiq") => run(&plan, peers::sidekiq::connect(&plan).await?).await?,
        Some("graphile_worker") => run(&plan, peers::graphile::connect(&plan).await?).await?,
        Some("riverqueue") => run(&plan, peers::river::connect(&plan).await?).await?,
        Some("apalis-redis") => run(&plan, peers::apalis::connect(&plan).await?).await?,
        _ => bail!("name a peer"),
    };
    println!("{report}");
    // Workers end with the process: what they hold matters to nobody.
    std::process::exit(0);
}
