// The page's state, and what changes it: filters, pointer, keyboard, the address.

const byId = (id) => document.getElementById(id);
const controls = { text: byId("text"), client: byId("client"), namespace: byId("namespace"), event: byId("event"), show: byId("show") };
const panel = byId("details");
const viewport = byId("viewport");
const filter = { clients: new Set(), namespace: "", event: "", show: "", text: "", range: null };
const rows = new Rows(viewport, byId("spacer"), (entry) => choose(entry, true));
const overview = new Overview(byId("overview"), (range, entry) => {
  if (range) setRange(range);
  else if (entry) choose(entry, false);
});
rows.onDraw = () => overview.mark(rows.inSight(), rows.selected);

function start() {
  writeHeading();
  fillControls();
  listen();
  const chosen = readAddress();
  apply();
  const entry = chosen ?? entries.find(isFailure);
  if (entry) choose(entry, chosen !== undefined);
}

function writeHeading() {
  const frames = entries.filter((entry) => entry.kind === "frame").length;
  byId("test").textContent = trace.test;
  byId("outcome").textContent = trace.outcome;
  byId("outcome").classList.add(trace.outcome);
  const when = new Date(trace.started_unix_ms).toLocaleString();
  byId("facts").textContent = [counted(clients.length, "client"), counted(frames, "packet"), formatSpan(duration), when].join(" · ");
  const failures = entries.filter(isFailure);
  byId("failures").hidden = failures.length === 0;
  byId("failures").replaceChildren(...failures.map((entry) => {
    const button = newElement("button");
    button.type = "button";
    const { name, rest } = describe(entry);
    button.append(newElement("span", "mark", "✕"), newElement("span", "what", [name, rest].filter(Boolean).join(": ")));
    button.addEventListener("click", () => choose(entry, true));
    return button;
  }));
  const missing = trace.lanes.filter((lane) => lane.dropped > 0).map((lane) => `${counted(lane.dropped, "packet")} of ${lane.name}`);
  byId("incomplete").hidden = missing.length === 0;
  byId("incomplete").textContent = `The oldest packets were not kept: ${missing.join(", ")}.`;
}

function fillControls() {
  const option = (value, text) => Object.assign(newElement("option", "", text), { value });
  const fill = (select, values, all, text) =>
    select.replaceChildren(option("", all), ...values.map(([value, count]) => option(value, text(value, count))));
  fill(controls.client, clients.map((lane) => [String(lane.id), 0]), "all clients", (id) => laneName(Number(id)));
  const withCount = (value, count) => `${value} (${count.toLocaleString("en")})`;
  fill(controls.namespace, countBy((entry) => entry.namespace), "all namespaces", withCount);
  fill(controls.event, countBy((entry) => entry.event), "all events", withCount);
}

/** Draws what the filter lets through. */
function apply() {
  const items = select(filter);
  layOutLanes();
  rows.show(items);
  overview.show(items, filter.range);
  byId("count").textContent = items.length === entries.length
    ? counted(entries.length, "entry").replace("entrys", "entries")
    : `${items.length.toLocaleString("en")} of ${entries.length.toLocaleString("en")}`;
  byId("empty").hidden = items.length > 0;
  const active = isFiltered();
  byId("reset").hidden = !active;
  byId("toggle-filters").classList.toggle("active", active);
  byId("toggle-filters").textContent = active ? "Filters •" : "Filters";
  showControls();
  writeAddress();
}

function isFiltered() {
  return filter.clients.size > 0 || Boolean(filter.namespace || filter.event || filter.show || filter.text || filter.range);
}

function showControls() {
  controls.client.querySelector("[value=several]")?.remove();
  if (filter.clients.size > 1) {
    const several = Object.assign(newElement("option", "", `${filter.clients.size} clients`), { value: "several" });
    controls.client.append(several);
  }
  const chosen = filter.clients.size > 1 ? "several" : String([...filter.clients][0] ?? "");
  const values = { ...filter, client: chosen };
  for (const [name, control] of Object.entries(controls)) {
    if (control.value !== values[name]) control.value = values[name];
    control.classList.toggle("active", values[name] !== "");
  }
}

/** The server first, then the clients that are shown. As wide as there is room for. */
function layOutLanes() {
  const shown = clients.filter((lane) => filter.clients.size === 0 || filter.clients.has(lane.id));
  const order = [laneById.get(server), ...shown];
  const isNarrow = window.innerWidth <= 760;
  const room = Math.min(order.length * (isNarrow ? 44 : 100), byId("lanes").clientWidth * (isNarrow ? 0.34 : 0.42));
  const lane = room / order.length;
  const timeWidth = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--time"));
  document.documentElement.style.setProperty("--track", `${room}px`);
  document.documentElement.style.setProperty("--lane", `${lane}px`);
  const places = new Map(order.map((item, index) => [item.id, (index + 0.5) * lane]));
  rows.lanes.center = (id) => places.get(id) ?? room;
  const time = newElement("span", "head", timeUnit);
  time.style.cssText = `right: calc(100% - ${timeWidth - 12}px)`;
  const heads = order.map((item, index) => {
    const head = item.id === server ? newElement("span", "lane server") : newElement("button", "lane");
    head.style.left = `${timeWidth + index * lane}px`;
    head.textContent = laneText(item, lane, clients.indexOf(item));
    head.title = [item.name, item.detail].filter(Boolean).join("\n");
    if (item.id !== server) {
      head.type = "button";
      head.dataset.lane = item.id;
      head.setAttribute("aria-label", `${item.name}: show only this client`);
      head.setAttribute("aria-pressed", String(filter.clients.has(item.id)));
      head.addEventListener("click", () => toggleClient(item.id));
    }
    return head;
  });
  const packet = newElement("span", "head", "packet");
  packet.style.left = `${timeWidth + room + 12}px`;
  // Below this the heads would lie over each other.
  byId("lanes").replaceChildren(time, ...(lane >= 12 ? heads : [heads[0]]), packet);
}

function laneText(lane, width, number) {
  if (width >= 8.5 * lane.name.length || width >= 85) return lane.name;
  return lane.id === server ? "S" : String(number + 1);
}

function toggleClient(id) {
  if (!filter.clients.delete(id)) filter.clients.add(id);
  apply();
  document.querySelector(`.lane[data-lane="${id}"]`)?.focus();
}

function setRange(range) {
  filter.range = range;
  apply();
}

function reset() {
  Object.assign(filter, { clients: new Set(), namespace: "", event: "", show: "", text: "", range: null });
  apply();
}

/** Selects an entry; opens its details, or shows it there if they are open. */
function choose(entry, open) {
  if (!rows.items.includes(entry)) reset();
  rows.select(entry);
  if (open || !panel.hidden) {
    const wasHidden = panel.hidden;
    showDetails(panel, entry, (other) => choose(other, true), closeDetails);
    panel.hidden = false;
    if (wasHidden) refit();
  }
  rows.reveal(rows.placeOf(entry));
  writeAddress();
}

function closeDetails() {
  panel.hidden = true;
  refit();
  viewport.focus();
}

function refit() {
  layOutLanes();
  rows.layout();
  overview.draw();
}

function listen() {
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("input", () => {
    for (const name of ["namespace", "event", "show", "text"]) filter[name] = controls[name].value;
    if (controls.client.value !== "several") {
      filter.clients = new Set(controls.client.value === "" ? [] : [Number(controls.client.value)]);
    }
    apply();
  });
  byId("reset").addEventListener("click", reset);
  byId("reset-empty").addEventListener("click", reset);
  byId("toggle-filters").addEventListener("click", (event) => {
    const isOpen = byId("filters").classList.toggle("open");
    event.currentTarget.setAttribute("aria-expanded", String(isOpen));
    refit();
  });
  byId("theme").addEventListener("click", nextTheme);
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  window.addEventListener("resize", refit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => overview.draw());
  document.addEventListener("keydown", onKey);
  setTheme(stored());
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === "Escape") {
    if (event.target === controls.text && controls.text.value !== "") return;
    if (!panel.hidden) closeDetails();
    else if (filter.range) setRange(null);
    else viewport.focus();
    return;
  }
  if (event.target.closest("input, select, textarea")) return;
  const action = keys[event.key] ?? keys[event.key.toLowerCase()];
  // Arrows, Enter and the like belong to what has the focus.
  if (!action || (event.key.length > 1 && event.target !== viewport && event.target !== document.body)) return;
  event.preventDefault();
  action();
}

const keys = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  PageDown: () => step(rows.page),
  PageUp: () => step(-rows.page),
  Home: () => step(-Infinity),
  End: () => step(Infinity),
  Enter: () => {
    const entry = rows.selected ?? rows.items[0];
    if (!entry) return;
    choose(entry, true);
    panel.focus({ preventScroll: true });
  },
  "/": () => {
    if (byId("toggle-filters").offsetParent && !byId("filters").classList.contains("open")) byId("toggle-filters").click();
    controls.text.focus();
  },
  "?": () => byId("help").showModal(),
  t: () => nextTheme(),
  n: () => nextFailure(1),
  p: () => nextFailure(-1),
  a: () => {
    const partner = rows.selected?.partner;
    if (partner !== undefined) choose(entries[partner], false);
  },
  "[": () => rows.selected && setRange([rows.selected.at_us, filter.range?.[1] ?? duration]),
  "]": () => rows.selected && setRange([filter.range?.[0] ?? 0, rows.selected.at_us]),
};

function step(by) {
  if (rows.items.length === 0) return;
  const isShown = rows.selected && rows.items[rows.placeOf(rows.selected)] === rows.selected;
  const from = isShown ? rows.placeOf(rows.selected) : by > 0 ? -1 : rows.items.length;
  const place = Math.min(rows.items.length - 1, Math.max(0, from + by));
  choose(rows.items[place], false);
}

function nextFailure(by) {
  const failures = entries.filter(isFailure);
  if (failures.length === 0) return;
  const at = rows.selected?.index ?? -1;
  const next = by > 0 ? failures.find((entry) => entry.index > at) : failures.findLast((entry) => entry.index < at);
  choose(next ?? failures.at(by > 0 ? 0 : -1), false);
}

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

start();
