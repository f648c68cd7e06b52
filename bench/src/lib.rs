//! Programs that put Atelier under load and under fire.

pub mod chaos;
pub mod measure;
pub mod yardstick;

mod servers;

use atelier_ops::terminal;
