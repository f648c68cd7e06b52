"use strict";

/* Filters, statistics and CSV over the records of an entity. */

/** Whether a record has the values that the query asks for, such as `status=Done`. */
function matchesFilters(entity, record, query) {
  return entity.fields.every((field) => {
    const wanted = query.getAll(field.name);
    return wanted.length === 0 || wanted.includes(String(record[field.name] ?? ""));
  });
}

function numbers(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  return { count: values.length, sum, average: sum / values.length, min: Math.min(...values), max: Math.max(...values) };
}

/** Counts, and for each field that can be counted its sums or its choices. */
function statistics(entity, records) {
  const fields = {};
  for (const field of entity.fields) {
    const values = records.map((record) => record[field.name]).filter((value) => value !== undefined);
    if (["number", "money", "rating"].includes(field.type) && values.length > 0) {
      fields[field.name] = numbers(values);
    } else if (field.type === "choice") {
      fields[field.name] = Object.fromEntries(field.of.map((option) => [option, values.filter((value) => value === option).length]));
    } else if (field.type === "boolean") {
      fields[field.name] = { true: values.filter(Boolean).length, false: records.length - values.filter(Boolean).length };
    }
  }
  return { total: records.length, fields };
}

function cell(value) {
  const text = String(value ?? "");
  const safe = /^[=+\-@\t]/.test(text) && typeof value === "string" ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The records as CSV, the header first. */
function toCsv(entity, records) {
  const names = ["id", ...entity.fields.map((field) => field.name), "created_at", "updated_at"];
  const rows = records.map((record) => names.map((name) => cell(record[name])).join(","));
  return [names.join(","), ...rows, ""].join("\r\n");
}

module.exports = { matchesFilters, statistics, toCsv };
