//! `atelier admin`: accounts that may operate the platform.

use std::io::Read;

use anyhow::{Context, bail};
use atelier_foundation::identity::{AdminSource, Registration};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::answer::{Answer, operator};
use super::{examples, patience::Patience};
use crate::wire::Platform;

/// Longest input that can hold a password.
const LONGEST_INPUT: u64 = 4_096;

/// Manage the accounts that may operate the platform.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier admin create --email ada@example.org
  pass atelier | atelier admin create --email ada@example.org --password-stdin

Without --password-stdin a new account gets a random password, shown once. An
account that is there keeps its own if its address was proven. One that was not
may be anybody's: it is taken over, as a new one would be made.")]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    command: AdminCommand,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// What was typed on standard input.
    #[arg(skip)]
    typed: Option<String>,
}

impl AdminArgs {
    /// Reads the password where it is to be read, before anybody is waited for.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn read_input(&mut self) -> anyhow::Result<()> {
        let AdminCommand::Create(args) = &self.command;
        if args.password_stdin {
            self.typed = Some(read_password(std::io::stdin().lock())?);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Subcommand)]
enum AdminCommand {
    /// Make sure that there is an administrator of this mail address.
    #[command(after_help = examples::ADMIN_CREATE)]
    Create(CreateArgs),
}

#[derive(Args, Clone, Debug)]
struct CreateArgs {
    /// Mail address, which you vouch for; an account that has it is made an
    /// administrator.
    #[arg(long)]
    email: String,
    /// Name of a new account.
    #[arg(long, value_name = "NAME", default_value = "Administrator")]
    full_name: String,
    /// Read the password of an account that is new or taken over from standard
    /// input.
    #[arg(long)]
    password_stdin: bool,
}

/// Does what was asked.
///
/// # Errors
/// Where the address or the password cannot be taken, or the database does not
/// answer.
pub(crate) async fn run(args: &AdminArgs, platform: &Platform) -> anyhow::Result<Answer> {
    let AdminArgs { command: AdminCommand::Create(create), typed, .. } = args;
    ensure(create, typed.clone(), platform).await
}

/// The password on the first line of an input.
fn read_password(input: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    input.take(LONGEST_INPUT).read_to_string(&mut text).context("cannot read standard input")?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(password.to_owned())
}

async fn ensure(args: &CreateArgs, typed: Option<String>, platform: &Platform) -> anyhow::Result<Answer> {
    let password = typed.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
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
    let shown = if typed.is_none() { Some(password) } else { None };
    Ok(Answer::of(describe(&user.email, source, shown.as_deref())))
}

/// What was done, with the password where nobody has typed it.
fn describe(email: &str, source: AdminSource, password: Option<&str>) -> String {
    let done = match source {
        AdminSource::Granted => {
            return format!("{email} may operate the platform; the password was left as it was");
        }
        AdminSource::Created => format!("created {email}, who may operate the platform"),
        AdminSource::TakenOver => format!(
            "{email} may operate the platform; nobody had proven the address, so whoever made the \
             account has lost it, with all its sign-ins and API tokens"
        ),
    };
    match password {
        Some(password) => format!("{done}\npassword: {password}\nIt is shown only now."),
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
