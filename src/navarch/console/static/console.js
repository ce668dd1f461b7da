// What the browser has to do itself: one stream a page, filters that need no button, copying. Pages work without it.
"use strict";

(() => {
  document.documentElement.classList.toggle("scripted", Boolean(window.htmx));
  const FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 30000;
  const notice = document.getElementById("notice");

  function say(words) {
    notice.textContent = words;
    notice.hidden = !words;
  }

  // The element of that id gets the new picture. What a person opened or closed stays so, and what had the focus has it again.
  function replace(id, html) {
    const old = document.getElementById(id);
    if (!old) return;
    const holder = document.createElement(old.tagName === "TR" ? "tbody" : "div");
    holder.innerHTML = html;
    const made = holder.firstElementChild;
    if (!made || made.id !== id) return;
    for (const details of old.querySelectorAll("details[id]")) {
      const same = made.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = details.open;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = old.querySelector(".scroll")?.scrollLeft;
    old.replaceWith(made);
    if (scrolled) made.querySelector(".scroll")?.scrollTo({ left: scrolled });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    prepare(made);
  }

  let source = null, pause = FIRST_PAUSE_MS, timer = 0;

  function listen() {
    const place = document.querySelector("[data-stream]");
    hush();
    if (!place || document.hidden) return;
    source = new EventSource(place.dataset.stream);
    source.onopen = () => { pause = FIRST_PAUSE_MS; say(""); };
    // The browser's own way of coming back gives up after a refusal and never slows down.
    source.onerror = () => {
      hush();
      if (pause > FIRST_PAUSE_MS) say(document.body.dataset.away);
      timer = setTimeout(listen, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    };
    source.addEventListener("fragment", (event) => {
      const { id, html } = JSON.parse(event.data);
      replace(id, html);
    });
    source.addEventListener("gone", (event) => {
      const { id } = JSON.parse(event.data);
      document.getElementById(id)?.classList.add("gone");
      if (id === "cluster") location.assign("/clusters");
    });
    source.addEventListener("new", (event) => {
      const offer = document.getElementById("new");
      if (!offer) return location.reload();
      offer.hidden = false;
      offer.querySelector("[data-count]").textContent = JSON.parse(event.data).count;
      offer.querySelector("a").href = location.href;
    });
    source.addEventListener("ended", (event) => {
      hush();
      location.assign(JSON.parse(event.data).to);
    });
  }

  function hush() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function prepare(place) {
    for (const text of place.querySelectorAll("[data-copy]")) {
      if (text.dataset.copy === "ready" || !navigator.clipboard) continue;
      text.dataset.copy = "ready";
      const words = text.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = document.body.dataset.copyWord;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(words);
        button.textContent = "✓";
        setTimeout(() => { button.textContent = document.body.dataset.copyWord; }, 1500);
      });
      if (text.tagName === "PRE") text.prepend(button); else text.after(button);
    }
  }

  document.addEventListener("visibilitychange", () => { document.hidden ? hush() : listen(); });
  document.addEventListener("htmx:after:swap", () => {
    prepare(document);
    const place = document.querySelector("[data-stream]");
    if (place && source?.url !== new URL(place.dataset.stream, location).href) listen();
  });
  window.addEventListener("pagehide", hush);
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  prepare(document);
  listen();
  document.getElementById("errors")?.focus();
})();
