"use strict";

/* Charts over all records, drawn as SVG. */
(function (root) {
  const schema = root.AppSchema;
  const { el, svg, t, formatMoney, formatNumber } = root.AppUi;
  root.AppViews = root.AppViews ?? {};
  const WIDTH = 480;
  const ROW = 34;

  /** Horizontal bars: `[{ label, value, shown }]`. */
  function bars(title, rows) {
    const most = Math.max(...rows.map((row) => row.value), 1);
    const height = rows.length * ROW + 4;
    const summary = rows.map((row) => `${row.label}: ${row.shown}`).join(", ");
    const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": `${title}. ${summary}` });
    rows.forEach((row, index) => {
      const y = index * ROW + 4;
      const length = Math.max(2, (row.value / most) * (WIDTH - 230));
      const label = svg("text", { x: 0, y: y + 18, class: "chart-label" });
      label.textContent = row.label.length > 18 ? `${row.label.slice(0, 17)}…` : row.label;
      const shown = svg("text", { x: 158 + length, y: y + 18, class: "chart-value" });
      shown.textContent = row.shown;
      chart.append(label, svg("rect", { x: 150, y, width: length, height: ROW - 10, rx: 6, class: "chart-bar" }), shown);
    });
    return el("figure", { class: "panel" }, el("figcaption", {}, title), chart);
  }

  function counted(values) {
    const counts = new Map();
    values.forEach((value) => counts.set(value, (counts.get(value) ?? 0) + 1));
    return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  }

  function sums(records, by, amount) {
    const totals = new Map();
    for (const record of records) {
      const group = record[by.name] ?? "—";
      totals.set(group, (totals.get(group) ?? 0) + (record[amount.name] ?? 0));
    }
    return [...totals].sort((a, b) => b[1] - a[1]).slice(0, 8);
  }

  function asRows(pairs, format) {
    return pairs.map(([label, value]) => ({ label: String(label), value, shown: format(value) }));
  }

  function panels(entity, records) {
    const charts = [];
    for (const field of entity.fields) {
      const values = records.map((record) => record[field.name]).filter((value) => value !== undefined);
      const grouped = field.type === "text" && ["category", "genre", "author", "city", "type"].includes(field.name);
      if (values.length === 0) {
        continue;
      }
      if (field.type === "choice") {
        charts.push(bars(field.label, asRows(field.of.map((option) => [option, values.filter((value) => value === option).length]), formatNumber)));
      } else if (field.type === "rating") {
        charts.push(bars(field.label, asRows([5, 4, 3, 2, 1].map((stars) => ["★".repeat(stars), values.filter((value) => value === stars).length]), formatNumber)));
      } else if (grouped) {
        charts.push(bars(field.label, asRows(counted(values), formatNumber)));
      } else if (field.type === "tags") {
        const words = values.flatMap((value) => String(value).split(",")).map((word) => word.trim()).filter(Boolean);
        charts.push(bars(field.label, asRows(counted(words), formatNumber)));
      } else if (field.type === "money" && !root.AppStore.isPerUnit(field)) {
        const by = entity.fields.find((other) => other.name === "category" || other.type === "choice");
        if (by) {
          charts.push(bars(`${field.label} / ${by.label}`, asRows(sums(records, by, field), formatMoney)));
        }
      }
    }
    return charts;
  }

  root.AppViews.insights = function insights({ store }) {
    const sections = schema.entities.map((entity) => {
      const records = store.list(entity);
      const charts = panels(entity, records);
      return el(
        "section",
        { class: "insight" },
        el("h2", {}, `${entity.plural} (${formatNumber(records.length)})`),
        charts.length > 0 ? el("div", { class: "panels" }, charts) : el("p", { class: "muted" }, t("noFigures")),
      );
    });
    return el("article", {}, el("h1", { class: "page-title" }, t("insights")), sections);
  };
})(globalThis);
