// The trace as the page needs it: every entry knows its place, its lane of a client, what it says
// in a line, and the packet that answers it.

const trace = JSON.parse(document.getElementById("trace").textContent);
const server = trace.lanes.find((lane) => lane.kind === "server").id;
const laneById = new Map(trace.lanes.map((lane) => [lane.id, lane]));
const clients = trace.lanes.filter((lane) => lane.kind === "client");
const entries = trace.entries;
const duration = Math.max(trace.duration_us, entries.at(-1)?.at_us ?? 0, 1);

for (const [index, entry] of entries.entries()) {
  entry.index = index;
  entry.since = entry.at_us - (index > 0 ? entries[index - 1].at_us : 0);
  entry.client = entry.kind === "note" ? entry.lane : entry.from === server ? entry.to : entry.from;
  entry.tone = toneOf(entry);
}
pairAcks();
pairAttachments();

function isFailure(entry) {
  return entry.kind === "note" && entry.level === "failed";
}

/** Events, acks and their attachments, in contrast to what carries them. */
function isEvent(entry) {
  return ["event", "binary_event", "ack", "binary_ack", "attachment"].includes(entry.packet);
}

function toneOf(entry) {
  if (entry.kind === "note") return entry.level;
  if (isFence(entry)) return "plumbing";
  if (entry.error || entry.packet === "connect_error") return "failed-packet " + direction(entry);
  return isEvent(entry) ? direction(entry) : "plumbing";
}

/** The toolkit's question whether everything has come: a namespace that nobody uses. */
function isFence(entry) {
  return entry.namespace?.startsWith("/~fence/") ?? false;
}

function direction(entry) {
  return entry.from === server ? "received" : "sent";
}

/** An ack has the id of the event it answers, in the other direction of the same namespace. */
function pairAcks() {
  const asked = new Map();
  for (const entry of entries) {
    if (entry.ack === undefined) continue;
    const isAnswer = entry.packet === "ack" || entry.packet === "binary_ack";
    const asker = isAnswer ? entry.to : entry.from;
    const key = `${entry.client} ${asker} ${entry.namespace} ${entry.ack}`;
    if (!isAnswer) asked.set(key, entry);
    else if (asked.has(key)) {
      const event = asked.get(key);
      asked.delete(key);
      event.partner = entry.index;
      entry.partner = event.index;
      entry.answers = event.event;
    }
  }
}

/** Attachments follow the packet they belong to. */
function pairAttachments() {
  const owners = new Map();
  for (const entry of entries) {
    const way = `${entry.from} ${entry.to}`;
    if (entry.attachments) {
      entry.binaries = [];
      owners.set(way, entry);
    } else if (entry.packet === "attachment") {
      const owner = owners.get(way);
      if (!owner) continue;
      entry.owner = owner.index;
      owner.binaries[entry.attachment] = entry.index;
    }
  }
}

/** What the row says: its name in bold, what follows it, and small marks before it. */
function describe(entry) {
  if (entry.kind === "note") return { name: entry.title, rest: firstLine(entry.text ?? "", entry.title), chips: [] };
  if (isFence(entry)) return { name: "fence", rest: entry.from === server ? "passed" : "raised", chips: [] };
  const chips = [];
  if (entry.lost) chips.push("lost");
  if (entry.namespace && entry.namespace !== "/") chips.push(entry.namespace);
  if (entry.ack !== undefined) chips.push(`#${entry.ack}`);
  if (entry.error) return { name: "undecodable", rest: entry.raw ?? "", chips };
  switch (entry.packet) {
    case "event":
    case "binary_event":
      return { name: entry.event, rest: argsInLine(entry), chips };
    case "ack":
    case "binary_ack":
      return { name: entry.answers ? `ack of ${entry.answers}` : "ack", rest: argsInLine(entry), chips };
    case "attachment": {
      const owner = entries[entry.owner]?.event;
      return { name: "binary", rest: owner ? `${entry.attachment} of ${owner}` : "", chips };
    }
    case "connect":
    case "disconnect":
    case "connect_error":
      return { name: entry.packet, rest: entry.data === undefined ? "" : inLine(entry.data), chips };
    default:
      return { name: entry.engine ?? "frame", rest: entry.data === undefined ? "" : inLine(entry.data), chips };
  }
}

function argsInLine(entry) {
  if (!entry.args) return entry.raw ?? "";
  return `(${entry.args.map(inLine).join(", ")})`;
}

function inLine(value) {
  if (isPlaceholder(value)) return `<binary ${value.num}>`;
  if (Array.isArray(value)) return `[${value.map(inLine).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value).map(([key, item]) => `${key}: ${inLine(item)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

function isPlaceholder(value) {
  return value !== null && typeof value === "object" && value._placeholder === true;
}

/** The first line that says more than the title. */
function firstLine(text, title) {
  return text.split("\n").map((line) => line.trim()).find((line) => line !== "" && line !== title) ?? "";
}

/** What the search looks in. */
function haystack(entry) {
  const { name, rest } = describe(entry);
  return (entry.haystack ??= `${name} ${rest} ${entry.raw ?? ""} ${entry.text ?? ""}`.toLowerCase());
}

/** The entries that pass: `filter` has clients (a set of lanes), namespace, event, show, text, range. */
function select(filter) {
  const text = filter.text.trim().toLowerCase();
  return entries.filter((entry) => {
    if (filter.range && (entry.at_us < filter.range[0] || entry.at_us > filter.range[1])) return false;
    if (filter.clients.size > 0 && entry.client !== server && !filter.clients.has(entry.client)) return false;
    if (filter.show === "notes") {
      if (entry.kind !== "note") return false;
    } else if (filter.show === "transport") {
      if (entry.kind === "note" || isEvent(entry)) return false;
    } else if (filter.show === "events" && entry.kind !== "note" && !isEvent(entry)) return false;
    // A failure without a name of its own stays in sight, whatever is filtered for.
    const ofNobody = entry.kind === "note" && entry.namespace === undefined && entry.event === undefined;
    if (filter.namespace && entry.namespace !== filter.namespace && !ofNobody) return false;
    if (filter.event && (entry.event ?? entry.answers) !== filter.event && !ofNobody) return false;
    return text === "" || haystack(entry).includes(text);
  });
}

/** The values of a field with how often each occurs, most frequent first. */
function countBy(field) {
  const counts = new Map();
  for (const entry of entries) {
    const value = field(entry);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function formatTime(us) {
  return duration < 1e7 ? (us / 1e3).toFixed(3) : (us / 1e6).toFixed(4);
}

const timeUnit = duration < 1e7 ? "ms" : "s";

function formatSpan(us) {
  if (us < 1e3) return `${us} µs`;
  if (us < 1e6) return `${(us / 1e3).toPrecision(3)} ms`;
  return `${(us / 1e6).toPrecision(3)} s`;
}

function formatSize(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

function laneName(id) {
  return laneById.get(id)?.name ?? `lane ${id}`;
}

function counted(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}
