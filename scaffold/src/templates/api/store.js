"use strict";

/* Keeps the records in memory and in one JSON file, which is replaced whole. */
const fs = require("node:fs");
const { randomUUID } = require("node:crypto");

function load(schema, file) {
  let saved = {};
  if (fs.existsSync(file)) {
    saved = JSON.parse(fs.readFileSync(file, "utf8"));
  }
  return new Map(schema.entities.map(({ key }) => [key, new Map((saved[key] ?? []).map((record) => [record.id, record]))]));
}

/** Opens the file, or begins with no records where there is none. */
function createStore(schema, file) {
  const data = load(schema, file);
  let writing = Promise.resolve();

  function persist() {
    const snapshot = Object.fromEntries([...data].map(([key, records]) => [key, [...records.values()]]));
    const text = JSON.stringify(snapshot, null, 2);
    const write = async () => {
      await fs.promises.writeFile(`${file}.new`, text);
      await fs.promises.rename(`${file}.new`, file);
    };
    writing = writing.then(write, write);
    return writing;
  }

  return {
    list: (key) => [...data.get(key).values()],
    find: (key, id) => data.get(key).get(id),
    async create(key, values) {
      const now = new Date().toISOString();
      const record = { id: randomUUID(), ...values, created_at: now, updated_at: now };
      data.get(key).set(record.id, record);
      await persist();
      return record;
    },
    async replace(key, id, values) {
      const { created_at } = data.get(key).get(id);
      const record = { id, ...values, created_at, updated_at: new Date().toISOString() };
      data.get(key).set(id, record);
      await persist();
      return record;
    },
    async remove(key, id) {
      data.get(key).delete(id);
      await persist();
    },
  };
}

module.exports = { createStore };
