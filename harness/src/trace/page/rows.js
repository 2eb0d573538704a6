// The rows: only those in sight exist. A row that leaves is used again for one that comes, so that
// the page holds some dozens of them, however long the trace.

class Rows {
  constructor(viewport, spacer, onSelect) {
    this.viewport = viewport;
    this.spacer = spacer;
    this.items = [];
    this.pool = [];
    this.selected = null;
    this.lanes = { order: [], center: () => 0 };
    viewport.addEventListener("scroll", () => this.scheduleDraw(), { passive: true });
    spacer.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) onSelect(entries[Number(row.dataset.index)]);
    });
  }

  get height() {
    return (this.rowHeight ??= parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")));
  }

  /** How many rows fit. */
  get page() {
    return Math.max(1, Math.floor(this.viewport.clientHeight / this.height) - 1);
  }

  /** Shows these entries; keeps in place what is selected, or else what was on top. */
  show(items) {
    const kept = this.selected ?? this.items[Math.floor(this.viewport.scrollTop / this.height)];
    this.items = items;
    this.layout();
    if (kept) {
      const place = this.placeOf(kept);
      if (this.selected) this.reveal(place);
      else this.viewport.scrollTop = place * this.height;
    }
  }

  layout() {
    this.rowHeight = undefined;
    this.spacer.style.height = `${this.items.length * this.height}px`;
    for (const row of this.pool) row.place = undefined;
    this.draw();
  }

  /** Where an entry stands among those shown, or would stand. */
  placeOf(entry) {
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].index < entry.index) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, Math.max(0, this.items.length - 1));
  }

  select(entry) {
    this.selected = entry;
    for (const row of this.pool) row.place = undefined;
    if (entry) this.reveal(this.placeOf(entry));
    this.draw();
  }

  reveal(place) {
    const top = place * this.height;
    const { scrollTop, clientHeight } = this.viewport;
    if (top < scrollTop) this.viewport.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.viewport.scrollTop = top + this.height - clientHeight;
  }

  /** The first and last entry in sight. */
  inSight() {
    const first = this.items[Math.floor(this.viewport.scrollTop / this.height)];
    const end = this.viewport.scrollTop + this.viewport.clientHeight;
    const last = this.items[Math.min(this.items.length, Math.ceil(end / this.height)) - 1];
    return first && last ? [first, last] : null;
  }

  scheduleDraw() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.viewport.scrollTop / this.height) - SPARE_ROWS);
    const end = Math.min(
      this.items.length,
      Math.ceil((this.viewport.scrollTop + this.viewport.clientHeight) / this.height) + SPARE_ROWS,
    );
    const wanted = end - first;
    while (this.pool.length < wanted) this.pool.push(newRow(this.spacer));
    while (this.pool.length > wanted) this.pool.pop().element.remove();
    for (let place = first; place < end; place++) {
      // The same place is always drawn by the same row, so that scrolling redraws only what is new.
      const row = this.pool[place % wanted];
      if (row.place !== place) this.fill(row, place);
    }
    this.viewport.setAttribute("aria-activedescendant", this.selected ? `row-${this.selected.index}` : "");
    this.onDraw?.();
  }

  fill(row, place) {
    const entry = this.items[place];
    const previous = this.items[place - 1];
    const gap = previous ? entry.at_us - previous.at_us : 0;
    const isLong = gap >= LONG_GAP_US && gap >= duration / 20;
    const { name, rest, chips } = describe(entry);
    row.place = place;
    row.element.id = `row-${entry.index}`;
    row.element.dataset.index = entry.index;
    row.element.className = `row ${entry.tone}${isLong ? " after-gap" : ""}`;
    row.element.style.transform = `translateY(${place * this.height}px)`;
    row.element.setAttribute("aria-selected", String(entry === this.selected));
    row.element.setAttribute("aria-posinset", String(place + 1));
    row.element.setAttribute("aria-setsize", String(this.items.length));
    row.element.setAttribute("aria-label", spoken(entry, name, rest));
    row.clock.textContent = formatTime(entry.at_us);
    row.gap.textContent = isLong ? `+${formatSpan(gap)}` : "";
    row.chips.replaceChildren(...chips.flatMap((text) => [newElement("span", "chip", text), " "]));
    row.name.textContent = entry.kind === "note" ? `${noteMark(entry)} ${name}` : name;
    row.rest.textContent = ` ${rest.length > MAX_REST ? `${rest.slice(0, MAX_REST)}…` : rest}`;
    row.size.textContent = entry.bytes === undefined ? "" : formatSize(entry.bytes);
    this.drawArrow(row.arrow, entry);
  }

  drawArrow(arrow, entry) {
    const from = this.lanes.center(entry.kind === "note" ? entry.lane : entry.from);
    const aim = this.lanes.center(entry.kind === "note" ? entry.lane : entry.to);
    const to = entry.lost ? from + (aim - from) * LOST_AFTER : aim;
    arrow.style.left = `${Math.min(from, to)}px`;
    arrow.style.width = `${Math.abs(to - from)}px`;
    const line = { ack: "dashed", binary_ack: "dashed", attachment: "dotted" }[entry.packet] ?? "";
    const shape = from === to ? "point" : from < to ? "right" : "left";
    arrow.className = `arrow ${shape} ${line}${entry.lost ? " lost" : ""}`;
  }
}

function newRow(parent) {
  const element = newElement("div", "row");
  element.setAttribute("role", "option");
  const [time, gap, track, label, size] = ["time", "gap", "track", "label", "size"].map((name) => newElement("span", name));
  const [clock, chips, name, rest, arrow] = ["clock", "chips", "name", "rest", "arrow"].map((part) => newElement("span", part));
  time.append(gap, clock);
  track.append(arrow);
  label.append(chips, name, rest);
  element.append(time, track, label, size);
  parent.append(element);
  return { element, clock, gap, arrow, chips, name, rest, size, place: undefined };
}

function newElement(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function noteMark(entry) {
  return { failed: "✕", passed: "✓", fault: "⚡", warning: "!", mark: "◆" }[entry.level] ?? "•";
}

/** A row as a screen reader says it. */
function spoken(entry, name, rest) {
  const at = `${formatTime(entry.at_us)} ${timeUnit}`;
  if (entry.kind === "note") return `${at}, ${laneName(entry.lane)}, ${entry.level}: ${name} ${rest}`;
  return `${at}, ${laneName(entry.from)} to ${laneName(entry.to)}, ${entry.packet ?? entry.engine ?? "frame"} ${name} ${rest.slice(0, 120)}`;
}

const SPARE_ROWS = 8;
const LOST_AFTER = 0.6;
const LONG_GAP_US = 1000;
const MAX_REST = 300;
