//! Faults of a disk: a small library, written in C and loaded into the processes of an
//! embedded run, that answers calls on their folder as a faulty disk would.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::process::Command;

const SOURCE: &str = include_str!("shim.c");

/// Size of the control file.
const CONTROL_BYTES: usize = 64;

/// The condition of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It works.
    Good,
    /// fsync takes that long.
    Slow(Duration),
    /// No space is left, not even to overwrite data, as on file systems that copy on write.
    Full,
    /// It is read-only.
    Readonly,
    /// Writes fail.
    Failing,
}

/// The library and its control.
#[derive(Debug)]
pub(super) struct Shim {
    library: PathBuf,
    control_path: PathBuf,
    control: File,
    folder: PathBuf,
}

impl Shim {
    /// Builds it for this folder. Fails where there is no C compiler, or where programs such
    /// as this one do not load it.
    pub(super) async fn build(home: &Path, folder: &Path) -> anyhow::Result<Self> {
        let (source, library) = (home.join("shim.c"), home.join("libshim.so"));
        std::fs::write(&source, SOURCE)?;
        let mut command = Command::new("cc");
        command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let output = command.stdin(Stdio::null()).output().await.context("cannot run cc")?;
        if !output.status.success() {
            bail!("cc failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let control_path = home.join("disk");
        std::fs::write(&control_path, [0; CONTROL_BYTES])?;
        let control = File::options().write(true).open(&control_path)?;
        let folder = folder.canonicalize()?;
        let shim = Self { library, control_path, control, folder };
        shim.prove().await?;
        Ok(shim)
    }

    /// Environment variables that load it into a process.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let variable = |name: &str, path: &Path| (name.to_owned(), path.to_string_lossy().into_owned());
        vec![
            variable("LD_PRELOAD", &self.library),
            variable("CHAOS_DISK_CONTROL", &self.control_path),
            variable("CHAOS_DISK_FOLDER", &self.folder),
        ]
    }

    /// Changes the condition for every process at once.
    pub(super) fn set(&self, condition: Condition) -> anyhow::Result<()> {
        let (letter, millis) = match condition {
            Condition::Good => ('-', 0),
            Condition::Slow(latency) => ('S', latency.as_millis()),
            Condition::Full => ('F', 0),
            Condition::Readonly => ('R', 0),
            Condition::Failing => ('E', 0),
        };
        // The milliseconds first: they have no effect before the letter is written.
        self.control.write_all_at(format!("{millis:06}\0").as_bytes(), 1)?;
        Ok(self.control.write_all_at(&[u8::try_from(letter)?], 0)?)
    }

    /// Checks that the library works in a program that is built as this one is.
    async fn prove(&self) -> anyhow::Result<()> {
        let file = self.folder.join("proof");
        for (condition, may_write) in [(Condition::Readonly, false), (Condition::Good, true)] {
            self.set(condition)?;
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("write").arg(&file).envs(self.environment());
            let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status().await?;
            if status.success() != may_write {
                bail!("programs do not load the library");
            }
        }
        Ok(std::fs::remove_file(file)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_says_how_the_disk_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk");
        std::fs::write(&path, [0; CONTROL_BYTES]).expect("a file");
        let control = File::options().write(true).open(&path).expect("the file");
        let (control_path, folder) = (path.clone(), folder.path().to_owned());
        let shim = Shim { library: PathBuf::new(), control_path, control, folder };

        for (condition, told) in [
            (Condition::Slow(Duration::from_millis(150)), &b"S000150\0"[..]),
            (Condition::Full, b"F000000\0"),
            (Condition::Readonly, b"R000000\0"),
            (Condition::Failing, b"E000000\0"),
            (Condition::Good, b"-000000\0"),
        ] {
            shim.set(condition).expect("set");
            assert!(std::fs::read(&path).expect("read").starts_with(told), "{condition:?}");
        }
    }
}
