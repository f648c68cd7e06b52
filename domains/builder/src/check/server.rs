//! Checks servers as a platform runs them: they listen on the port in `PORT` and on every
//! interface, the command that starts them names what is there, and no file holds a secret.

use super::app::{App, file_name, folder_of, is_tool, join};
use super::{entry, line_of};
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Beginnings of keys of well-known services, and how many characters follow at least.
const KEYS: [(&str, usize); 10] = [
    ("sk-", 32),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("AKIA", 16),
    ("ghp_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("AIza", 35),
    ("SG.", 40),
];
/// Parts of what stands for a key in an example.
const PLACEHOLDERS: [&str; 8] =
    ["xxx", "your", "example", "replace", "changeme", "placeholder", "test", "1234567890"];
/// Calls that start a server.
const STARTS: [&str; 3] = [".listen(", "uvicorn.run(", "app.run("];
/// Maximum length of the arguments of such a call that is read, in bytes.
const MAX_ARGUMENTS: usize = 400;

/// The faults of servers and of secrets in files.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    let secrets = app.files.iter().filter_map(find_secret);
    let servers = app.files.iter().filter(|file| !is_tool(&file.path) && entry::is_server_source(file));
    let starts = servers.filter_map(find_unreachable);
    let commands = app.files.iter().flat_map(|file| list_commands(app, file));
    secrets.chain(starts).chain(commands).collect()
}

/// The fault of a server that listens where no platform reaches it.
fn find_unreachable(file: &GeneratedFile) -> Option<Fault> {
    let text = file.content.as_str();
    let reads_port = text.contains("PORT");
    let mut calls =
        STARTS.iter().flat_map(|start| text.match_indices(start).map(move |(at, _)| (at, at + start.len())));
    calls.find_map(|(at, from)| {
        let limit = text.floor_char_boundary(from + MAX_ARGUMENTS);
        let arguments = text[from..limit].split([')', '{', '\n']).next().unwrap_or_default();
        let fault = |message: &str, hint: &str| {
            let fault = Fault::in_file(&file.path, FaultCode::BadServer, message).with_hint(hint);
            Some(fault.at_line(line_of(text, at)))
        };
        if ["\"localhost\"", "'localhost'", "\"127.0.0.1\"", "'127.0.0.1'"]
            .iter()
            .any(|host| arguments.contains(host))
        {
            return fault("the server listens on this machine alone", "Listen on 0.0.0.0.");
        }
        let port = arguments.rsplit_once("port=").map_or(arguments, |(_, port)| port).trim_start();
        let is_fixed = port.starts_with(|c: char| c.is_ascii_digit()) && !port.starts_with("0,");
        if is_fixed && !reads_port {
            return fault("the server listens on a fixed port", "Listen on the port in the variable PORT.");
        }
        None
    })
}

/// The faults of commands such as `uvicorn main:app` whose module or object does not exist.
fn list_commands(app: &App<'_>, file: &GeneratedFile) -> Vec<Fault> {
    let name = file_name(&file.path);
    let starts = name.starts_with("Dockerfile")
        || matches!(name, "Procfile" | "render.yaml" | "docker-compose.yml" | "fly.toml");
    if !starts {
        return Vec::new();
    }
    let lines = file.content.lines().enumerate();
    let found = lines.filter_map(|(at, line)| {
        let plain = line.replace(['"', '\'', ',', '[', ']'], " ");
        let words: Vec<&str> = plain.split_whitespace().collect();
        let server = words.iter().position(|word| matches!(*word, "uvicorn" | "gunicorn" | "hypercorn"))?;
        let target = words[server + 1..].iter().find(|word| is_target(word))?;
        let message = find_bad_target(app, folder_of(&file.path), target)?;
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        Some(Fault::in_file(&file.path, FaultCode::BadServer, &message).at_line(line))
    });
    found.collect()
}

/// Whether the word is a module and an object in it, such as `app.main:app`.
fn is_target(word: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
    };
    word.split_once(':').is_some_and(|(module, object)| {
        is_name(module) && is_name(object) && !module.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// What is wrong with the target of a command in that folder.
fn find_bad_target(app: &App<'_>, folder: &str, target: &str) -> Option<String> {
    let (module, object) = target.split_once(':')?;
    let path = module.replace('.', "/");
    let ends = [format!("{path}.py"), format!("{path}/__init__.py")];
    let nearest = ends.iter().find_map(|end| app.file(&join(folder, end)?));
    let anywhere = || {
        let is_module =
            |file: &&GeneratedFile| ends.iter().any(|end| file.path.ends_with(&format!("/{end}")));
        app.in_language("python").find(is_module)
    };
    let Some(file) = nearest.or_else(anywhere) else {
        return Some(format!("the command starts {target}, and there is no module {module}"));
    };
    let is_defined = file.content.lines().any(|line| {
        let after = line.strip_prefix(object).map(str::trim_start);
        after.is_some_and(|after| after.starts_with(['=', ':']))
            || line.contains("import") && line.contains(object)
    });
    (!is_defined).then(|| format!("the command starts {target}, and {} defines no {object}", file.path))
}

/// The fault of the first key or private key in the file.
fn find_secret(file: &GeneratedFile) -> Option<Fault> {
    let text = file.content.as_str();
    let key = KEYS.iter().find_map(|(start, length)| {
        text.match_indices(start)
            .map(|(at, _)| at)
            .find(|at| is_key(&text[*at..], start.len(), *length) && is_word_start(text, *at))
    });
    let private = text.find("-----BEGIN ").filter(|at| {
        let line = text[*at..].lines().next().unwrap_or_default();
        line.contains("PRIVATE KEY-----") && text[*at..].contains("-----END ")
    });
    let at = key.or(private)?;
    let message = "the file holds what looks like a secret key";
    let hint = "Read the key from a variable of the environment, and name the variable in .env.example.";
    Some(
        Fault::in_file(&file.path, FaultCode::SecretInCode, message)
            .at_line(line_of(text, at))
            .with_hint(hint),
    )
}

fn is_word_start(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the text begins with a key: enough letters and digits, both of them, and no word of an
/// example.
fn is_key(text: &str, start: usize, length: usize) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let rest = &text[start..];
    let end =
        rest.char_indices().take(200).find(|(_, c)| !is_part(*c)).map_or(rest.len().min(200), |(at, _)| at);
    let key = &rest[..rest.floor_char_boundary(end)];
    let lower = key.to_ascii_lowercase();
    key.len() >= length
        && key.chars().any(|c| c.is_ascii_digit())
        && key.chars().any(|c| c.is_ascii_alphabetic())
        && !PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests;
