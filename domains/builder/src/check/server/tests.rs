use atelier_entities::ProjectKind;

use super::*;
use crate::check::script::with_deep_stack;

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
    let faults = with_deep_stack(|| list_faults(&App::read(&files, ProjectKind::Api)));
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_server_that_a_platform_reaches_has_no_fault() {
    for (path, content) in [
        ("server.js", "const port = process.env.PORT || 3000;\napp.listen(port, '0.0.0.0', () => {});"),
        ("server.js", "app.listen(process.env.PORT ?? 3000);"),
        ("server.js", "const { PORT = 3000 } = process.env;\nserver.listen(PORT);"),
        ("main.py", "uvicorn.run(app, host=\"0.0.0.0\", port=int(os.environ.get(\"PORT\", 8000)))"),
        ("main.py", "app = FastAPI()"),
        ("server.test.js", "server.listen(3000, 'localhost');"),
    ] {
        assert_eq!(found(&[(path, content)]), Vec::<String>::new(), "{content}");
    }
}

#[test]
fn a_server_on_a_fixed_port_or_on_this_machine_alone_is_a_fault() {
    for (path, content, message) in [
        ("server.js", "\napp.listen(3000);", "server.js:2: the server listens on a fixed port"),
        (
            "server.js",
            "\napp.listen(process.env.PORT, 'localhost');",
            "server.js:2: the server listens on this machine alone",
        ),
        (
            "main.py",
            "\nuvicorn.run(app, host='127.0.0.1', port=8000)",
            "main.py:2: the server listens on this machine alone",
        ),
        (
            "main.py",
            "\nuvicorn.run(\"main:app\", host=\"0.0.0.0\", port=8000)",
            "main.py:2: the server listens on a fixed port",
        ),
    ] {
        assert_eq!(found(&[(path, content)]), [message], "{content}");
    }
}

#[test]
fn a_command_starts_an_object_that_is_there() {
    let docker = (
        "api/Dockerfile",
        "FROM python\nCMD [\"uvicorn\", \"app.main:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]",
    );
    assert_eq!(found(&[docker, ("api/app/main.py", "app = FastAPI()")]), Vec::<String>::new());
    let procfile = ("Procfile", "web: uvicorn main:api --port $PORT");
    assert_eq!(found(&[procfile, ("main.py", "api: FastAPI = create()")]), Vec::<String>::new());
    assert_eq!(
        found(&[docker, ("api/app/main.py", "server = FastAPI()")]),
        ["api/Dockerfile:2: the command starts app.main:app, and api/app/main.py defines no app"]
    );
    assert_eq!(found(&[procfile]), ["Procfile:1: the command starts main:api, and there is no module main"]);
}

#[test]
fn secrets_are_faults_and_examples_are_not() {
    let letters = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0";
    for start in ["sk-", "sk_live_", "ghp_", "AKIA", "AIza"] {
        let content = format!("let a;\nconst key = '{start}{letters}';");
        assert_eq!(
            found(&[("a.js", &content)]),
            ["a.js:2: the file holds what looks like a secret key"],
            "{start}"
        );
    }
    let private = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
    assert_eq!(found(&[("key.pem", private)]).len(), 1);
    for content in [
        "OPENAI_API_KEY=sk-your-key-here-0123456789abcdefghijkl",
        "const key = process.env.STRIPE_KEY; // sk_live_xxxxxxxxxxxxxxxxxxxx1",
        "<p class='task-list-item-with-a-very-long-name-of-1-class'>",
        "sk-1",
    ] {
        assert_eq!(found(&[("a.txt", content)]), Vec::<String>::new(), "{content}");
    }
}
