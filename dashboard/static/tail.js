// Follow a topic: bounded looks at its newest records, a ring of 500 rows, and a pause by itself.
(() => {
  "use strict";
  const box = document.getElementById("tail"), button = document.getElementById("follow");
  if (!box || !button) return;
  const ROWS_MAX = 500, EVERY_MS = 2000, PAUSE_MS = 600000; // nobody watches for ever
  const note = document.getElementById("tail-note"), body = box.querySelector("tbody"), seen = new Set();
  let timer = 0, until = 0, shown = 0, skipped = 0;
  const last = new Map(); // highest offset by partition: what lies between looks and was not seen is told
  const cell = (row, text, kind) => {
    const td = row.insertCell(), pre = document.createElement("pre");
    pre.textContent = text;
    if (kind === "n") td.className = "n";
    td.append(pre);
  };
  const add = (record) => {
    const id = `${record.partition}-${record.offset}`, before = last.get(record.partition);
    if (seen.has(id)) return;
    seen.add(id);
    if (before !== undefined && record.offset > before + 1) skipped += record.offset - before - 1;
    last.set(record.partition, Math.max(before === undefined ? -1 : before, record.offset));
    const row = body.insertRow(0);
    cell(row, String(record.partition), "n");
    cell(row, String(record.offset), "n");
    cell(row, record.timestamp_ms < 0 ? "no time" : new Date(record.timestamp_ms).toISOString().slice(11, 19));
    cell(row, record.key);
    cell(row, record.kind === "empty" ? "(no value: a tombstone)" : record.value);
    shown += 1;
    while (body.rows.length > ROWS_MAX) body.deleteRow(-1);
    if (seen.size > 20 * ROWS_MAX) { seen.clear(); for (const [part, offset] of last) seen.add(`${part}-${offset}`); }
  };
  const stop = (why) => {
    clearTimeout(timer);
    timer = 0;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow";
    note.textContent = why;
  };
  const look = async () => {
    try {
      const answer = await fetch(box.dataset.from), found = await answer.json();
      if (!answer.ok) { stop(found.error); return; }
      if (!timer) return; // stopped meanwhile
      found.rows.slice().sort((a, b) => a.partition - b.partition || a.offset - b.offset).forEach(add);
      note.textContent = `${shown} shown${skipped ? `, ${skipped} passed between looks` : ""}; the newest 500 are kept.`;
    } catch { stop("No answer from the dashboard."); return; }
    if (Date.now() > until) { stop("Paused by itself after 10 minutes."); return; }
    timer = setTimeout(look, EVERY_MS);
  };
  button.addEventListener("click", () => {
    if (timer) { stop("Paused."); return; }
    until = Date.now() + PAUSE_MS;
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Pause";
    box.hidden = false;
    timer = setTimeout(look, 0);
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden && timer) stop("Paused: the page was hidden."); });
})();
