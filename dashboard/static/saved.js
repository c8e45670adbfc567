// What a page is asked, kept under names in this browser: filters of the message browser, which serve for
// every topic, and views of Activity (data-store names their place), which serve for every site.
(() => {
  "use strict";
  const box = document.getElementById("saved");
  if (!box) return;
  const KEY = box.dataset.store || "footfall.filters", MOST = 30, KEYS = ["partition", "offset", "since", "q", "field", "equals", "filter"];
  const list = box.querySelector("ul"), form = box.querySelector("form"), note = box.querySelector("p");
  const read = () => { // whatever else is stored there is as if nothing were
    try {
      const found = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(found) ? found.filter((one) => one && typeof one.name === "string" && typeof one.query === "object").slice(0, MOST) : [];
    } catch { return []; }
  };
  const write = (filters) => {
    try { localStorage.setItem(KEY, JSON.stringify(filters)); note.textContent = ""; } catch { note.textContent = "This browser does not keep anything."; }
    show();
  };
  const kept = (key) => box.dataset.store ? !["site", "cluster", "shared", "embed", "theme"].includes(key) : KEYS.includes(key);
  const address = (query) => {
    const here = new URLSearchParams(location.search);
    [...here.keys()].filter(kept).forEach((key) => here.delete(key));
    Object.entries(query).forEach(([key, value]) => { if (kept(key) && typeof value === "string" && value) here.set(key, value.slice(0, 2000)); });
    return "?" + here;
  };
  const show = () => {
    list.replaceChildren(...read().map((one) => {
      const item = document.createElement("li"), link = document.createElement("a"), gone = document.createElement("button");
      link.href = address(one.query);
      link.textContent = one.name.slice(0, 60);
      gone.type = "button";
      gone.className = "quiet icon";
      gone.textContent = "×";
      gone.setAttribute("aria-label", `Forget ${link.textContent}`);
      gone.addEventListener("click", () => write(read().filter((other) => other.name !== one.name)));
      item.append(link, gone);
      return item;
    }));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = form.querySelector("input"), name = field.value.trim(), here = new URLSearchParams(location.search);
    const query = Object.fromEntries([...here].filter(([key, value]) => kept(key) && value));
    const others = read().filter((one) => one.name !== name);
    if (!name) return;
    if (!Object.keys(query).length) { note.textContent = "There is no filter to save yet: search with one first."; return; }
    if (others.length >= MOST) { note.textContent = `${MOST} filters are kept; forget one first.`; return; }
    field.value = "";
    write([...others, { name, query }]);
  });
  box.hidden = false;
  show();
})();
