// Forms that change something: fields to JSON, a confirmation that names the object, what came of it.
(() => {
  "use strict";
  const csrf = document.body.dataset.csrf, dialog = document.getElementById("confirm");
  const kinds = {
    number: (text) => text === "" ? undefined : Number(text),
    text: (text) => text,
    some: (text) => text === "" ? undefined : text,
    empty: (text) => text === "" ? null : text,
    time: (text) => text === "" ? undefined : Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : text + "Z"),
    json: (text) => { try { return JSON.parse(text); } catch { return text; } }, // the server says what is wrong
    list: (text) => text.split(/[\s,]+/).filter(Boolean),
    pairs: (text) => Object.fromEntries(text.split("\n").filter((line) => line.trim()).map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line.trim(), null] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    })),
  };
  const gather = (form) => {
    const wish = {};
    for (const field of form.elements) {
      if (!field.name || field.disabled) continue;
      const value = field.type === "checkbox" ? field.checked : (kinds[field.dataset.kind] || kinds.text)(field.value);
      if (value !== undefined) wish[field.name] = value;
    }
    return wish;
  };
  // Resolves to what was typed, or null when it was called off.
  const confirmed = (form, name) => new Promise((done) => {
    const typed = dialog.querySelector("input");
    dialog.querySelector("h2").textContent = form.dataset.says;
    dialog.querySelector("code").textContent = name;
    typed.value = "";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes" ? typed.value : null), { once: true });
    dialog.showModal();
    typed.focus();
  });
  const tell = (form, sentence, rows, bad) => {
    const out = (document.getElementById(form.dataset.out) || form).querySelector("output");
    out.replaceChildren(Object.assign(document.createElement("p"), { textContent: sentence, className: bad ? "bad" : "good" }));
    if (!rows || !rows.length) return;
    const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    table.className = "list";
    for (const key of Object.keys(rows[0])) head.append(Object.assign(document.createElement("th"), { textContent: key, scope: "col" }));
    for (const row of rows.slice(0, 1000)) {
      const line = body.insertRow();
      for (const value of Object.values(row)) line.insertCell().textContent = value === null ? "none" : String(value);
    }
    out.append(table);
  };
  // A form may be about another cluster than its page: it has a field for that.
  const send = async (form, wish) => {
    const other = form.querySelector("[data-cluster]"), cluster = other ? other.value : document.body.dataset.cluster;
    const action = form.dataset.action, query = cluster ? "?cluster=" + encodeURIComponent(cluster) : "";
    const answer = await fetch(`/api/v1/actions/${action}${query}`, {
      method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf }, body: JSON.stringify(wish),
    });
    return { ok: answer.ok, body: await answer.json() };
  };
  // Where to go then, in the cluster of the page.
  const inCluster = (path) => {
    const cluster = document.body.dataset.cluster;
    return cluster && !path.includes("?") ? `${path}?cluster=${encodeURIComponent(cluster)}` : path;
  };
  const act = async (form, dry) => {
    const wish = gather(form);
    if (form.dataset.dry) wish.dry_run = dry;
    if (form.dataset.confirm && !dry) {
      wish.confirm = await confirmed(form, wish[form.dataset.confirm]);
      if (wish.confirm === null) return;
    }
    form.setAttribute("aria-busy", "true");
    try {
      const { ok, body } = await send(form, wish);
      tell(form, ok ? body.sentence : body.error, body.rows, !ok);
      if (ok && body.changed && form.dataset.go) location.assign(inCluster(form.dataset.go));
    } catch {
      tell(form, "No answer from the dashboard; it may or may not have been done.", [], true);
    } finally { form.removeAttribute("aria-busy"); }
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.action) return;
    event.preventDefault();
    act(form, Boolean(event.submitter && event.submitter.dataset.dry));
  });
  document.addEventListener("click", async (event) => {
    if (event.target.id !== "sign-out") return;
    const sso = await fetch("/api/v1/logout/oidc"), { url } = sso.ok ? await sso.json() : { url: "/login" };
    await fetch("/api/v1/logout", { method: "POST", headers: { "X-CSRF-Token": csrf } });
    location.assign(url);
  });
})();
