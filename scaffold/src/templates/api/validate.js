"use strict";

/* Reads what a client sent: which values a record may have. */
const PATTERNS = {
  date: [/^\d{4}-\d{2}-\d{2}$/, "must be a date such as 2030-12-31"],
  email: [/^[^\s@]+@[^\s@]+\.[^\s@]+$/, "must be an email address"],
  url: [/^https?:\/\/\S+$/i, "must be an address that begins with http:// or https://"],
};

function problem(field, value, exists) {
  switch (field.type) {
    case "number":
    case "money":
      return typeof value === "number" && Number.isFinite(value) ? undefined : "must be a number";
    case "rating":
      return Number.isInteger(value) && value >= 1 && value <= 5 ? undefined : "must be a whole number from 1 to 5";
    case "boolean":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "choice":
      return field.of.includes(value) ? undefined : `must be one of: ${field.of.join(", ")}`;
    case "reference":
      return typeof value === "string" && exists(field.of, value) ? undefined : `must be the id of a ${field.of}`;
    default: {
      const most = field.type === "long_text" ? 10000 : 500;
      if (typeof value !== "string" || value.length > most) {
        return `must be a text of at most ${most} characters`;
      }
      const [pattern, message] = PATTERNS[field.type] ?? [];
      const impossible = field.type === "date" && Number.isNaN(Date.parse(value));
      return pattern && (!pattern.test(value) || impossible) ? message : undefined;
    }
  }
}

/**
 * Answers `{ values, errors }`. With `existing`, fields that were not sent keep
 * their value; null takes a value away. `exists(key, id)` tells whether a
 * record that is referred to is there.
 */
function readRecord(schema, entity, body, existing, exists) {
  const values = {};
  const errors = {};
  const known = new Set(entity.fields.map((field) => field.name));
  for (const name of Object.keys(body)) {
    if (!known.has(name) && !["id", "created_at", "updated_at"].includes(name)) {
      errors[name] = "is not a field";
    }
  }
  entity.fields.forEach((field, index) => {
    const sent = Object.hasOwn(body, field.name);
    const value = sent ? body[field.name] : existing?.[field.name];
    if (value === undefined || value === null || (index === 0 && String(value).trim() === "")) {
      if (index === 0) {
        errors[field.name] = "is required";
      }
      return;
    }
    const message = sent ? problem(field, value, exists) : undefined;
    if (message) {
      errors[field.name] = message;
    } else {
      values[field.name] = value;
    }
  });
  return { values, errors };
}

module.exports = { readRecord };
