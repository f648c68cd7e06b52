"use strict";

/* The menu of small screens, the section in view, and the contact form. */
(function (root) {
  const burger = document.getElementById("burger");
  const nav = document.getElementById("nav");
  const form = document.getElementById("contact-form");
  const outcome = document.getElementById("outcome");

  function setMenu(open) {
    nav.classList.toggle("open", open);
    burger.setAttribute("aria-expanded", String(open));
  }

  burger.addEventListener("click", () => setMenu(!nav.classList.contains("open")));
  nav.addEventListener("click", (event) => {
    if (event.target.closest("a")) {
      setMenu(false);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      setMenu(false);
    }
  });

  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.getAttribute("href").slice(1), link]));
  const watcher = new IntersectionObserver(
    (entries) => entries.forEach((entry) => links.get(entry.target.id)?.classList.toggle("current", entry.isIntersecting)),
    { rootMargin: "-40% 0px -55% 0px" },
  );
  document.querySelectorAll("main section[id]").forEach((section) => watcher.observe(section));

  function errorOf(control) {
    if (control.value.trim() === "") {
      return form.dataset.required;
    }
    return control.type === "email" && !control.validity.valid ? form.dataset.invalid : "";
  }

  function check() {
    const wrong = [...form.elements].filter((control) => control.name).filter((control) => {
      const error = errorOf(control);
      const message = document.getElementById(`${control.id}-error`);
      message.textContent = error;
      message.hidden = !error;
      control.setAttribute("aria-invalid", String(Boolean(error)));
      return Boolean(error);
    });
    wrong[0]?.focus();
    return wrong.length === 0;
  }

  /* Where messages go: data-endpoint takes them as JSON, data-email opens the
     visitor's mail program, without either they stay in this browser. */
  async function deliver(message) {
    const { endpoint, email, sent, kept } = form.dataset;
    if (endpoint) {
      const response = await fetch(endpoint, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(message) });
      if (!response.ok) {
        throw new Error(`The server answered ${response.status}`);
      }
      return sent;
    }
    if (email) {
      const text = `${message.message}\n\n${message.name} <${message.email}>`;
      root.location.href = `mailto:${email}?subject=${encodeURIComponent(document.title)}&body=${encodeURIComponent(text)}`;
      return sent;
    }
    const key = `messages:${root.location.pathname}`;
    const messages = JSON.parse(root.localStorage.getItem(key) ?? "[]");
    root.localStorage.setItem(key, JSON.stringify([...messages, { ...message, at: new Date().toISOString() }]));
    return kept;
  }

  /* The button's click, which Enter causes too: it comes where a page may not submit forms. */
  form.querySelector("button").addEventListener("click", async (event) => {
    event.preventDefault();
    outcome.textContent = "";
    if (!check()) {
      return;
    }
    const { name, email, message } = form.elements;
    try {
      outcome.textContent = await deliver({ name: name.value.trim(), email: email.value.trim(), message: message.value.trim() });
      form.reset();
    } catch (error) {
      console.warn("The message was not delivered:", error.message);
      outcome.textContent = form.dataset.failed;
    }
  });
})(globalThis);
