"use strict";

/* Keeps the application's own files, so that it opens without network. */
const PREFIX = `{{ slug }}:${self.registration.scope}:`;
const CACHE = `${PREFIX}{{ version }}`;
const FILES = [
{%- for file in files %}
  "{{ file }}",
{%- endfor %}
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  event.waitUntil(
    caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) {
    return;
  }
  event.respondWith(
    fetch(request).catch(async () => {
      const cache = await caches.open(CACHE);
      const kept = await cache.match(request, { ignoreSearch: true });
      return kept ?? (request.mode === "navigate" ? cache.match("index.html") : Response.error());
    }),
  );
});
