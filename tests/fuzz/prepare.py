"""Creates the people of scripts/fuzz and their data.

prepare.py <url> <folder> <atelier program>: writes <folder>/<name>.toml, the
configuration of schemathesis for each of them, and <folder>/<name>.token.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import requests

PATIENCE_SECS = 60


def main():
    url, folder, program = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    person = sign_up(url, "ada@example.org")
    sign_up(url, "root@example.org")
    environment = dict(os.environ, DATA_DIR=str(folder / "data"), DATABASE_URL="", REDIS_URL="")
    # The address is not verified, so the account is taken over, with this password.
    root = credentials("root@example.org")
    create = [program, "admin", "create", "--email", root["email"], "--password-stdin"]
    subprocess.run(
        create, env=environment, check=True, stdout=subprocess.DEVNULL, input=root["password"], text=True
    )
    administrator = call(url, "", "POST", "/api/auth/login", root)["access_token"]
    # Of a separate person, because requests with a sign-in delete their person's tokens.
    other = sign_up(url, "eve@example.org")
    wanted = {"name": "fuzz", "scopes": ["read", "write"]}
    token = call(url, other, "POST", "/api/auth/tokens", wanted)["token"]
    for name, bearer in [("person", person), ("token", token), ("administrator", administrator)]:
        write(folder / f"{name}.toml", bearer, make_things(url, bearer))


def credentials(email):
    return {"email": email, "password": "correct horse battery"}


def sign_up(url, email):
    fields = credentials(email) | {"full_name": "Ada Lovelace"}
    return call(url, "", "POST", "/api/auth/register", fields)["access_token"]


def make_things(url, token):
    """A project that was generated and published, its job, and its site."""
    fields = {"title": "Reading list", "description": "Books with ratings"}
    project = call(url, token, "POST", "/api/projects", fields)["project"]["id"]
    job = finish(url, token, f"/api/projects/{project}/generate")
    finish(url, token, f"/api/projects/{project}/deploy")
    deployment = call(url, token, "GET", f"/api/projects/{project}/deployment/status")
    slug = deployment["deployment"]["slug"]
    return {"@PROJECT@": project, "@JOB@": job, "@SLUG@": slug}


def finish(url, token, path):
    job = call(url, token, "POST", path, {})["job"]["id"]
    give_up = time.monotonic() + PATIENCE_SECS
    while time.monotonic() < give_up:
        status = call(url, token, "GET", f"/api/jobs/{job}")["status"]
        if status == "succeeded":
            return job
        if status in ("failed", "cancelled", "discarded"):
            sys.exit(f"{path}: the job is {status}")
        time.sleep(0.1)
    sys.exit(f"{path}: the job does not end")


def call(url, token, method, path, body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, url + path, json=body, headers=headers, timeout=30)
    if not answer.ok:
        sys.exit(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json()


def write(file, token, things):
    text = (pathlib.Path(__file__).parent / "schemathesis.toml").read_text()
    for mark, value in (things | {"@TOKEN@": token}).items():
        text = text.replace(mark, value)
    file.write_text(text)
    file.with_suffix(".token").write_text(token)


main()
