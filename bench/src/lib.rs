//! Programs that put Atelier under load and under fire.

pub mod chaos;
