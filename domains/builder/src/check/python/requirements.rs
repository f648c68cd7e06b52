//! Checks `requirements.txt`: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>.

use std::collections::BTreeSet;

use crate::check::app::{App, file_name, folder_of, join};
use crate::fault::{Fault, FaultCode};
use crate::file::GeneratedFile;

/// Servers that run an application of the ASGI.
const SERVERS: [&str; 5] = ["uvicorn", "hypercorn", "daphne", "granian", "gunicorn"];

/// Distributions, and others that come with them.
const REQUIRED: [(&str, &[&str]); 8] = [
    ("fastapi", &["pydantic", "starlette", "anyio", "typing-extensions"]),
    ("flask", &["werkzeug", "jinja2", "click", "markupsafe", "itsdangerous"]),
    ("django", &["asgiref", "sqlparse"]),
    ("requests", &["urllib3", "certifi"]),
    ("httpx", &["httpcore", "anyio"]),
    ("pandas", &["numpy", "python-dateutil", "pytz"]),
    ("scikit-learn", &["numpy", "scipy"]),
    ("aiohttp", &["yarl", "multidict"]),
];

/// The distributions that requirement files list.
pub(super) struct Listed {
    names: BTreeSet<String>,
}

impl Listed {
    /// Whether a module comes with what is listed: with its distribution, with one that has the
    /// module's name in its own (`psycopg2-binary`), or with one that requires it.
    pub(super) fn covers(&self, module: &str, distribution: &str) -> bool {
        let name = normalized(module);
        let mut required = REQUIRED.iter().filter(|(_, required)| required.contains(&distribution));
        self.names.contains(distribution)
            || self.names.iter().any(|listed| listed.contains(&name))
            || required.any(|(by, _)| self.names.contains(*by))
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// What all requirement files list. None if there is none.
pub(super) fn read(app: &App<'_>) -> Option<Listed> {
    let mut files = app.files.iter().filter(|file| is_requirements(&file.path)).peekable();
    files.peek()?;
    let names =
        files.flat_map(|file| file.content.lines().filter_map(parse).map(|(name, _)| normalized(name)));
    Some(Listed { names: names.collect() })
}

fn is_requirements(path: &str) -> bool {
    let name = file_name(path);
    (name.starts_with("requirements") || path.contains("requirements/")) && name.ends_with(".txt")
}

/// The faults of requirement files.
pub(super) fn list_faults(app: &App<'_>) -> Vec<Fault> {
    app.files.iter().filter(|file| is_requirements(&file.path)).flat_map(|file| check(app, file)).collect()
}

fn check(app: &App<'_>, file: &GeneratedFile) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, message: &str| {
        let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
        faults.push(Fault::in_file(&file.path, FaultCode::BadManifest, message).at_line(line));
    };
    let mut extras = String::new();
    for (at, line) in file.content.lines().enumerate() {
        let text = without_comment(line);
        if let Some(other) = text.strip_prefix("-r ").or_else(|| text.strip_prefix("--requirement ")) {
            if join(folder_of(&file.path), other.trim()).is_none_or(|path| app.file(&path).is_none()) {
                fault(at, &format!("{} is not among the files", other.trim()));
            }
        } else if text.starts_with("-e") || text.contains("://") || text.contains(" @ ") {
            fault(
                at,
                "only distributions of the index can be installed, no paths, addresses or repositories",
            );
        } else if !text.is_empty() && !text.starts_with("--") && !text.starts_with("-c ") {
            match parse(line) {
                Some((name, rest)) if rest.starts_with('[') => {
                    extras += &format!("{}{rest} ", normalized(name))
                }
                Some(_) => {}
                None => fault(at, "the line is no requirement, such as fastapi>=0.110"),
            }
        }
    }
    let names: BTreeSet<String> =
        file.content.lines().filter_map(parse).map(|(name, _)| normalized(name)).collect();
    let has_server =
        SERVERS.iter().any(|server| names.contains(*server)) || extras.contains("fastapi[standard");
    let others = read(app).is_some_and(|all| SERVERS.iter().any(|server| all.has(server)));
    if names.contains("fastapi") && !has_server && !others {
        fault(0, "FastAPI needs a server such as uvicorn, which is not listed");
    }
    faults
}

fn without_comment(line: &str) -> &str {
    let end = if line.trim_start().starts_with('#') { 0 } else { line.find(" #").unwrap_or(line.len()) };
    line[..end].trim()
}

/// The name of the distribution that a line requires, and what follows it. None if the line
/// requires none, or is not valid.
fn parse(line: &str) -> Option<(&str, &str)> {
    let text = without_comment(line).split(';').next().unwrap_or_default().trim();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim();
    let versions = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim(),
        None => rest,
    };
    let is_valid_name = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    (is_valid_name && versions.split(',').all(is_specifier)).then_some((name, rest))
}

/// Whether the text is empty or a specifier of PEP 440, such as `>=1.2` or `==1.*`.
fn is_specifier(text: &str) -> bool {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    let operators = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
    let version = operators.iter().find_map(|operator| text.strip_prefix(operator)).map(str::trim);
    let is_version = |version: &str| {
        version.starts_with(|c: char| c.is_ascii_digit() || c == 'v')
            && version
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '*' | '+' | '!' | '-' | '_'))
    };
    text.is_empty() || version.is_some_and(is_version)
}

/// The name as the index compares it (PEP 503).
pub(super) fn normalized(name: &str) -> String {
    let parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::script::with_deep_stack;
    use atelier_entities::ProjectKind;

    fn lines(content: &str) -> Vec<u32> {
        let files = [GeneratedFile::new("requirements.txt", content)];
        let faults = with_deep_stack(|| list_faults(&App::read(&files, ProjectKind::Api)));
        faults.iter().filter_map(|fault| fault.line).collect()
    }

    #[test]
    fn requirements_of_the_index_are_accepted() {
        let content = "# web\nfastapi>=0.110,<1.0\nuvicorn[standard]==0.29.* # server\n\nSQLAlchemy ~= 2.0\n\
            pydantic-settings\ntomli>=2; python_version < '3.11'\n--index-url x\n";
        assert_eq!(lines(content), Vec::<u32>::new());
        assert_eq!(lines("fastapi[standard]>=0.110\n"), Vec::<u32>::new());
    }

    #[test]
    fn what_cannot_be_installed_is_a_fault() {
        let content = "fastapi\nuvicorn\ngit+https://github.com/a/b.git\n-e .\nflask = 2.0\nnumpy==\n-r dev.txt\na @ b\nthis is prose\n";
        assert_eq!(lines(content), [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(lines("fastapi==0.110.0\n"), [1]);
    }
}
