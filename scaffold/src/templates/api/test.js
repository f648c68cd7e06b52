"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const schema = require("./schema.json");
const { createServer } = require("./server.js");

const entity = schema.entities[0];
const title = entity.fields[0].name;

async function start(t, options = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "api-test-"));
  const dataFile = path.join(folder, "data.json");
  const server = createServer({ dataFile, ...options });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const base = `http://127.0.0.1:${server.address().port}`;
  const call = async (method, address, body, headers = {}) => {
    const response = await fetch(base + address, {
      method,
      headers: { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const json = (response.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  };
  return { call, dataFile };
}

test("a record lives from its creation to its removal", async (t) => {
  const { call } = await start(t);
  const created = await call("POST", `/api/${entity.path}`, { [title]: "First" });
  assert.equal(created.status, 201);
  const address = created.headers.get("location");
  assert.equal((await call("GET", address)).body[title], "First");
  assert.equal((await call("PATCH", address, { [title]: "Changed" })).body[title], "Changed");
  assert.equal((await call("PUT", address, { [title]: "Replaced" })).body[title], "Replaced");
  assert.equal((await call("DELETE", address)).status, 204);
  assert.equal((await call("GET", address)).status, 404);
});

test("a record without its title or with unknown fields is refused", async (t) => {
  const { call } = await start(t);
  const answer = await call("POST", `/api/${entity.path}`, { surprise: 1 });
  assert.equal(answer.status, 422);
  assert.deepEqual(Object.keys(answer.body.details).sort(), [title, "surprise"].sort());
});

test("values must be of their field's type", async (t) => {
  const { call } = await start(t);
  const wrong = { number: "x", money: "x", rating: 9, boolean: "x", date: "x", email: "x", url: "x", choice: "no such choice", reference: "x" };
  for (const field of entity.fields.filter((candidate) => Object.hasOwn(wrong, candidate.type))) {
    const answer = await call("POST", `/api/${entity.path}`, { [title]: "One", [field.name]: wrong[field.type] });
    assert.equal(answer.status, 422, field.name);
    assert.ok(answer.body.details[field.name]);
  }
});

test("lists are searched, sorted and cut into pages", async (t) => {
  const { call } = await start(t);
  for (const name of ["Beta", "Alpha", "Gamma"]) {
    await call("POST", `/api/${entity.path}`, { [title]: name });
  }
  const sorted = await call("GET", `/api/${entity.path}?sort=${title}&limit=2`);
  assert.deepEqual(sorted.body.items.map((record) => record[title]), ["Alpha", "Beta"]);
  assert.equal(sorted.body.total, 3);
  assert.equal((await call("GET", `/api/${entity.path}?q=gam`)).body.total, 1);
  assert.equal((await call("GET", `/api/${entity.path}?limit=1000`)).status, 400);
});

test("records survive a restart", async (t) => {
  const { call, dataFile } = await start(t);
  await call("POST", `/api/${entity.path}`, { [title]: "Kept" });
  const again = require("./store.js").createStore(schema, dataFile);
  assert.deepEqual(again.list(entity.key).map((record) => record[title]), ["Kept"]);
});

test("broken requests get a clear answer", async (t) => {
  const { call } = await start(t);
  assert.equal((await call("POST", `/api/${entity.path}`, "{")).body.code, "BAD_JSON");
  assert.equal((await call("GET", "/api/nothing")).status, 404);
  assert.equal((await call("DELETE", `/api/${entity.path}`)).status, 405);
});

test("the documents are served", async (t) => {
  const { call } = await start(t);
  assert.equal((await call("GET", "/health")).body.status, "ok");
  assert.equal((await call("GET", "/openapi.json")).body.openapi, "3.1.0");
  assert.match((await call("GET", "/")).body, /<!doctype html>/i);
});
{% if advanced %}
test("lists can be filtered, counted and exported", async (t) => {
  const { call } = await start(t);
  await call("POST", `/api/${entity.path}`, { [title]: "One" });
  await call("POST", `/api/${entity.path}`, { [title]: "Two" });
  assert.equal((await call("GET", `/api/${entity.path}?${title}=Two`)).body.total, 1);
  assert.equal((await call("GET", `/api/${entity.path}/stats`)).body.total, 2);
  const csv = await call("GET", `/api/${entity.path}/export.csv`);
  assert.equal(csv.body.trim().split("\r\n").length, 3);
});

test("with a key, only its holder may write", async (t) => {
  const { call } = await start(t, { apiKey: "key" });
  assert.equal((await call("POST", `/api/${entity.path}`, { [title]: "One" })).status, 401);
  assert.equal((await call("POST", `/api/${entity.path}`, { [title]: "One" }, { "x-api-key": "key" })).status, 201);
});
{% endif -%}
