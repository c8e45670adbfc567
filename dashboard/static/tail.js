// Follow a topic: records are pushed, at most 200 a second; 500 rows are kept; a hidden page pauses.
(() => {
  "use strict";
  const button = document.getElementById("follow"), box = document.getElementById("messages");
  if (!box || !button) return;
  const ROWS_MAX = 500;
  const note = document.getElementById("tail-note"), body = box.querySelector("tbody"), none = document.getElementById("no-messages");
  let source = null, shown = 0, looked = 0, passed = 0, missed = 0, untested = 0, why = "";
  const make = (tag, text, within) => { const made = document.createElement(tag); made.textContent = text; within.append(made); return made; };
  const put = (text, shown, within) => { // null and empty are told apart
    if (text) within.append(shown);
    else make("span", text === null ? "null" : "empty", within).className = "state";
  };
  const part = (title, about, text, within) => {
    const label = make("p", `${title} `, within);
    label.className = "label";
    make("span", about, label).className = "muted";
    if (text) make("pre", text, within).tabIndex = 0;
  };
  const add = (record) => {
    const row = body.insertRow(0);
    row.className = "new";
    make("td", record.partition, row).className = "n";
    make("td", record.offset, row).className = "n";
    make("td", record.time, row);
    const key = make("td", "", row);
    key.className = "key";
    put(record.key, (record.key || "").slice(0, 300), key);
    const whole = make("details", "", make("td", "", row));
    const line = make("summary", "", whole);
    line.dataset.row = "";
    put(record.value, record.line, line);
    whole.addEventListener("toggle", () => { // what nobody opens is not drawn
      if (whole.children.length > 1) return;
      const [key, value, headers] = record.about;
      part("Key", key, record.key, whole);
      part("Value", value, record.value, whole);
      if (record.headers.length) part("Headers", headers, "", whole);
      for (const [name, value] of record.headers) put(value, value, make("pre", `${name}: `, whole));
    });
    while (body.rows.length > ROWS_MAX) body.deleteRow(-1);
  };
  const tell = () => {
    note.textContent = `Following. ${shown} shown of ${looked + passed} that arrived${passed ? `; ${passed} came too fast and were passed over` : ""}${missed ? `; this page was too slow for ${missed} looks` : ""}${untested ? `; ${untested} could not be tested: ${why}` : ""}. The newest ${ROWS_MAX} rows are kept.`;
  };
  const stop = (why) => {
    if (source) source.close();
    source = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow";
    note.textContent = why;
  };
  const follow = () => {
    shown = looked = passed = missed = untested = 0;
    source = new EventSource(button.dataset.from);
    source.onopen = tell;
    source.addEventListener("rows", (event) => {
      const found = JSON.parse(event.data);
      looked += found.looked;
      passed += found.passed;
      missed += found.missed;
      untested += found.untested;
      why = found.why || why;
      shown += found.rows.length;
      if (found.rows.length) { box.hidden = false; if (none) none.hidden = true; }
      found.rows.forEach(add);
      footfallLabel(box);
      tell();
    });
    source.addEventListener("end", (event) => stop(JSON.parse(event.data).why));
    source.onerror = () => stop("No answer from the dashboard.");
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Pause";
    note.textContent = "Waiting for the next record …";
  };
  button.addEventListener("click", () => { if (source) stop("Paused."); else follow(); });
  document.addEventListener("visibilitychange", () => { if (document.hidden && source) stop("Paused: the page was hidden."); });
})();
