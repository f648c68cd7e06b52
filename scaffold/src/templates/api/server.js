"use strict";

/* The HTTP side: routes, bodies, answers. Start it with `node server.js`. */
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const schema = require("./schema.json");
const { createStore } = require("./store.js");
const { readRecord } = require("./validate.js");
{%- if advanced %}
const { matchesFilters, statistics, toCsv } = require("./insights.js");
{%- endif %}

const MAX_BODY_BYTES = 64 * 1024;
const MAX_PAGE = 100;
const PAGES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/styles.css": ["styles.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
  "/openapi.json": ["openapi.json", "application/json; charset=utf-8"],
};

class HttpError extends Error {
  constructor(status, code, message, details) {
    super(message);
    Object.assign(this, { status, code, details });
  }
}

function send(response, status, body, headers = {}) {
  const text = body === undefined ? "" : JSON.stringify(body);
  const type = text ? { "content-type": "application/json; charset=utf-8" } : {};
  response.writeHead(status, { ...type, "cache-control": "no-store", "x-content-type-options": "nosniff", ...headers });
  response.end(text);
}

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new HttpError(413, "TOO_LARGE", "The body is too large");
    }
    chunks.push(chunk);
  }
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new HttpError(400, "BAD_JSON", "The body is not JSON");
  }
  if (body === null || typeof body !== "object" || Array.isArray(body)) {
    throw new HttpError(400, "BAD_JSON", "The body must be a JSON object");
  }
  return body;
}

function checked(store, entity, body, existing) {
  const { values, errors } = readRecord(schema, entity, body, existing, (key, id) => Boolean(store.find(key, id)));
  if (Object.keys(errors).length > 0) {
    throw new HttpError(422, "INVALID", "Some fields are not valid", errors);
  }
  return values;
}

function pageBound(query, name, fallback, most) {
  const text = query.get(name);
  if (text === null) {
    return fallback;
  }
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > most) {
    throw new HttpError(400, "BAD_QUERY", `${name} must be a whole number from 0 to ${most}`);
  }
  return number;
}

function compare(left, right) {
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined);
  }
  return typeof left === "string" ? left.localeCompare(right) : Number(left) - Number(right);
}

function find(store, entity, query) {
  const text = (query.get("q") ?? "").toLowerCase();
  const words = text.split(/\s+/).filter(Boolean);
  let records = store.list(entity.key).filter((record) => {
    const values = entity.fields.map((field) => record[field.name] ?? "").join(" ").toLowerCase();
    return words.every((word) => values.includes(word));
  });
{%- if advanced %}
  records = records.filter((record) => matchesFilters(entity, record, query));
{%- endif %}
  const order = query.get("sort");
  if (order) {
    const name = order.replace(/^-/, "");
    if (!["created_at", "updated_at"].includes(name) && !entity.fields.some((field) => field.name === name)) {
      throw new HttpError(400, "BAD_QUERY", `There is no field ${name} to sort by`);
    }
    const sign = order.startsWith("-") ? -1 : 1;
    records = [...records].sort((a, b) => sign * compare(a[name], b[name]));
  }
  return records;
}

function list(store, entity, query) {
  const limit = pageBound(query, "limit", 20, MAX_PAGE);
  const offset = pageBound(query, "offset", 0, Number.MAX_SAFE_INTEGER);
  const records = find(store, entity, query);
  return { items: records.slice(offset, offset + limit), total: records.length, limit, offset };
}

function notAllowed(response, allow) {
  send(response, 405, { error: "Method not allowed", code: "METHOD_NOT_ALLOWED" }, { allow });
}

async function collection(context, entity) {
  const { store, request, response, url } = context;
  if (request.method === "GET") {
    send(response, 200, list(store, entity, url.searchParams));
  } else if (request.method === "POST") {
    const record = await store.create(entity.key, checked(store, entity, await readBody(request)));
    send(response, 201, record, { location: `/api/${entity.path}/${record.id}` });
  } else {
    notAllowed(response, "GET, POST");
  }
}

async function single(context, entity, id) {
  const { store, request, response } = context;
  const record = store.find(entity.key, id);
  if (!record) {
    throw new HttpError(404, "NOT_FOUND", `There is no such ${entity.key}`);
  }
  if (request.method === "GET") {
    send(response, 200, record);
  } else if (request.method === "PUT" || request.method === "PATCH") {
    const body = await readBody(request);
    const values = checked(store, entity, body, request.method === "PATCH" ? record : undefined);
    send(response, 200, await store.replace(entity.key, id, values));
  } else if (request.method === "DELETE") {
    await store.remove(entity.key, id);
    send(response, 204);
  } else {
    notAllowed(response, "GET, PUT, PATCH, DELETE");
  }
}
{% if advanced %}
function special(context, entity, name) {
  const { store, request, response, url } = context;
  if (request.method !== "GET") {
    return false;
  }
  if (name === "stats") {
    send(response, 200, statistics(entity, find(store, entity, url.searchParams)));
    return true;
  }
  if (name === "export.csv") {
    response.writeHead(200, {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${entity.path}.csv"`,
    });
    response.end(toCsv(entity, find(store, entity, url.searchParams)));
    return true;
  }
  return false;
}

function authorize(request, apiKey) {
  const writes = !["GET", "HEAD", "OPTIONS"].includes(request.method);
  if (apiKey && writes && request.headers["x-api-key"] !== apiKey) {
    throw new HttpError(401, "UNAUTHORIZED", "Send the key in the X-Api-Key header");
  }
}
{% endif %}
function servePage(response, [file, type]) {
  const headers = { "content-type": type, "content-security-policy": "default-src 'self'", "x-content-type-options": "nosniff" };
  response.writeHead(200, headers);
  response.end(fs.readFileSync(path.join(__dirname, file)));
}

async function route(context) {
  const { request, response, url } = context;
  if (request.method === "GET" && Object.hasOwn(PAGES, url.pathname)) {
    servePage(response, PAGES[url.pathname]);
    return;
  }
  if (request.method === "GET" && url.pathname === "/health") {
    send(response, 200, { status: "ok" });
    return;
  }
  const [, api, name, id, ...rest] = url.pathname.split("/");
  const entity = schema.entities.find((candidate) => candidate.path === name);
  if (api !== "api" || !entity || rest.length > 0) {
    throw new HttpError(404, "NOT_FOUND", "There is nothing here");
  }
{%- if advanced %}
  authorize(request, context.apiKey);
  if (id && special(context, entity, id)) {
    return;
  }
{%- endif %}
  await (id ? single(context, entity, id) : collection(context, entity));
}

/** A server that is not listening yet. `dataFile` is where it keeps its records. */
function createServer({ dataFile{% if advanced %}, apiKey{% endif %} }) {
  const store = createStore(schema, dataFile);
  return http.createServer(async (request, response) => {
    try {
      const url = new URL(request.url, "http://localhost");
      await route({ store, request, response, url{% if advanced %}, apiKey{% endif %} });
    } catch (error) {
      if (error instanceof HttpError) {
        send(response, error.status, { error: error.message, code: error.code, details: error.details });
      } else if (error instanceof TypeError && error.code === "ERR_INVALID_URL") {
        send(response, 400, { error: "The address is not valid", code: "BAD_URL" });
      } else {
        console.error(error);
        send(response, 500, { error: "Something went wrong", code: "INTERNAL" });
      }
    }
  });
}

module.exports = { createServer };

if (require.main === module) {
  const port = Number(process.env.PORT ?? 3000);
  const host = process.env.HOST ?? "127.0.0.1";
  const dataFile = process.env.DATA_FILE ?? path.join(__dirname, "data.json");
  const server = createServer({ dataFile{% if advanced %}, apiKey: process.env.API_KEY{% endif %} });
  server.listen(port, host, () => console.log(`Listening on http://${host}:${server.address().port}`));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => server.close(() => process.exit(0)));
  }
}
