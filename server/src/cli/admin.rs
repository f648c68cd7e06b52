//! `atelier admin`: accounts of administrators.

use std::io::Read;

use anyhow::{Context, bail};
use atelier_foundation::identity::{AdminSource, Registration};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::output::{CommandOutput, operator};
use super::{examples, timeout::TimeoutArgs};
use crate::wire::Platform;

/// The longest input that is read for a password.
const MAX_INPUT_BYTES: u64 = 4_096;

/// Manage administrators.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier admin create --email ada@example.org
  pass atelier | atelier admin create --email ada@example.org --password-stdin

Without --password-stdin a new account gets a random password, which is shown
once. An existing account keeps its password if its address is verified. If it is
not, anybody may have created the account: it is taken over like a new one.")]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    command: AdminCommand,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
    /// The password from standard input.
    #[arg(skip)]
    password_input: Option<String>,
}

impl AdminArgs {
    /// Reads the password if `--password-stdin` is given. The time limit of the command does
    /// not include this.
    ///
    /// # Errors
    /// If the input has no password.
    pub(crate) fn read_input(&mut self) -> anyhow::Result<()> {
        let AdminCommand::Create(args) = &self.command;
        if args.password_stdin {
            self.password_input = Some(read_password(std::io::stdin().lock())?);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Subcommand)]
enum AdminCommand {
    /// Create an administrator, or make an existing account an administrator.
    #[command(after_help = examples::ADMIN_CREATE)]
    Create(CreateArgs),
}

#[derive(Args, Clone, Debug)]
struct CreateArgs {
    /// Mail address of the administrator. You vouch that it is theirs.
    #[arg(long)]
    email: String,
    /// Name of a new account.
    #[arg(long, value_name = "NAME", default_value = "Administrator")]
    full_name: String,
    /// Read the password of a new or taken-over account from standard input.
    #[arg(long)]
    password_stdin: bool,
}

/// Performs the command.
///
/// # Errors
/// If the address or the password is invalid, or the database does not answer.
pub(crate) async fn run(args: &AdminArgs, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let AdminArgs { command: AdminCommand::Create(create), password_input, .. } = args;
    ensure(create, password_input.clone(), platform).await
}

/// The password on the first line of an input.
fn read_password(input: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    input.take(MAX_INPUT_BYTES).read_to_string(&mut text).context("cannot read standard input")?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        bail!("standard input contains no password");
    }
    Ok(password.to_owned())
}

async fn ensure(
    args: &CreateArgs,
    password_input: Option<String>,
    platform: &Platform,
) -> anyhow::Result<CommandOutput> {
    let password = password_input.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let registration = Registration {
        email: args.email.clone(),
        password: password.clone(),
        full_name: args.full_name.clone(),
        locale: None,
        time_zone: None,
        country: None,
    };
    let (user, source) =
        platform.services.foundation.identity.ensure_admin(&operator(), registration).await?;
    let shown = if password_input.is_none() { Some(password) } else { None };
    Ok(CommandOutput::of(describe(&user.email, source, shown.as_deref())))
}

/// The result as text, with the password if it was generated.
fn describe(email: &str, source: AdminSource, password: Option<&str>) -> String {
    let done = match source {
        AdminSource::Granted => {
            return format!("{email} is an administrator; the password is unchanged");
        }
        AdminSource::Created => format!("created the administrator {email}"),
        AdminSource::TakenOver => format!(
            "{email} is an administrator; the address was not verified, so the account was taken over: \
             its former password, sign-ins and API tokens no longer work"
        ),
    };
    match password {
        Some(password) => format!("{done}\npassword: {password}\nIt is not shown again."),
        None => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_first_line_as_the_password() {
        assert_eq!(read_password("correct horse\n".as_bytes()).expect("a password"), "correct horse");
        assert_eq!(read_password("a b \r\nrest".as_bytes()).expect("a password"), "a b ");
        for nothing in ["", "\n", "\nlate"] {
            assert!(read_password(nothing.as_bytes()).is_err(), "{nothing:?}");
        }
    }
}
