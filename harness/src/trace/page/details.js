// What is known of one entry.

/** Fills the panel; `go` selects another entry, `close` closes the panel. */
function showDetails(panel, entry, go, close) {
  const { name } = describe(entry);
  const header = newElement("header");
  const title = newElement("h2", isFailure(entry) || entry.error ? "failed" : "", name);
  const closer = newElement("button", "", "Close");
  closer.type = "button";
  closer.title = "Close (Esc)";
  closer.addEventListener("click", close);
  header.append(title, closer);
  const parts = entry.kind === "note" ? noteParts(entry) : frameParts(entry, go);
  panel.replaceChildren(header, ...parts);
  panel.scrollTop = 0;
}

function noteParts(entry) {
  const facts = [["Time", timeFact(entry)], ["Where", laneName(entry.lane)]];
  if (entry.namespace) facts.push(["Namespace", entry.namespace]);
  if (entry.event) facts.push(["Event", entry.event]);
  return [factList(facts), ...(entry.text ? [section("Message", entry.text), plain(entry.text)] : [])];
}

function frameParts(entry, go) {
  const facts = [
    ["Time", timeFact(entry)],
    ["Direction", `${laneName(entry.from)} → ${laneName(entry.to)}`],
    ["Server", serverFact(entry)],
    ["Transport", entry.transport],
    ["Engine.IO", entry.engine],
    ["Socket.IO", entry.packet?.toUpperCase()],
    ["Namespace", entry.namespace],
    ["Event", entry.event ?? entry.answers],
    ["Ack id", entry.ack],
    ["Size", entry.bytes === undefined ? undefined : `${formatSize(entry.bytes)}${entry.bytes >= 1024 ? ` (${entry.bytes.toLocaleString("en")} B)` : ""}`],
    ["Error", entry.error],
  ];
  if (entry.partner !== undefined) {
    const partner = entries[entry.partner];
    const [label, event, ack] = partner.index > entry.index ? ["Answered", entry, partner] : ["Answers", partner, entry];
    facts.push([label, link(`after ${formatSpan(ack.at_us - event.at_us)} (A)`, () => go(partner))]);
  } else if (entry.ack !== undefined && entry.packet?.endsWith("event")) facts.push(["Answered", "never, in this trace"]);
  if (entry.owner !== undefined) facts.push(["Belongs to", link(describe(entries[entry.owner]).name, () => go(entries[entry.owner]))]);
  for (const [number, index] of (entry.binaries ?? []).entries()) {
    if (index !== undefined) facts.push([`Binary ${number}`, link(formatSize(entries[index].bytes), () => go(entries[index]))]);
  }
  const parts = [factList(facts.filter(([, value]) => value !== undefined))];
  if (entry.args) {
    parts.push(section(entry.args.length === 0 ? "No arguments" : counted(entry.args.length, "argument"), JSON.stringify(entry.args)));
    parts.push(...entry.args.map(json));
  } else if (entry.data !== undefined) parts.push(section("Data", JSON.stringify(entry.data)), json(entry.data));
  if (entry.raw !== undefined) {
    parts.push(section(entry.cut ? `Raw, the first part of ${formatSize(entry.bytes)}` : "Raw", entry.raw), plain(entry.raw));
  } else if (entry.raw_hex !== undefined) {
    parts.push(section(entry.cut ? `Bytes, the first of ${formatSize(entry.bytes)}` : "Bytes", entry.raw_hex), plain(hexDump(entry.raw_hex)));
  }
  return parts;
}

/** When the server saw it, by its own connection. */
function serverFact(entry) {
  const sent = entry.from !== server;
  if (entry.lost) return sent ? "has never read it" : "wrote it; it has never come to the client";
  if (entry.server_at_us === undefined) return undefined;
  const between = formatSpan(Math.abs(entry.server_at_us - entry.at_us));
  const at = `${(entry.server_at_us / 1e3).toLocaleString("en", { minimumFractionDigits: 3 })} ms`;
  if (entry.bytes === undefined) return `${sent ? "read" : "wrote"} it; its client is not one of the app’s`;
  return sent ? `read it at ${at}, ${between} later` : `wrote it at ${at}, ${between} before`;
}

function timeFact(entry) {
  const since = entry.index === 0 ? "" : `, ${formatSpan(entry.since)} after the packet before`;
  return `${(entry.at_us / 1e3).toLocaleString("en", { minimumFractionDigits: 3 })} ms${since}`;
}

function factList(facts) {
  const list = newElement("dl");
  for (const [name, value] of facts) {
    const said = newElement("dd");
    said.append(value instanceof Node ? value : String(value));
    list.append(newElement("dt", "", name), said);
  }
  return list;
}

function link(text, action) {
  const button = newElement("button", "", text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

/** A heading, with a button that copies. */
function section(title, copied) {
  const heading = newElement("h3", "", title);
  const copy = link("Copy", async () => {
    copy.textContent = (await copyText(copied)) ? "Copied" : "Select it by hand";
  });
  heading.append(copy);
  return heading;
}

/** Also from disk, where some browsers keep the clipboard shut. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.body.appendChild(newElement("textarea"));
    area.value = text;
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

function plain(text) {
  return newElement("pre", "", text);
}

function json(value) {
  const block = newElement("pre", "json");
  writeJson(block, value, "");
  return block;
}

/** Short values on one line, long ones over several. */
function writeJson(block, value, indent) {
  if (isPlaceholder(value)) return block.append(newElement("span", "json-binary", `<binary ${value.num}>`));
  if (typeof value === "string") return block.append(newElement("span", "json-string", JSON.stringify(value)));
  if (typeof value === "number") return block.append(newElement("span", "json-number", String(value)));
  if (value === null || typeof value !== "object") return block.append(newElement("span", "json-literal", String(value)));
  const isList = Array.isArray(value);
  const items = isList ? value.map((item) => [null, item]) : Object.entries(value);
  const [open, shut] = isList ? "[]" : "{}";
  const isShort = JSON.stringify(value).length <= SHORT_JSON;
  const inner = isShort ? "" : `${indent}  `;
  block.append(open);
  items.forEach(([key, item], index) => {
    block.append(isShort ? (index > 0 ? " " : "") : `\n${inner}`);
    if (key !== null) block.append(newElement("span", "json-key", JSON.stringify(key)), ": ");
    writeJson(block, item, inner);
    if (index < items.length - 1) block.append(",");
  });
  block.append(isShort || items.length === 0 ? shut : `\n${indent}${shut}`);
}

function hexDump(hex) {
  const bytes = hex.match(/../g) ?? [];
  const lines = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const part = bytes.slice(at, at + 8);
    const text = part.map((byte) => String.fromCharCode(parseInt(byte, 16))).join("").replace(/[^\x20-\x7e]/g, ".");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${part.join(" ").padEnd(24)} ${text}`);
  }
  return lines.join("\n");
}

const SHORT_JSON = 56;
