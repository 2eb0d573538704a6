// The lanes' heads, and how wide they are.

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
  if (lane < 12) {
    const all = newElement("span", "head", `server and ${counted(shown.length, "client")}`);
    all.style.left = `${timeWidth}px`;
    heads.splice(0, heads.length, all);
  }
  byId("lanes").replaceChildren(time, ...heads, packet);
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
