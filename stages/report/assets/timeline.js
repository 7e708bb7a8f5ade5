// The time line: one row for each lane, runs laid over each other, drawn for the stretch in view; a click seeks.

const STATES = ["--good", "--warn", "--held", "--bad"];
const LEAST_VIEW = 12; // frames that are in view at least

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const inkOf = (run) => colour(`--run${run.number % 6}`);

function fitted(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(box.width * ratio));
  canvas.height = Math.max(1, Math.round(box.height * ratio));
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [pen, box.width, box.height];
}

function rowsOf(runs) {
  const rows = new Map();
  for (const run of runs) {
    for (const lane of run.lanes) {
      const key = `${lane.kind} ${lane.name}`;
      if (!rows.has(key)) rows.set(key, { name: lane.name, kind: lane.kind, unit: lane.unit, parts: [] });
      rows.get(key).parts.push({ run, lane });
    }
  }
  return [...rows.values()];
}

function rangeOf(parts) {
  const scale = parts.map(({ lane }) => lane.scale).find((ends) => ends !== null);
  let low = Infinity, high = -Infinity;
  for (const { lane } of parts) {
    for (const value of lane.values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (scale) return [Math.min(low, scale[0]), Math.max(high, scale[1])];
  if (low > high) return [0, 1];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

// The ends of a scale; the upper one at the right, the lower one where it is wanted.
function label(pen, width, height, low, high, below = "right") {
  pen.font = "10px system-ui, sans-serif";
  pen.textBaseline = "alphabetic";
  pen.lineWidth = 3;
  pen.strokeStyle = colour("--raised");
  pen.fillStyle = colour("--faint");
  for (const [value, y, side] of [[high, 10, "right"], [low, height - 3, below]]) {
    const text = String(Number(value.toPrecision(3))), x = side === "right" ? width - 4 : 2;
    pen.textAlign = side;
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
}

class Timeline {
  constructor(player) {
    this.player = player;
    this.element = byId("timeline");
    this.end = Math.max(...runs.map((run) => run.end));
    this.view = [0, this.end];
    this.hover = null; // seconds under the pointer
    this.ruler = byId("ruler");
    this.rows = rowsOf(runs).map((row) => this.build(row));
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  build(row) {
    const line = document.createElement("div"), name = document.createElement("div");
    line.className = `lane ${row.kind}`;
    name.className = "lane-name";
    row.title = document.createElement("b");
    row.title.textContent = row.title.title = row.name;
    row.value = document.createElement("output");
    row.canvas = document.createElement("canvas");
    row.range = row.kind === "number" ? rangeOf(row.parts) : null;
    name.append(row.title, row.value);
    line.append(name, row.canvas);
    byId("lanes").append(line);
    return row;
  }

  // Pixels from the left of the canvases.
  at(time, width) { return ((time - this.view[0]) / (this.view[1] - this.view[0])) * width; }

  timeUnder(event) {
    const box = this.ruler.getBoundingClientRect();
    const share = clamp((event.clientX - box.left) / box.width, 0, 1);
    return this.view[0] + share * (this.view[1] - this.view[0]);
  }

  zoom(factor, around) {
    const least = LEAST_VIEW * clock.last, [from, to] = this.view;
    const length = clamp((to - from) * factor, Math.min(least, this.end), this.end);
    const share = clamp((around - from) / (to - from), 0, 1);
    this.pan(around - share * length, length);
  }

  pan(from, length = this.view[1] - this.view[0]) {
    const first = clamp(from, 0, this.end - length);
    this.view = [first, first + length];
    this.draw();
  }

  draw() {
    this.drawRuler();
    for (const row of this.rows) {
      const [pen, width, height] = fitted(row.canvas);
      this.shadeMoments(row, pen, width, height);
      if (row.kind === "status") this.drawStates(row, pen, width, height);
      else this.drawNumbers(row, pen, width, height);
    }
    this.place();
  }

  drawRuler() {
    const [pen, width, height] = fitted(this.ruler);
    const length = this.view[1] - this.view[0], most = Math.max(2, width / 85);
    const steps = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
    const step = steps.find((seconds) => length / seconds <= most) || 7200;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (let tick = Math.ceil(this.view[0] / step); tick * step <= this.view[1]; tick++) {
      const x = this.at(tick * step, width), text = clockOf(tick * step);
      pen.fillStyle = colour("--line");
      pen.fillRect(x, 0, 1, height);
      pen.fillStyle = colour("--faint");
      if (x + 46 < width) pen.fillText(step >= 1 ? text.slice(0, -4) : text, x + 4, height / 2);
    }
  }

  shadeMoments(row, pen, width, height) {
    pen.fillStyle = colour("--badshade");
    for (const { run } of row.parts) {
      for (const moment of run.moments) {
        if (moment.lane !== row.name) continue;
        const from = this.at(run.times[moment.start], width);
        const to = this.at(moment.stop < run.frames ? run.times[moment.stop] : run.end, width);
        pen.fillRect(from, 0, Math.max(to - from, 2), height);
      }
    }
  }

  drawStates(row, pen, width, height) {
    const strip = height / row.parts.length;
    row.parts.forEach(({ run, lane }, place) => {
      const top = place * strip, tall = strip - 3, many = lane.labels.length - 1;
      let frame = 0;
      for (const [state, count] of lane.runs) {
        const from = this.at(run.times[frame], width);
        frame += count;
        const to = this.at(frame < run.frames ? run.times[frame] : run.end, width);
        if (to < 0 || from > width) continue;
        const share = state === 0 ? 0.22 : 0.45 + (0.55 * state) / many;
        pen.fillStyle = colour(STATES[Math.min(state, STATES.length - 1)]);
        pen.globalAlpha = state === 0 ? 0.75 : 1;
        pen.fillRect(from, top + strip - 1 - tall * share, Math.max(to - from, state ? 1.5 : 0.5), tall * share);
      }
      pen.globalAlpha = 1;
    });
  }

  drawNumbers(row, pen, width, height) {
    const [low, high] = row.range, y = (value) => height - 3 - ((value - low) / (high - low)) * (height - 6);
    for (const { run, lane } of row.parts) {
      const ink = inkOf(run), mean = new Path2D();
      let open = false;
      pen.fillStyle = ink;
      pen.globalAlpha = 0.3;
      for (let x = 0; x < width; x++) {
        const column = this.column(run, lane.values, x, width);
        if (column) {
          pen.fillRect(x, y(column.high), 1, Math.max(y(column.low) - y(column.high), 0.6));
          if (open) mean.lineTo(x + 0.5, y(column.mean)); else mean.moveTo(x + 0.5, y(column.mean));
        }
        open = column !== null;
      }
      pen.globalAlpha = 1;
      pen.strokeStyle = ink;
      pen.lineWidth = 1.1;
      pen.stroke(mean);
    }
    label(pen, width, height, low, high);
  }

  // Least, mean and greatest value of the frames under one column of pixels; null where there is none.
  column(run, values, x, width) {
    const span = (this.view[1] - this.view[0]) / width, from = this.view[0] + x * span;
    if (from >= run.end) return null;
    const first = run.frameAt(from), last = Math.max(first, run.frameAt(from + span) - 1);
    let low = Infinity, high = -Infinity, sum = 0, count = 0;
    for (let frame = first; frame <= last; frame++) {
      const value = values[frame];
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
      count++;
    }
    return count ? { low, high, mean: sum / count } : null;
  }

  // What moves while playing: the playhead, the loop, the hair under the pointer, the exact values.
  place() {
    const left = this.ruler.offsetLeft, width = this.ruler.getBoundingClientRect().width;
    const now = clock.times[this.player.frame], loop = this.player.loop;
    const put = (element, time, shown = true) => {
      const x = this.at(time, width);
      element.hidden = !shown || x < -1 || x > width + 1;
      element.style.transform = `translateX(${left + x}px)`;
    };
    put(byId("playhead"), now);
    put(byId("hair"), this.hover || 0, this.hover !== null);
    byId("band").hidden = !loop;
    if (loop) {
      const from = Math.max(0, this.at(clock.times[loop[0]], width));
      const to = Math.min(width, this.at(loop[1] + 1 < clock.frames ? clock.times[loop[1] + 1] : clock.end, width));
      byId("band").style.transform = `translateX(${left + from}px)`;
      byId("band").style.width = `${Math.max(0, to - from)}px`;
    }
    const time = this.hover === null ? now : this.hover;
    for (const row of this.rows) row.value.textContent = row.parts.map((part) => this.said(part, time)).join("  |  ");
  }

  said({ run, lane }, time) {
    if (time > run.end) return "–";
    const value = lane.values[run.frameAt(time)];
    if (lane.kind === "status") return lane.labels[value];
    return value === null ? "–" : `${value} ${lane.unit}`.trim();
  }

  follow() {
    const now = clock.times[this.player.frame], [from, to] = this.view;
    if (this.player.playing && (now < from || now > to)) this.pan(now - (to - from) * 0.05);
    else this.place();
  }

  listen() {
    const lanes = byId("lanes");
    this.drag(lanes, (event) => this.player.seekTime(this.timeUnder(event)), () => {});
    let first = null;
    this.drag(this.ruler, (event, begins) => {
      const frame = clock.frameAt(this.timeUnder(event));
      if (begins) first = frame; else this.player.setLoop(first, frame);
    }, (event) => {
      if (clock.frameAt(this.timeUnder(event)) === first) this.player.seek(first);
    });
    this.element.addEventListener("pointermove", (event) => {
      this.hover = event.pointerType === "touch" || event.target.tagName !== "CANVAS" ? null : this.timeUnder(event);
      this.place();
    });
    this.element.addEventListener("pointerleave", () => { this.hover = null; this.place(); });
    this.element.addEventListener("wheel", (event) => {
      if (event.ctrlKey) this.zoom(Math.exp(event.deltaY / 200), this.timeUnder(event));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.pan(this.view[0] + (event.deltaX / this.ruler.clientWidth) * (this.view[1] - this.view[0]));
      } else return;
      event.preventDefault();
    }, { passive: false });
  }

  drag(element, move, done) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.tagName !== "CANVAS") return;
      element.setPointerCapture(event.pointerId);
      move(event, true);
    });
    element.addEventListener("pointermove", (event) => { if (element.hasPointerCapture(event.pointerId)) move(event, false); });
    element.addEventListener("pointerup", done);
  }
}
