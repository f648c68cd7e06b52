//! Mounted file systems.

use std::{path::Path, process::Command};

/// The command that unmounts a folder, even where something of it is still in use.
pub(crate) fn unmount(folder: &Path) -> Command {
    let mut command = Command::new("umount");
    command.arg("-l").arg(folder);
    command
}
