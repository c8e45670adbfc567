// The page's own script: live stream, keyboard, theme, small helps. All HTML comes escaped from the server.
(() => {
  "use strict";
  const live = document.getElementById("live"), beat = document.getElementById("beat"), age = document.getElementById("age");
  const STALE_MS = 5000, HIDDEN_MS = 60000;
  let source = null, paused = false, lastFrame = Date.now(), clusterStale = document.body.hasAttribute("data-old"), lastHtml = "";
  let trouble = document.title.slice(0, document.title.length - document.body.dataset.title.length);

  // Make `old` like `fresh`, touching only what differs, so that focus and selection stay.
  const patch = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) { old.replaceWith(fresh.cloneNode(true)); return; }
    if (old.nodeType !== Node.ELEMENT_NODE) { if (old.data !== fresh.data) old.data = fresh.data; return; }
    const before = old.dataset.series;
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open" && name !== "data-columns") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (old.hasAttribute("data-keep")) { // a chart draws its own inside; tell it when it is of something else now
      if (before !== old.dataset.series) footfallCharts.changed(old);
      return;
    }
    children(old, fresh);
  };
  const children = (old, fresh) => {
    const before = [...old.childNodes], after = [...fresh.childNodes];
    after.forEach((node, index) => index < before.length ? patch(before[index], node) : old.append(node.cloneNode(true)));
    before.slice(after.length).forEach((node) => node.remove());
  };

  // On a phone a row is a card, where each value needs the head of its column.
  const label = (within) => within.querySelectorAll("table.cards").forEach((table) => {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    for (const row of table.querySelectorAll("tbody tr")) [...row.cells].forEach((cell, column) => { cell.dataset.label = heads[column] || ""; });
  });
  label(document);
  // A name that is cut off is told whole to who points at it or goes to it with the keyboard.
  const whole = (event) => {
    const cut = event.target.closest && event.target.closest(".clip");
    if (cut && !cut.title && cut.scrollWidth > cut.clientWidth) cut.title = cut.textContent.trim();
  };
  document.addEventListener("mouseover", whole);
  document.addEventListener("focusin", whole);

  const badge = () => {
    if (!beat) return;
    const silent = Date.now() - lastFrame, away = !paused && silent > STALE_MS;
    const title = (away ? "No answer · " : trouble) + document.body.dataset.title;
    if (document.title !== title) document.title = title;
    document.body.toggleAttribute("data-old", away || clusterStale); // what was fine then is not called fine now
    beat.dataset.state = paused ? "paused" : away || clusterStale ? "old" : "live";
    age.textContent = paused ? "paused" : away ? `${Math.round(silent / 1000)} s old` : clusterStale ? "stale" : "live";
  };
  const take = (event) => {
    lastFrame = Date.now();
    if (paused) return;
    const frame = JSON.parse(event.data);
    clusterStale = frame.stale;
    trouble = frame.tab_state;
    if (frame.html !== lastHtml) {
      lastHtml = frame.html;
      const fresh = new DOMParser().parseFromString(`<div>${frame.html}</div>`, "text/html").body.firstChild;
      label(fresh);
      children(live, fresh);
    }
    const count = document.getElementById("alert-count");
    if (count) { count.hidden = !frame.alerts; count.firstChild.textContent = frame.alerts; }
    footfallCharts.tick(frame);
    badge();
  };
  // Who came by a link is known by its secret, with all that the page asks for.
  const byLink = (mark) => {
    const secret = new URLSearchParams(location.search).get("shared");
    return secret ? `${mark}shared=${encodeURIComponent(secret)}` : "";
  };
  const connect = () => {
    if (source || !document.body.dataset.live) return;
    source = new EventSource("/api/stream?page=" + encodeURIComponent(location.pathname + location.search) + byLink("&"));
    source.onmessage = take;
    source.onopen = () => { lastFrame = Date.now(); };
    source.onerror = () => { if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(again, 3000); } };
  };
  // Refused: who is not signed in any more is asked to, but not out of a form that is being filled.
  const again = async () => {
    const filling = document.activeElement.form || document.querySelector("dialog[open]");
    const status = await fetch("/api/v1/actions" + byLink("?"), { cache: "no-store" }).then((answer) => answer.status, () => 0);
    if (status !== 401) connect();
    else if (filling) setTimeout(again, 3000);
    else location.reload();
  };
  const disconnect = () => { if (source) { source.close(); source = null; } };
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(disconnect, HIDDEN_MS); else connect();
  });
  const pause = () => { // not in the frame of another page, which has no button that says so
    const button = document.getElementById("pause");
    if (!button) return;
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    lastHtml = "";
    badge();
  };

  const theme = () => {
    const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme || (dark ? "dark" : "light"), next = now === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    document.cookie = `theme=${next};path=/;max-age=31536000;samesite=lax`;
    footfallCharts.again();
  };
  const copy = async (button, text) => {
    const label = button.dataset.label ??= button.textContent; // pressed twice, it says "Copied" already
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Copying is not allowed"; }
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  const csv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => {
    const text = cell.innerText.trim().replace(/\s+/g, " ");
    const safe = /^[=+@\t-]/.test(text) && !/^-?[\d.]/.test(text) ? "'" + text : text; // no formulas in spreadsheets
    return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  }).join(",")).join("\n");

  const tableOf = (button) => { // that of its card, or the last one before it
    const own = button.closest("section")?.querySelector("table.list");
    const before = [...document.querySelectorAll("main table.list")].filter((table) => table.compareDocumentPosition(button) & Node.DOCUMENT_POSITION_FOLLOWING);
    return own || before.pop();
  };

  const shut = (but) => document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(but)) menu.open = false; });
  document.addEventListener("focusin", (event) => shut(event.target));
  document.addEventListener("click", (event) => {
    shut(event.target);
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "pause") pause();
    if (button.id === "theme") theme();
    if (button.id === "help") document.getElementById("keys").showModal();
    if ("csv" in button.dataset) copy(button, csv(tableOf(button)));
    if (button.dataset.copy) copy(button, document.querySelector(button.dataset.copy).textContent);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form && (form.hasAttribute("data-auto") || event.target.hasAttribute("data-submit"))) form.requestSubmit();
  });

  const rows = () => [...document.querySelectorAll("a[data-row]")];
  const step = (by) => {
    const links = rows(), here = links.indexOf(document.activeElement);
    const next = links[Math.min(links.length - 1, Math.max(0, here + by))];
    if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  };
  const range = (by) => {
    const links = [...document.querySelectorAll(".ranges a")], here = links.findIndex((link) => link.hasAttribute("aria-current"));
    const next = links[here + by];
    if (next) next.click();
  };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.firstElementChild.focus(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.nodeName)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const keys = {
      g: () => { going = Date.now(); },
      "/": () => { const box = document.querySelector("input[type=search]"); if (box) { box.focus(); box.select(); } },
      j: () => step(1), k: () => step(-1), ".": pause, "[": () => range(-1), "]": () => range(1),
      "?": () => document.getElementById("keys").showModal(),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  window.footfallLabel = label;
  document.querySelectorAll(".tabs [aria-current], .cardtabs [aria-current]").forEach((link) => { link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 40; });
  connect();
  setInterval(badge, 1000);
})();
