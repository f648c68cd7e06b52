"use strict";

/* The form that creates and changes a record. */
(function (root) {
  const { el, icon, t, titleOf, entityOf } = root.AppUi;

  function starsInput(field, value) {
    const row = el("div", { class: "star-input" });
    const paint = (count) => row.querySelectorAll("label").forEach((label, i) => label.classList.toggle("on", i < count));
    for (let count = 1; count <= 5; count += 1) {
      const input = el("input", { type: "radio", name: field.name, value: count, "aria-label": t("starsOf", { value: count }) });
      input.checked = value === count;
      input.addEventListener("change", () => paint(count));
      row.append(el("label", {}, input, el("span", { "aria-hidden": "true" }, "★")));
    }
    const clear = () => {
      row.querySelectorAll("input").forEach((input) => {
        input.checked = false;
      });
      paint(0);
    };
    row.append(el("button", { type: "button", class: "link", onclick: clear }, t("clear")));
    paint(value ?? 0);
    return row;
  }

  function select(attributes, options, value) {
    const node = el("select", attributes, el("option", { value: "" }, "—"));
    node.append(...options.map((option) => el("option", { value: option.value }, option.label)));
    node.value = value ?? "";
    return node;
  }

  function control(field, value, store, attributes) {
    switch (field.type) {
      case "long_text": {
        const area = el("textarea", { ...attributes, rows: 4, maxlength: 10000 });
        area.value = value ?? "";
        return area;
      }
      case "boolean": {
        const box = el("input", { ...attributes, type: "checkbox" });
        box.checked = value === true;
        return box;
      }
      case "choice":
        return select(attributes, field.of.map((option) => ({ value: option, label: option })), value);
      case "reference": {
        const target = entityOf(field.of);
        const options = store.list(target).map((record) => ({ value: record.id, label: titleOf(target, record) }));
        return select(attributes, options, value);
      }
      default: {
        const types = { number: "number", money: "number", date: "date", email: "email", phone: "tel", url: "url" };
        const input = el("input", { ...attributes, type: types[field.type] ?? "text", maxlength: 500, autocomplete: "off" });
        if (input.type === "number") {
          input.step = field.type === "money" ? "0.01" : "any";
          input.inputMode = "decimal";
        }
        if (field.type === "url") {
          input.placeholder = "https://";
        }
        if (field.type === "tags") {
          input.placeholder = t("tagsHint");
        }
        input.value = value ?? "";
        return input;
      }
    }
  }

  function row(field, index, value, store) {
    const id = `field-${field.name}`;
    const error = el("p", { class: "error", id: `${id}-error`, hidden: true });
    if (field.type === "rating") {
      return el("fieldset", { class: "field" }, el("legend", {}, field.label), starsInput(field, value), error);
    }
    const attributes = { id, name: field.name, required: index === 0, "aria-describedby": `${id}-error` };
    const label = el("label", { for: id }, field.label, index === 0 && el("span", { class: "must", "aria-hidden": "true" }, " *"));
    const wide = field.type === "long_text" || index === 0;
    const parts = [label, control(field, value, store, attributes), error];
    return el("div", { class: `field ${field.type === "boolean" ? "check" : ""} ${wide ? "wide" : ""}` }, parts);
  }

  function read(entity, form) {
    const input = {};
    for (const field of entity.fields) {
      const control = form.elements.namedItem(field.name);
      input[field.name] = field.type === "boolean" ? control.checked : control.value;
    }
    return input;
  }

  function showErrors(entity, form, errors) {
    let first;
    for (const field of entity.fields) {
      const message = form.querySelector(`#field-${field.name}-error`);
      const control = form.querySelector(`#field-${field.name}`);
      const error = errors[field.name];
      const target = message ?? form.querySelector(`fieldset input[name="${field.name}"]`).closest("fieldset").querySelector(".error");
      target.hidden = !error;
      target.textContent = error ? t(error) : "";
      if (control) {
        control.setAttribute("aria-invalid", String(Boolean(error)));
        first = first ?? (error ? control : undefined);
      }
    }
    if (first) {
      first.focus();
    }
  }

  /** Opens the form; `record` is the one to change, `preset` values to begin a new one with. */
  function openForm({ entity, store, record, preset, onsaved }) {
    const dialog = el("dialog", { class: "sheet", "aria-labelledby": "form-title" });
    const close = () => dialog.close();
    const values = record ?? preset ?? {};
    const heading = record ? t("editTitle", { name: entity.name }) : t("newTitle", { name: entity.name });
    const form = el(
      "form",
      { novalidate: true },
      el(
        "header",
        { class: "sheet-head" },
        el("h2", { id: "form-title" }, heading),
        el("button", { type: "button", class: "icon-button", "aria-label": t("close"), onclick: close }, icon("close")),
      ),
      el("div", { class: "fields" }, entity.fields.map((field, index) => row(field, index, values[field.name], store))),
      el(
        "footer",
        { class: "sheet-foot" },
        el("button", { type: "button", class: "button", onclick: close }, t("cancel")),
        el("button", { type: "submit", class: "button primary" }, t("save")),
      ),
    );
    /* The button's click, which Enter causes too: it comes where a page may not submit forms. */
    form.querySelector("[type=submit]").addEventListener("click", (event) => {
      event.preventDefault();
      const { values: saved, errors } = root.AppStore.validate(entity, read(entity, form));
      showErrors(entity, form, errors);
      if (Object.keys(errors).length === 0) {
        store.save(entity, saved, record && record.id);
        close();
        onsaved(Boolean(record));
      }
    });
    form.addEventListener("input", (event) => {
      const error = event.target.closest(".field").querySelector(".error");
      error.hidden = true;
      event.target.removeAttribute("aria-invalid");
    });
    dialog.addEventListener("close", () => dialog.remove());
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
    const first = form.querySelector("input, select, textarea");
    if (first) {
      first.focus();
    }
  }

  root.AppForm = { openForm };
})(globalThis);
