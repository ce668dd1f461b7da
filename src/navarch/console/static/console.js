// What the browser has to do itself: one stream a page, filters that need no button, copying, local times, drafts. Pages
// work without it.
"use strict";

(() => {
  document.documentElement.classList.toggle("scripted", Boolean(window.htmx));
  const FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 30000, WARNING_MS = 5 * 60 * 1000, SAID_EVERY_MS = 10000;
  const body = document.body, root = body.dataset.root;
  const notice = document.getElementById("notice");

  // Moments in the browser's zone, where the account asks for it; the server writes them in UTC.
  const moment = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
  const local = "localTimes" in body.dataset;
  const zoned = local ? new Intl.DateTimeFormat(document.documentElement.lang, moment) : null;
  const clock = zoned ?? new Intl.DateTimeFormat(document.documentElement.lang, { ...moment, timeZone: "UTC" });

  // `lost`: since when nothing is told: the picture is of that moment.
  let lost = null;

  function say(words) {
    lost = words ? lost ?? new Date() : null;
    notice.textContent = words && `${words} ${clock.format(lost)}`;
    notice.hidden = !words;
  }

  // The element of that id gets the new picture. What a person opened or closed stays so, and what had the focus has it again.
  function replace(id, html) {
    const old = document.getElementById(id);
    if (!old) return;
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const made = holder.content.firstElementChild;
    if (!made || made.id !== id) return;
    for (const details of old.querySelectorAll("details[id]")) {
      const same = made.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = details.open;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = old.querySelector(".scroll")?.scrollLeft;
    prepare(made);
    old.replaceWith(made);
    if (scrolled) made.querySelector(".scroll")?.scrollTo({ left: scrolled });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    tell();
  }

  // One polite region for readers, at most every ten seconds, and only where the phase is another one.
  let told = document.querySelector("#head [data-phase]")?.dataset.phase, telling = 0;

  function tell() {
    const place = document.getElementById("said"), badge = document.querySelector("#head [data-phase]");
    if (!place || !badge || telling || badge.dataset.phase === told) return;
    told = badge.dataset.phase;
    place.textContent = badge.textContent.trim();
    telling = setTimeout(() => { telling = 0; tell(); }, SAID_EVERY_MS);
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
      lost ??= new Date();
      if (pause > FIRST_PAUSE_MS) say(body.dataset.away);
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
      if (id === "cluster") location.assign(`${root}/clusters`);
    });
    source.addEventListener("new", (event) => {
      const offer = document.getElementById("new");
      if (!offer) return location.reload();
      offer.hidden = false;
      offer.querySelector("[data-count]").textContent = JSON.parse(event.data).count;
      offer.querySelector("a").href = location.href;
    });
    source.addEventListener("away", (event) => say(JSON.parse(event.data).away ? body.dataset.away : ""));
    source.addEventListener("ended", (event) => {
      hush();
      location.assign(root + JSON.parse(event.data).to);
    });
  }

  function hush() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }


  function prepare(place) {
    for (const time of zoned ? place.querySelectorAll("time[datetime]") : []) {
      const words = zoned.format(new Date(time.dateTime));
      if (time.title) time.title = words; else time.textContent = words;
    }
    for (const text of zoned ? place.querySelectorAll("text[data-time]") : []) {
      const short = "day" in text.dataset ? { month: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
      text.textContent = new Intl.DateTimeFormat(document.documentElement.lang, short).format(new Date(text.dataset.time));
    }
    for (const text of place.querySelectorAll("[data-copy]")) {
      if (text.dataset.copy === "ready" || !navigator.clipboard) continue;
      text.dataset.copy = "ready";
      const words = text.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = body.dataset.copyWord;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(words);
        button.textContent = body.dataset.copiedWord;
        setTimeout(() => { button.textContent = body.dataset.copyWord; }, 1500);
      });
      if (text.tagName === "PRE") text.before(button); else text.after(button);
    }
  }

  // The values of an add-on come once its box is ticked, and anew for another Kubernetes.
  const picks = document.querySelectorAll("[data-pick]");
  const bring = async (pick, anew) => {
    const box = pick.querySelector("input[type=checkbox]"), place = pick.querySelector(".picked");
    if (!box.checked || (place.childElementCount && !anew)) return;
    const answer = await fetch(pick.dataset.pick, { method: "POST", redirect: "manual", body: new URLSearchParams(new FormData(box.form)) });
    if (answer.ok) place.innerHTML = await answer.text();
  };
  for (const pick of picks) pick.querySelector("input[type=checkbox]").addEventListener("change", () => bring(pick, false));
  if (picks.length) document.getElementById("version")?.addEventListener("change", () => picks.forEach((pick) => bring(pick, true)));

  // A form whose fields depend on what is chosen is asked for anew, with what was typed.
  document.querySelector("select[data-again]")?.addEventListener("change", (event) => {
    const form = event.target.form;
    form.requestSubmit(form.querySelector("button[value=plan]"));
  });

  // What was typed into a long form outlives the session, in this tab alone: but for what may be secret.
  const drafts = document.querySelector("form[data-draft]");
  if (drafts) {
    const name = `draft:${location.pathname}`, offer = document.getElementById("draft");
    const kept = sessionStorage.getItem(name);
    if (kept && offer && !document.getElementById("errors")) {
      offer.hidden = false;
      offer.querySelector("button").addEventListener("click", () => {
        const form = document.createElement("form");
        form.method = "post";
        for (const [field, value] of [...new URLSearchParams(kept), ["csrf", drafts.elements.csrf.value], ["do", "plan"]]) {
          const input = document.createElement("input");
          Object.assign(input, { type: "hidden", name: field, value });
          form.append(input);
        }
        body.append(form);
        form.submit();
      });
    }
    const keep = () => {
      const typed = new URLSearchParams(new FormData(drafts));
      typed.delete("csrf");
      for (const secret of drafts.querySelectorAll("input[type=password], [data-secret]")) typed.delete(secret.name);
      sessionStorage.setItem(name, typed);
    };
    drafts.addEventListener("input", keep);
    drafts.addEventListener("submit", keep);
  } else if (document.getElementById("cluster")) {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith("draft:")) sessionStorage.removeItem(name);
  }

  // Limits as a range. A handle that is moved moves its field, never past the other one; what is typed moves the handle.
  for (const range of document.querySelectorAll("[data-range]")) {
    const handles = [...range.querySelectorAll("input")], band = range.querySelector(".after"), most = handles[0].max;
    const fields = handles.map((handle) => document.getElementById(handle.dataset.field));
    const show = () => {
      handles.forEach((handle, n) => { handle.value = fields[n].value || 0; });
      const [low, high] = handles.map((handle) => 100 * handle.value / most);
      band.setAttribute("x", low);
      band.setAttribute("width", Math.max(0, high - low));
    };
    handles.forEach((handle, n) => handle.addEventListener("input", () => {
      const other = Number(handles[1 - n].value), its = Number(handle.value);
      fields[n].value = n ? Math.max(its, other, 1) : Math.min(its, other);
      fields[1 - n].value ||= other;
      show();
    }));
    for (const field of fields) field.addEventListener("input", show);
    show();
  }

  const ending = document.getElementById("ending");
  if (ending) {
    const warn = () => { ending.hidden = false; };
    setTimeout(warn, Math.max(0, new Date(body.dataset.ends) - Date.now() - WARNING_MS));
  }

  // Keys: / searches, unless the account switched that off; Escape leaves a field. Not while one types.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !("noShortcuts" in body.dataset) && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.getElementById("search");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "Escape") {
      typing?.blur();
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    }
  });

  // On paper what is folded cannot be opened.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open]):not(.menu)")];
    for (const details of folded) details.open = true;
  });
  window.addEventListener("afterprint", () => { for (const details of folded) details.open = false; });

  document.addEventListener("visibilitychange", () => { document.hidden ? hush() : listen(); });
  // A plan that comes anew while one types has the folds open that were.
  let open = [];
  document.addEventListener("htmx:before:swap", () => {
    open = [...document.querySelectorAll("#plan details[id][open], .plan details[id][open]")].map((details) => details.id);
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
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
