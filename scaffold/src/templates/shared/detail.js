"use strict";

/* One record with all its fields and the records that belong to it. */
(function (root) {
  const schema = root.AppSchema;
  const { el, icon, t, show, titleOf } = root.AppUi;
  root.AppViews = root.AppViews ?? {};

  function facts(entity, record, store) {
    const present = entity.fields.slice(1).filter((field) => record[field.name] !== undefined);
    return el(
      "dl",
      { class: "detail-facts" },
      present.map((field) => el("div", { class: field.type === "long_text" ? "wide" : "" }, el("dt", {}, field.label), el("dd", {}, value(field, record, store)))),
    );
  }

  function value(field, record, store) {
    const shown = show(field, record[field.name], store);
    const target = field.type === "reference" && schema.entities.find((entity) => entity.key === field.of);
    const exists = target && store.find(target, record[field.name]);
    return exists ? el("a", { href: `#/${target.path}/${encodeURIComponent(record[field.name])}` }, shown) : shown;
  }

  /** Every list of records that name this one. */
  function related(entity, record, { store, edit }) {
    return schema.entities.flatMap((other) =>
      other.fields
        .filter((field) => field.type === "reference" && field.of === entity.key)
        .map((field) => {
          const records = store.list(other).filter((candidate) => candidate[field.name] === record.id);
          const items = records.map((item) => el("li", {}, el("a", { href: `#/${other.path}/${encodeURIComponent(item.id)}` }, titleOf(other, item))));
          return el(
            "section",
            { class: "related" },
            el("h2", {}, `${other.plural} (${records.length})`),
            records.length > 0 ? el("ul", {}, items) : el("p", { class: "muted" }, t("nothingYet", { name: other.plural })),
            el("button", { type: "button", class: "button", onclick: () => edit(other, undefined, { [field.name]: record.id }) }, icon("plus"), t("add", { name: other.name })),
          );
        }),
    );
  }

  root.AppViews.detail = function detail(entity, id, context) {
    const record = context.store.find(entity, id);
    const back = el("a", { class: "back", href: `#/${entity.path}` }, icon("back"), entity.plural);
    if (!record) {
      return el("article", { class: "detail" }, back, el("p", {}, t("gone")));
    }
    const removeAndLeave = () => {
      context.remove(entity, record);
      root.location.hash = `#/${entity.path}`;
    };
    return el(
      "article",
      { class: "detail" },
      back,
      el(
        "header",
        { class: "detail-head" },
        el("h1", {}, titleOf(entity, record)),
        el("button", { type: "button", class: "button", onclick: () => context.edit(entity, record) }, icon("edit"), t("edit")),
        el("button", { type: "button", class: "button", onclick: removeAndLeave }, icon("trash"), t("delete")),
      ),
      facts(entity, record, context.store),
      related(entity, record, context),
    );
  };
})(globalThis);
