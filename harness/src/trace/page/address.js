// What is kept of a look at the trace: the theme, and the filter in the address.

function nextTheme() {
  const order = ["system", "light", "dark"];
  setTheme(order[(order.indexOf(stored()) + 1) % order.length]);
}

// Opened from disk, some browsers refuse to store; the choice then lasts as long as the page.
let theme = "system";

function stored() {
  try {
    return localStorage.getItem("socketio-trace-theme") ?? theme;
  } catch {
    return theme;
  }
}

function setTheme(chosen) {
  theme = chosen;
  try {
    localStorage.setItem("socketio-trace-theme", chosen);
  } catch {
    // Kept in `theme`.
  }
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  byId("theme").textContent = { system: "◐ Auto", light: "○ Light", dark: "● Dark" }[chosen];
  byId("theme").setAttribute("aria-label", `Theme: ${{ system: "as the system’s", light: "light", dark: "dark" }[chosen]}`);
  overview.draw();
}

/** The filter is in the address, so that a look at the trace can be kept and passed on. */
function writeAddress() {
  const fields = new URLSearchParams();
  if (filter.clients.size > 0) fields.set("client", [...filter.clients].join(","));
  for (const name of ["namespace", "event", "show", "text"]) if (filter[name]) fields.set(name, filter[name]);
  if (filter.range) fields.set("range", filter.range.join("-"));
  if (rows.selected && !panel.hidden) fields.set("entry", rows.selected.index);
  const hash = String(fields) === "" ? " " : `#${fields}`;
  try {
    history.replaceState(null, "", hash.trim() === "" ? location.pathname + location.search : hash);
  } catch {
    // Browsers limit how often; the next change writes it.
  }
}

/** Restores the filter; returns the entry that was open. */
function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const known = (id) => clients.some((lane) => lane.id === id);
  filter.clients = new Set((fields.get("client") ?? "").split(",").filter(Boolean).map(Number).filter(known));
  for (const name of ["namespace", "event", "show"]) {
    const wanted = fields.get(name) ?? "";
    if ([...controls[name].options].some((option) => option.value === wanted)) filter[name] = wanted;
  }
  filter.text = fields.get("text") ?? "";
  const range = (fields.get("range") ?? "").split("-").map(Number);
  if (range.length === 2 && range.every(Number.isFinite)) filter.range = range;
  return fields.has("entry") ? entries[Number(fields.get("entry"))] : undefined;
}
