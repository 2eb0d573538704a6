// The page's state, and what changes it.

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
    button.append(newElement("span", "mark", "✕"), newElement("span", "what", [name.replace(/:$/, ""), rest].filter(Boolean).join(": ")));
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
  fill(controls.namespace, countBy((entry) => (isFence(entry) ? undefined : entry.namespace)), "all namespaces", withCount);
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

start();
