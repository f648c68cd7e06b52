"use strict";

/* What makes the page an application on a phone: offline use and installation. */
(function (root) {
  const button = document.getElementById("install");
  let prompt;

  async function keepOffline() {
    try {
      await navigator.serviceWorker.register("sw.js");
    } catch (error) {
      console.info("Offline use is not available:", error.message);
    }
  }

  if ("serviceWorker" in navigator && /^https?:$/.test(root.location.protocol)) {
    keepOffline();
  }

  root.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    prompt = event;
    button.hidden = false;
  });

  root.addEventListener("appinstalled", () => {
    button.hidden = true;
  });

  button.addEventListener("click", async () => {
    button.hidden = true;
    if (prompt) {
      await prompt.prompt();
      prompt = undefined;
    }
  });
})(globalThis);
