"use strict";

/* The page: tabs, lists with search, filters and sorting, cards, the menu. */
(function (root) {
  const schema = root.AppSchema;
  const { el, icon, t, show, titleOf, formatMoney, formatNumber } = root.AppUi;
  const logic = root.AppStore;
  const extras = root.AppViews ?? {};
  const folder = root.location.pathname.replace(/[^/]*$/, "");
  const key = `${schema.storageKey}:${folder}`;
  const storage = findStorage();
  const store = logic.createStore(schema, storage, key);
  const state = { query: "", choices: {}, order: "newest" };
  const view = document.getElementById("view");
  let refresh = () => {};
  let currentEntity = schema.entities[0];

  function findStorage() {
    try {
      root.localStorage.getItem(key);
      return root.localStorage;
    } catch {
      return null;
    }
  }

  let hideToast;
  function toast(message, action) {
    const box = document.getElementById("toast");
    const undo = () => {
      action.run();
      box.classList.remove("shown");
    };
    box.replaceChildren(message, ...(action ? [el("button", { type: "button", class: "link", onclick: undo }, action.label)] : []));
    box.classList.add("shown");
    clearTimeout(hideToast);
    hideToast = setTimeout(() => box.classList.remove("shown"), 6000);
  }

  function edit(entity, record, preset) {
    const onsaved = (changed) => toast(t(changed ? "changed" : "added", { name: entity.name }));
    root.AppForm.openForm({ entity, store, record, preset, onsaved });
  }

  function remove(entity, record) {
    const restore = store.remove(entity, record.id);
    toast(t("removed", { name: titleOf(entity, record) }), { label: t("undo"), run: restore });
  }

  /* ---- Cards ---- */

  function cardTitle(entity, record) {
    const title = titleOf(entity, record);
    return extras.detail ? el("a", { href: `#/${entity.path}/${encodeURIComponent(record.id)}` }, title) : title;
  }

  function toggleOf(entity, record, field) {
    if (!field) {
      return undefined;
    }
    const box = el("input", { type: "checkbox", class: "toggle", "aria-label": `${field.label}: ${titleOf(entity, record)}`, title: field.label });
    box.checked = record[field.name] === true;
    box.addEventListener("change", () => {
      const focus = `[data-id="${CSS.escape(record.id)}"] .toggle`;
      const values = Object.fromEntries(entity.fields.map(({ name }) => [name, record[name]]).filter(([, value]) => value !== undefined));
      store.save(entity, { ...values, [field.name]: box.checked }, record.id);
      view.querySelector(focus)?.focus();
    });
    return box;
  }

  function card(entity, record) {
    const [first, ...others] = entity.fields;
    const present = others.filter((field) => record[field.name] !== undefined);
    const toggle = others.find((field) => field.type === "boolean");
    const subtitle = others.find((field) => field.type === "text" || field.type === "reference");
    const long = present.filter((field) => field.type === "long_text");
    const badges = present.filter((field) => field.type === "choice" || (field.type === "boolean" && field !== toggle && record[field.name]));
    const strong = present.filter((field) => field.type === "rating" || field.type === "money");
    const listed = [subtitle, toggle, ...long, ...badges, ...strong];
    const rest = present.filter((field) => !listed.includes(field) && field.type !== "boolean");
    const done = toggle && record[toggle.name] === true && toggle.name === "done";
    return el(
      "li",
      { class: `card ${done ? "done" : ""}`, "data-id": record.id },
      el(
        "div",
        { class: "card-head" },
        toggleOf(entity, record, toggle),
        el(
          "div",
          { class: "card-title" },
          el("h3", { "data-field": first.name }, cardTitle(entity, record)),
          subtitle && record[subtitle.name] !== undefined && el("p", { class: "subtitle", "data-field": subtitle.name }, show(subtitle, record[subtitle.name], store)),
        ),
        actions(entity, record),
      ),
      strong.length > 0 && el("div", { class: "strong" }, strong.map((field) => el("span", { "data-field": field.name, title: field.label }, show(field, record[field.name], store)))),
      long.slice(0, 1).map((field) => el("p", { class: "excerpt", "data-field": field.name }, String(record[field.name]))),
      rest.length > 0 && el("dl", { class: "facts" }, rest.map((field) => el("div", { "data-field": field.name }, el("dt", {}, field.label), el("dd", {}, show(field, record[field.name], store))))),
      badges.length > 0 && el("div", { class: "badges" }, badges.map((field) => (field.type === "choice" ? show(field, record[field.name], store) : el("span", { class: "badge tone-1" }, field.label)))),
    );
  }

  function actions(entity, record) {
    const named = (text) => `${text}: ${titleOf(entity, record)}`;
    return el(
      "div",
      { class: "card-actions" },
      el("button", { type: "button", class: "icon-button", "data-action": "edit", "aria-label": named(t("edit")), title: t("edit"), onclick: () => edit(entity, record) }, icon("edit")),
      el("button", { type: "button", class: "icon-button", "data-action": "delete", "aria-label": named(t("delete")), title: t("delete"), onclick: () => remove(entity, record) }, icon("trash")),
    );
  }

  /* ---- Figures above a list ---- */

  function tile(label, value) {
    return el("div", { class: "tile" }, el("dt", {}, label), el("dd", {}, value));
  }

  function tiles(entity) {
    const nodes = logic.summarize(entity, store.list(entity)).flatMap((figure) => {
      switch (figure.kind) {
        case "count":
          return [tile(entity.plural, formatNumber(figure.value))];
        case "average":
          return [tile(t("average", { name: figure.field.label }), figure.field.type === "money" ? formatMoney(figure.value) : formatNumber(Math.round(figure.value * 10) / 10))];
        case "sum":
          return [tile(t("sum", { name: figure.field.label }), formatMoney(figure.value))];
        case "share":
          return [tile(figure.field.label, `${figure.value} / ${figure.of}`)];
        default:
          return figure.counts.filter(({ count }) => count > 0).map(({ option, count }) => tile(option, formatNumber(count)));
      }
    });
    return el("dl", { class: "tiles", "aria-label": t("figures") }, nodes.slice(0, 6));
  }

  /* ---- Lists ---- */

  function orders(entity) {
    const sortable = entity.fields.filter((field) => !["long_text", "tags", "reference", "url"].includes(field.type));
    const highFirst = (field) => ["rating", "money", "number", "boolean"].includes(field.type);
    const both = sortable.flatMap((field) => {
      const up = { value: field.name, label: `${field.label} ↑` };
      const down = { value: `-${field.name}`, label: `${field.label} ↓` };
      return highFirst(field) ? [down, up] : [up, down];
    });
    return [{ value: "newest", label: t("newest") }, ...both];
  }

  function dropdown(label, options, value, onpick) {
    const node = el("select", { "aria-label": label, onchange: (event) => onpick(event.target.value) });
    node.append(...options.map((option) => el("option", { value: option.value }, option.label)));
    node.value = value;
    return node;
  }

  function filters(entity, update) {
    const filtered = entity.fields.filter((field) => field.type === "choice" || field.type === "boolean").slice(0, 3);
    return filtered.map((field) => {
      const values = field.type === "choice" ? field.of.map((option) => ({ value: option, label: option })) : [{ value: "true", label: t("yes") }, { value: "false", label: t("no") }];
      const all = { value: "", label: t("all", { name: field.label }) };
      return dropdown(t("filterBy", { name: field.label }), [all, ...values], state.choices[field.name] ?? "", (value) => {
        state.choices[field.name] = value;
        update();
      });
    });
  }

  function labelOf(field, id) {
    const target = schema.entities.find((entity) => entity.key === field.of);
    return titleOf(target, store.find(target, id));
  }

  function emptyState(entity) {
    const filtered = store.list(entity).length > 0;
    return el(
      "div",
      { class: "empty" },
      el("p", { class: "empty-title" }, filtered ? t("nothingFound") : t("nothingYet", { name: entity.plural })),
      el("p", {}, filtered ? t("nothingFoundHint") : t("nothingYetHint")),
      !filtered && el("button", { type: "button", class: "button primary", onclick: () => edit(entity) }, t("add", { name: entity.name })),
    );
  }

  function listView(entity) {
    const results = el("div", { id: "results" });
    const count = el("p", { class: "count", role: "status" });
    const figures = el("div");
    const update = () => {
      const all = store.list(entity);
      const found = logic.sort(entity, logic.filter(logic.search(entity, all, state.query, labelOf), state.choices), state.order, schema.language);
      results.replaceChildren(found.length > 0 ? el("ul", { class: "cards" }, found.map((record) => card(entity, record))) : emptyState(entity));
      count.textContent = found.length === all.length ? "" : t("shown", { count: found.length, total: all.length });
      figures.replaceChildren(all.length > 0 ? tiles(entity) : "");
    };
    const input = el("input", { type: "search", id: "search", placeholder: t("searchIn", { name: entity.plural }), "aria-label": t("searchIn", { name: entity.plural }), autocomplete: "off" });
    input.value = state.query;
    input.addEventListener("input", () => {
      state.query = input.value;
      update();
    });
    const order = dropdown(t("sortBy"), orders(entity), state.order, (value) => {
      state.order = value;
      update();
    });
    const add = el("button", { type: "button", class: "button primary add", onclick: () => edit(entity) }, icon("plus"), el("span", {}, t("add", { name: entity.name })));
    const toolbar = el("div", { class: "toolbar", role: "search" }, el("div", { class: "search" }, icon("search"), input), filters(entity, update), order, add);
    view.replaceChildren(figures, toolbar, count, results);
    refresh = update;
    update();
  }

  /* ---- Tabs and routes ---- */

  function route() {
    const [path, id] = root.location.hash.replace(/^#\/?/, "").split("/").map(decodePart);
    const entity = schema.entities.find((candidate) => candidate.path === path);
    if (path === "insights" && extras.insights && !entity) {
      return { name: "insights" };
    }
    return { name: id && extras.detail ? "detail" : "list", entity: entity ?? schema.entities[0], id };
  }

  function decodePart(part) {
    try {
      return decodeURIComponent(part);
    } catch {
      return "";
    }
  }

  function tabs(active) {
    const links = schema.entities.map((entity) => ({ href: `#/${entity.path}`, label: entity.plural, icon: "list", active: active.entity === entity }));
    if (extras.insights) {
      links.push({ href: "#/insights", label: t("insights"), icon: "chart", active: active.name === "insights" });
    }
    const nav = document.getElementById("tabs");
    nav.hidden = links.length < 2;
    nav.replaceChildren(...links.map((tab) => el("a", { href: tab.href, "aria-current": tab.active && "page" }, icon(tab.icon), el("span", {}, tab.label))));
  }

  function render() {
    if (root.location.hash === "#main") {
      return;
    }
    const active = route();
    tabs(active);
    document.getElementById("intro").hidden = active.name !== "list";
    const context = { store, edit, remove };
    if (active.entity && active.entity !== currentEntity) {
      currentEntity = active.entity;
      Object.assign(state, { query: "", choices: {}, order: "newest" });
    }
    if (active.name === "list") {
      listView(active.entity);
    } else {
      refresh = () => view.replaceChildren(active.name === "detail" ? extras.detail(active.entity, active.id, context) : extras.insights(context));
      refresh();
    }
  }

  /* ---- Banner and menu ---- */

  function banner() {
    const node = document.getElementById("banner");
    const clear = el("button", { type: "button", class: "link", onclick: () => store.clearExamples() }, t("clearExamples"));
    node.hidden = store.isPersistent() && !store.hasExamples();
    node.replaceChildren(...(store.isPersistent() ? [t("examples"), clear] : [t("notKept")]));
  }

  function download() {
    const blob = new Blob([JSON.stringify(store.export(), null, 2)], { type: "application/json" });
    const anchor = el("a", { href: URL.createObjectURL(blob), download: `${schema.slug}.json` });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
  }

  async function upload(event) {
    const [file] = event.target.files;
    if (!file) {
      return;
    }
    try {
      const imported = store.import(JSON.parse(await file.text()));
      toast(t(imported ? "imported" : "notImported"));
    } catch {
      toast(t("notImported"));
    }
    event.target.value = "";
  }

  function switchTheme() {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : root.matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    try {
      storage?.setItem(`${key}:theme`, document.documentElement.dataset.theme);
    } catch {
      toast(t("notKept"));
    }
  }

  function menu() {
    const file = document.getElementById("import-file");
    const details = document.getElementById("menu");
    document.getElementById("theme").addEventListener("click", switchTheme);
    document.getElementById("export").addEventListener("click", download);
    document.getElementById("import").addEventListener("click", () => file.click());
    file.addEventListener("change", upload);
    document.addEventListener("click", (event) => {
      if (!details.contains(event.target) || event.target.closest("button")) {
        details.open = false;
      }
    });
    const theme = storage?.getItem(`${key}:theme`);
    if (theme === "dark" || theme === "light") {
      document.documentElement.dataset.theme = theme;
    }
  }

  store.onChange(() => {
    refresh();
    banner();
  });
  root.addEventListener("hashchange", render);
  menu();
  banner();
  render();
})(globalThis);
