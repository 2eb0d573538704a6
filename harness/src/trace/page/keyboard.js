// What each key does.

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
