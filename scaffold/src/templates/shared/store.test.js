"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");

require("../schema.js");
const { createStore, validate, search, filter, sort, summarize } = require("../store.js");
const schema = globalThis.AppSchema;
const entity = schema.entities[0];
const title = entity.fields[0].name;

function memory() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

function emptyStore(storage = memory()) {
  const store = createStore(schema, storage, "test");
  store.clearExamples();
  return store;
}

test("a record without its title is refused", () => {
  assert.equal(validate(entity, {}).errors[title], "required");
  assert.deepEqual(validate(entity, { [title]: "One" }).errors, {});
});

test("records are kept across reloads", () => {
  const storage = memory();
  emptyStore(storage).save(entity, { [title]: "Kept" });
  const again = createStore(schema, storage, "test");
  assert.deepEqual(again.list(entity).map((record) => record[title]), ["Kept"]);
});

test("a removed record can be brought back", () => {
  const store = emptyStore();
  const record = store.save(entity, { [title]: "One" });
  const undo = store.remove(entity, record.id);
  assert.equal(store.list(entity).length, 0);
  undo();
  assert.equal(store.list(entity).length, 1);
});

test("the search ignores case and accents", () => {
  const records = [{ [title]: "Éclair" }, { [title]: "Bread" }];
  assert.deepEqual(search(entity, records, "eclair").map((record) => record[title]), ["Éclair"]);
  assert.equal(search(entity, records, " ").length, 2);
});

test("records can be sorted and filtered", () => {
  const records = [{ [title]: "b" }, { [title]: "A" }, { [title]: "c", mark: true }];
  assert.deepEqual(sort(entity, records, title, "en").map((record) => record[title]), ["A", "b", "c"]);
  assert.deepEqual(filter(records, { mark: "true" }).map((record) => record[title]), ["c"]);
});

test("figures count the records", () => {
  assert.equal(summarize(entity, [{ [title]: "One" }])[0].value, 1);
});

test("an export can be imported, anything else is refused", () => {
  const store = emptyStore();
  store.save(entity, { [title]: "One" });
  const exported = JSON.parse(JSON.stringify(store.export()));
  const other = emptyStore();
  assert.equal(other.import({ some: "thing" }), false);
  assert.equal(other.import(exported), true);
  assert.deepEqual(other.list(entity).map((record) => record[title]), ["One"]);
});
