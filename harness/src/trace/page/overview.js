// The whole time in a strip: above the line what the clients sent, below it what the server did,
// failures as red marks. Drag to look at a part. Long silences are squeezed: a test that waits five
// seconds for what never comes would else be an empty strip.

class Overview {
  constructor(box, onRange) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.onRange = onRange;
    this.items = [];
    this.range = null;
    this.listen();
  }

  /** Shows these entries within the range, or within the whole time. */
  show(items, range) {
    this.items = items;
    this.range = range;
    this.scale = timeScale(items, range ?? [0, duration]);
    const sent = items.filter((entry) => entry.kind === "frame" && entry.from !== server).length;
    const frames = items.filter((entry) => entry.kind === "frame").length;
    const [from, to] = range ?? [0, duration];
    this.box.setAttribute(
      "aria-label",
      `From ${formatTime(from)} to ${formatTime(to)} ${timeUnit}: ${counted(sent, "packet")} sent by clients, ${counted(frames - sent, "packet")} by the server`,
    );
    this.draw();
  }

  /** Marks what the rows show now. */
  mark(inSight, selected) {
    this.inSight = inSight;
    this.selected = selected;
    this.scheduleDraw();
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
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || !this.scale) return;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const x = (us) => PADDING + this.scale.place(us) * (width - 2 * PADDING);
    const axis = height - AXIS_HEIGHT;
    const middle = axis / 2;

    if (this.inSight && (this.inSight[0] !== this.items[0] || this.inSight[1] !== this.items.at(-1))) {
      const from = x(this.inSight[0].at_us);
      const to = x(this.inSight[1].at_us);
      context.fillStyle = color("--chosen");
      context.fillRect(from - 1, 0, Math.max(3, to - from + 2), axis);
    }
    this.drawAxis(context, x, axis, width, color);
    this.drawBars(context, x, middle, width, color);
    for (const entry of this.items) {
      if (entry.kind !== "note" || !["failed", "fault", "warning"].includes(entry.level)) continue;
      context.fillStyle = color(entry.level === "failed" ? "--failed" : "--note");
      context.fillRect(x(entry.at_us) - 1, 2, 2, axis - 2);
    }
    if (this.selected) {
      context.fillStyle = color("--text");
      context.fillRect(x(this.selected.at_us) - 0.5, 0, 1, axis);
    }
    if (this.drag) {
      const [from, to] = [Math.min(...this.drag), Math.max(...this.drag)];
      context.globalAlpha = 0.25;
      context.fillStyle = color("--accent");
      context.fillRect(from, 0, to - from, axis);
      context.globalAlpha = 1;
    }
  }

  drawAxis(context, x, axis, width, color) {
    context.font = `10px ${color("--mono")}`;
    context.textBaseline = "middle";
    context.strokeStyle = color("--border");
    context.beginPath();
    context.moveTo(0, axis + 0.5);
    context.lineTo(width, axis + 0.5);
    context.stroke();
    let free = 0;
    const say = (text, at, tone) => {
      const half = context.measureText(text).width / 2;
      const center = Math.min(Math.max(at, half + 3), width - half - 3);
      if (center - half < free) return;
      free = center + half + 10;
      context.fillStyle = color(tone);
      context.fillText(text, center - half, axis + AXIS_HEIGHT / 2 + 1);
    };
    for (const mark of this.scale.marks(width / 90)) {
      if (mark.silence) {
        const [from, to] = [x(mark.from), x(mark.to)];
        context.save();
        context.setLineDash([2, 3]);
        context.strokeStyle = color("--muted");
        context.beginPath();
        context.moveTo(from, axis / 2);
        context.lineTo(to, axis / 2);
        context.stroke();
        context.restore();
        say(`${formatSpan(mark.to - mark.from)} silent`, (from + to) / 2, "--muted");
      } else say(mark.text, x(mark.at), "--muted");
    }
  }

  drawBars(context, x, middle, width, color) {
    const columns = Math.max(1, Math.floor(width / BAR));
    const up = new Float64Array(columns + 1);
    const down = new Float64Array(columns + 1);
    for (const entry of this.items) {
      if (entry.kind !== "frame") continue;
      const column = Math.min(columns, Math.max(0, Math.floor(x(entry.at_us) / BAR)));
      (entry.from === server ? down : up)[column] += 1;
    }
    const most = Math.log2(1 + Math.max(1, ...up, ...down));
    const room = middle - 4;
    for (let column = 0; column <= columns; column++) {
      // Logarithmic: one packet stays visible beside a burst of thousands.
      const tall = (count) => (count === 0 ? 0 : Math.max(4, (Math.log2(1 + count) / most) * room));
      context.fillStyle = color("--sent");
      context.fillRect(column * BAR, middle - tall(up[column]), BAR - 1, tall(up[column]));
      context.fillStyle = color("--received");
      context.fillRect(column * BAR, middle + 1, BAR - 1, tall(down[column]));
    }
  }

  listen() {
    const at = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.drag = [at(event), at(event)];
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.drag) return;
      this.drag[1] = at(event);
      this.scheduleDraw();
    });
    this.canvas.addEventListener("pointercancel", () => {
      this.drag = null;
      this.scheduleDraw();
    });
    this.canvas.addEventListener("pointerup", () => {
      if (!this.drag) return;
      const [from, to] = [Math.min(...this.drag), Math.max(...this.drag)];
      this.drag = null;
      const time = (pixel) => this.scale.time((pixel - PADDING) / (this.canvas.clientWidth - 2 * PADDING));
      if (to - from >= MIN_DRAG) this.onRange([time(from), time(to)], null);
      else this.onRange(null, nearest(this.items, time(from)));
      this.scheduleDraw();
    });
  }
}

/** The entry whose time is nearest. */
function nearest(items, us) {
  return items.reduce((best, entry) => (best && Math.abs(best.at_us - us) <= Math.abs(entry.at_us - us) ? best : entry), null);
}

/** Time to a place between 0 and 1 and back, with long silences squeezed. */
function timeScale(items, [from, to]) {
  const times = [from, ...items.map((entry) => entry.at_us).filter((us) => us > from && us < to), to];
  const gaps = times.slice(1).map((us, index) => [times[index], us]).sort((a, b) => spanOf(b) - spanOf(a));
  let active = to - from;
  let silences = [];
  // Squeezed are the silences each of which is longer than all that is left to see.
  for (let count = 1; count <= MAX_SILENCES && count < gaps.length; count++) {
    const longest = gaps.slice(0, count);
    const rest = longest.reduce((left, gap) => left - spanOf(gap), to - from);
    if (spanOf(longest.at(-1)) > rest) [active, silences] = [rest, longest];
  }
  silences.sort((a, b) => a[0] - b[0]);
  // In virtual time everything else may be a few moments without an extent.
  const each = active > items.length ? SILENCE_SHARE : 0.9 / Math.max(1, silences.length);
  const share = silences.length * each;
  const pieces = [];
  let [start, place] = [from, 0];
  const add = (end, size) => {
    if (end > start || size > 0) pieces.push({ from: start, to: end, place, size });
    [start, place] = [end, place + size];
  };
  for (const [begin, end] of silences) {
    add(begin, ((begin - start) / Math.max(active, 1)) * (1 - share));
    add(end, each);
    pieces.at(-1).silence = true;
  }
  add(to, Math.max(0, 1 - place));

  const within = (value, low, size) => (size === 0 ? 0 : Math.min(1, Math.max(0, (value - low) / size)));
  return {
    place(us) {
      const piece = pieces.find((piece) => us <= piece.to) ?? pieces.at(-1);
      return piece.place + within(us, piece.from, piece.to - piece.from) * piece.size;
    },
    time(place) {
      const piece = pieces.find((piece) => place <= piece.place + piece.size) ?? pieces.at(-1);
      return Math.round(piece.from + within(place, piece.place, piece.size) * (piece.to - piece.from));
    },
    /** Labels of the axis, about `count` of them. */
    marks(count) {
      const step = niceStep(active / Math.max(1, count));
      return pieces.flatMap((piece) => {
        if (piece.silence) return [{ silence: true, from: piece.from, to: piece.to }];
        const marks = [];
        for (let at = Math.ceil(piece.from / step) * step; at <= piece.to && marks.length < 100; at += step) {
          marks.push({ at, text: at < 1e3 && at > 0 ? `${at} µs` : at < 1e6 ? `${+(at / 1e3).toFixed(3)} ms` : `${+(at / 1e6).toFixed(4)} s` });
        }
        return marks;
      });
    },
  };
}

function spanOf([from, to]) {
  return to - from;
}

function niceStep(us) {
  const power = 10 ** Math.floor(Math.log10(Math.max(us, 1)));
  return power * [1, 2, 5, 10].find((factor) => power * factor >= us);
}

const PADDING = 6;
const AXIS_HEIGHT = 16;
const BAR = 3;
const MIN_DRAG = 5;
const MAX_SILENCES = 4;
const SILENCE_SHARE = 0.12;
