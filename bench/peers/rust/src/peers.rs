//! The peers.

pub mod apalis;
pub mod bullmq;
pub mod graphile;
pub mod river;
pub mod sidekiq;
