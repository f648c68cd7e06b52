"use strict";

/* Small pieces that every view is made of: elements, icons, texts, values. */
(function (root) {
  const schema = root.AppSchema;
  const SVG = "http://www.w3.org/2000/svg";
  const ICONS = {
    search: "M11 4a7 7 0 1 0 4.2 12.6l4.1 4.1 1.4-1.4-4.1-4.1A7 7 0 0 0 11 4Zm0 2a5 5 0 1 1 0 10 5 5 0 0 1 0-10Z",
    plus: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
    edit: "m4 16.5 10.8-10.8 3.5 3.5L7.500 20H4v-3.500ZM16.200 4.300l1.200-1.200a1 1 0 0 1 1.400 0l2.100 2.100a1 1 0 0 1 0 1.400l-1.200 1.200-3.500-3.500Z",
    trash: "M9 3h6l1 2h4v2H4V5h4l1-2ZM6 9h12l-1 12H7L6 9Zm3.500 2 .4 8h1.500l-.3-8H9.500Zm3.400 0-.3 8h1.500l.4-8h-1.600Z",
    close: "m6.400 5 5.600 5.600L17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400-5.600-5.600L6.400 19 5 17.600l5.600-5.600L5 6.400z",
    theme: "M12 3a9 9 0 1 0 0 18V3Zm2 2.300v13.400a7 7 0 0 0 0-13.400Z",
    more: "M5 10a2 2 0 1 1 0 4 2 2 0 0 1 0-4Zm7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4Zm7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
    back: "m11 5 1.400 1.400L7.800 11H20v2H7.800l4.600 4.600L11 19l-7-7z",
    chart: "M4 20V10h4v10H4Zm6 0V4h4v16h-4Zm6 0v-7h4v7h-4Z",
    list: "M4 5h3v3H4V5Zm5 .5h11v2H9v-2ZM4 10.500h3v3H4v-3Zm5 .5h11v2H9v-2ZM4 16h3v3H4v-3Zm5 .5h11v2H9v-2Z",
  };

  /** Makes an element; attributes that begin with `on` are listeners. */
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) {
        continue;
      }
      if (name.startsWith("on")) {
        node.addEventListener(name.slice(2), value);
      } else {
        node.setAttribute(name, value === true ? "" : String(value));
      }
    }
    node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
    return node;
  }

  function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS(SVG, tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, String(value)));
    node.append(...children);
    return node;
  }

  function icon(name) {
    return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
  }

  /** A text of the application, with `{name}` replaced. */
  function t(key, values = {}) {
    return (schema.strings[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }

  const money = new Intl.NumberFormat(schema.language, { style: "currency", currency: schema.currency });
  const number = new Intl.NumberFormat(schema.language, { maximumFractionDigits: 2 });
  const day = new Intl.DateTimeFormat(schema.language, { dateStyle: "medium", timeZone: "UTC" });

  function formatDate(value) {
    const time = Date.parse(value);
    return Number.isNaN(time) ? String(value) : day.format(time);
  }

  function stars(value) {
    const full = Math.round(value);
    return el(
      "span",
      { class: "stars", role: "img", "aria-label": t("starsOf", { value: number.format(value) }) },
      el("span", { class: "stars-on" }, "★".repeat(full)),
      el("span", { class: "stars-off" }, "★".repeat(5 - full)),
    );
  }

  function entityOf(key) {
    return schema.entities.find((entity) => entity.key === key);
  }

  function titleOf(entity, record) {
    return record ? String(record[entity.fields[0].name] ?? "") : "";
  }

  function link(href, text) {
    const outside = /^https?:/i.test(href);
    return el("a", { href, rel: outside && "noopener noreferrer", target: outside && "_blank" }, text);
  }

  function badge(field, value) {
    return el("span", { class: `badge tone-${Math.max(0, field.of.indexOf(value)) % 6}` }, value);
  }

  function tags(value) {
    const words = String(value).split(",").map((word) => word.trim()).filter(Boolean);
    return el("span", { class: "tags" }, words.map((word) => el("span", { class: "tag" }, word)));
  }

  /** Shows a value in the way of its field: a node or a text. */
  function show(field, value, store) {
    switch (field.type) {
      case "rating":
        return stars(value);
      case "money":
        return money.format(value);
      case "number":
        return number.format(value);
      case "date":
        return el("time", { datetime: value }, formatDate(value));
      case "boolean":
        return t(value ? "yes" : "no");
      case "choice":
        return badge(field, value);
      case "tags":
        return tags(value);
      case "email":
        return link(`mailto:${value}`, value);
      case "phone":
        return link(`tel:${String(value).replace(/[^\d+]/g, "")}`, value);
      case "url":
        return /^https?:/i.test(value) ? link(value, String(value).replace(/^https?:\/\/(www\.)?/i, "").slice(0, 40)) : String(value);
      case "reference": {
        const target = entityOf(field.of);
        return titleOf(target, store.find(target, value)) || t("gone");
      }
      default:
        return String(value);
    }
  }

  root.AppUi = { el, svg, icon, t, show, stars, titleOf, entityOf, formatMoney: (v) => money.format(v), formatNumber: (v) => number.format(v) };
})(globalThis);
