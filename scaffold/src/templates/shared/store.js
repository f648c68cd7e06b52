"use strict";

/*
 * What the application knows about its data: reading, checking, searching,
 * sorting and keeping records. Nothing here touches the page, so that it can be
 * tested with `node --test` as well.
 */
(function (root) {
  const TEXT_TYPES = ["text", "long_text", "email", "phone", "url", "tags", "choice"];

  /** Lower case without accents, for comparison. */
  function normalize(value) {
    return String(value ?? "").normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  }

  /** Whether a field is an amount of which the average says something and the sum nothing. */
  function isPerUnit(field) {
    return field.type === "money" && /price|prix|tarif|rent|salary/.test(field.name);
  }

  function isEmpty(value) {
    return value === undefined || value === null || value === "";
  }

  function parseNumber(text) {
    const number = Number(String(text).replace(/\s/g, "").replace(",", "."));
    return Number.isFinite(number) ? number : undefined;
  }

  /** Reads one value for a field; answers `{ value }` or `{ error }` (a key of the texts). */
  function parseValue(field, input) {
    if (field.type === "boolean") {
      return { value: input === true || input === "true" || input === "on" };
    }
    if (isEmpty(input)) {
      return { value: undefined };
    }
    const text = String(input).trim().slice(0, field.type === "long_text" ? 10000 : 500);
    if (text === "") {
      return { value: undefined };
    }
    switch (field.type) {
      case "number":
      case "money": {
        const number = parseNumber(text);
        return number === undefined ? { error: "invalidNumber" } : { value: number };
      }
      case "rating": {
        const stars = parseNumber(text);
        return Number.isInteger(stars) && stars >= 1 && stars <= 5 ? { value: stars } : { error: "invalidRating" };
      }
      case "date":
        return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? { value: text } : { error: "invalidDate" };
      case "email":
        return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? { value: text } : { error: "invalidEmail" };
      case "url":
        return /^https?:\/\/\S+$/i.test(text) ? { value: text } : { error: "invalidUrl" };
      case "choice":
        return field.of.includes(text) ? { value: text } : { error: "invalidChoice" };
      default:
        return { value: text };
    }
  }

  /** Checks a whole form; answers `{ values, errors }`, errors by field name. */
  function validate(entity, input) {
    const values = {};
    const errors = {};
    entity.fields.forEach((field, index) => {
      const { value, error } = parseValue(field, input[field.name]);
      if (error) {
        errors[field.name] = error;
      } else if (index === 0 && isEmpty(value)) {
        errors[field.name] = "required";
      } else if (!isEmpty(value)) {
        values[field.name] = value;
      }
    });
    return { values, errors };
  }

  /** The records that hold every word of the query. */
  function search(entity, records, query, labelOf) {
    const words = normalize(query).split(/\s+/).filter(Boolean);
    if (words.length === 0) {
      return records;
    }
    return records.filter((record) => {
      const text = entity.fields
        .map((field) => {
          if (field.type === "reference") {
            return labelOf ? labelOf(field, record[field.name]) : "";
          }
          return TEXT_TYPES.includes(field.type) || field.type === "number" ? record[field.name] ?? "" : "";
        })
        .join(" ");
      const haystack = normalize(text);
      return words.every((word) => haystack.includes(word));
    });
  }

  /** The records whose fields have the chosen values; an empty choice is no condition. */
  function filter(records, choices) {
    const wanted = Object.entries(choices).filter(([, value]) => !isEmpty(value));
    return records.filter((record) =>
      wanted.every(([name, value]) => String(record[name] ?? false) === String(value)),
    );
  }

  /** A sorted copy; `order` is `newest` or a field's name, with a leading `-` for descending. Empty values come last. */
  function sort(entity, records, order, language) {
    const copy = [...records];
    if (!order || order === "newest") {
      return copy.sort((a, b) => String(b.createdAt).localeCompare(String(a.createdAt)));
    }
    const descending = order.startsWith("-");
    const name = descending ? order.slice(1) : order;
    const field = entity.fields.find((candidate) => candidate.name === name);
    const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
    const rank = (value) => (field && field.type === "choice" ? field.of.indexOf(value) : value);
    return copy.sort((a, b) => {
      const [left, right] = [rank(a[name]), rank(b[name])];
      if (isEmpty(left) || isEmpty(right)) {
        return Number(isEmpty(left)) - Number(isEmpty(right));
      }
      const both = typeof left === "string" ? collator.compare(left, right) : Number(left) - Number(right);
      return descending ? -both : both;
    });
  }

  /** Figures of a list: its length, sums, averages and how often each choice occurs. */
  function summarize(entity, records) {
    const figures = [{ kind: "count", value: records.length }];
    for (const field of entity.fields) {
      const values = records.map((record) => record[field.name]).filter((value) => !isEmpty(value));
      const averaged = field.type === "rating" || isPerUnit(field);
      if (averaged && values.length > 0) {
        figures.push({ kind: "average", field, value: values.reduce((a, b) => a + b, 0) / values.length });
      } else if (field.type === "money" && values.length > 0) {
        figures.push({ kind: "sum", field, value: values.reduce((a, b) => a + b, 0) });
      } else if (field.type === "boolean") {
        figures.push({ kind: "share", field, value: values.filter(Boolean).length, of: records.length });
      } else if (field.type === "choice") {
        figures.push({ kind: "choices", field, counts: countBy(field.of, values) });
      }
    }
    return figures;
  }

  function countBy(options, values) {
    return options.map((option) => ({ option, count: values.filter((value) => value === option).length }));
  }

  function addDays(today, days) {
    const date = new Date(Date.UTC(today.getFullYear(), today.getMonth(), today.getDate() + days));
    return date.toISOString().slice(0, 10);
  }

  /** The examples of the schema as records; their dates are days from `today`. */
  function examples(schema, today) {
    const data = {};
    for (const entity of schema.entities) {
      data[entity.key] = entity.samples.map((sample, index) => {
        const record = { id: `example-${entity.key}-${index + 1}`, example: true };
        record.createdAt = new Date(today.getTime() - index * 60000).toISOString();
        for (const field of entity.fields) {
          const value = sample[field.name];
          if (!isEmpty(value)) {
            record[field.name] = field.type === "date" ? addDays(today, Number(value)) : value;
          }
        }
        return record;
      });
    }
    return data;
  }

  /** Takes only what the schema knows out of a file that somebody imports. */
  function readImport(schema, document) {
    const source = document && typeof document === "object" ? document.data : undefined;
    if (!source || typeof source !== "object") {
      return undefined;
    }
    const data = {};
    for (const entity of schema.entities) {
      const seen = new Set();
      const records = Array.isArray(source[entity.key]) ? source[entity.key] : [];
      data[entity.key] = records.flatMap((item) => {
        if (!item || typeof item !== "object") {
          return [];
        }
        const { values, errors } = validate(entity, item);
        const id = typeof item.id === "string" && item.id.length <= 64 && !seen.has(item.id) ? item.id : newId();
        seen.add(id);
        const time = Date.parse(item.createdAt);
        const createdAt = new Date(Number.isNaN(time) ? Date.now() : time).toISOString();
        return errors[entity.fields[0].name] ? [] : [{ ...values, id, createdAt }];
      });
    }
    return data;
  }

  function newId() {
    const random = root.crypto && root.crypto.randomUUID ? root.crypto.randomUUID() : Math.random().toString(36).slice(2);
    return `${Date.now().toString(36)}-${random.slice(0, 8)}`;
  }

  /**
   * Keeps the records of every entity. `storage` is the browser's localStorage
   * or anything with getItem and setItem; without one the data live as long as
   * the page.
   */
  function createStore(schema, storage, key) {
    const listeners = new Set();
    let persistent = Boolean(storage);
    let data = load();

    function load() {
      try {
        const saved = storage ? JSON.parse(storage.getItem(key)) : null;
        if (saved && typeof saved === "object") {
          return Object.fromEntries(
            schema.entities.map((entity) => [entity.key, Array.isArray(saved[entity.key]) ? saved[entity.key] : []]),
          );
        }
      } catch {
        persistent = false;
      }
      return examples(schema, new Date());
    }

    function commit() {
      try {
        if (storage) {
          storage.setItem(key, JSON.stringify(data));
        }
      } catch {
        persistent = false;
      }
      listeners.forEach((listener) => listener());
    }

    return {
      isPersistent: () => persistent,
      onChange: (listener) => listeners.add(listener),
      list: (entity) => data[entity.key],
      find: (entity, id) => data[entity.key].find((record) => record.id === id),
      hasExamples: () => Object.values(data).some((records) => records.some((record) => record.example)),
      /** Creates a record, or changes the one of that id. */
      save(entity, values, id) {
        const existing = id && data[entity.key].find((record) => record.id === id);
        const record = existing
          ? { ...values, id, createdAt: existing.createdAt }
          : { ...values, id: newId(), createdAt: new Date().toISOString() };
        data[entity.key] = existing
          ? data[entity.key].map((other) => (other.id === id ? record : other))
          : [record, ...data[entity.key]];
        commit();
        return record;
      },
      /** Removes a record; the answer puts it back. */
      remove(entity, id) {
        const before = data[entity.key];
        data[entity.key] = before.filter((record) => record.id !== id);
        commit();
        return () => {
          data[entity.key] = [...data[entity.key], ...before.filter((record) => record.id === id)];
          commit();
        };
      },
      clearExamples() {
        for (const entity of schema.entities) {
          data[entity.key] = data[entity.key].filter((record) => !record.example);
        }
        commit();
      },
      export: () => ({ application: schema.title, exportedAt: new Date().toISOString(), data }),
      /** Replaces everything by the content of an exported file; false where it is none. */
      import(document) {
        const imported = readImport(schema, document);
        if (imported) {
          data = imported;
          commit();
        }
        return Boolean(imported);
      },
    };
  }

  const api = { normalize, validate, search, filter, sort, summarize, examples, isPerUnit, createStore };
  root.AppStore = api;
  if (typeof module === "object" && module.exports) {
    module.exports = api;
  }
})(globalThis);
