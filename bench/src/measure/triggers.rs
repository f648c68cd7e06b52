//! What starts runs by itself: schedules that are due in the same second.

mod lag;

use super::{cli::TriggersArgs, figures::Figures, testbed::Testbed};

/// Everything once a run, on empty databases.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &TriggersArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        lag::measure(testbed, args, figures).await?;
    }
    Ok(())
}
