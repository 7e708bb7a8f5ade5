// What the page carries: films, lanes and times, unpacked from the JSON beside it.

const byId = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

class Run {
  constructor(raw, number) {
    const [over, under] = raw.rate;
    this.number = number;
    this.name = raw.name;
    this.moments = raw.moments;
    this.videos = raw.videos;
    this.curves = raw.curves;
    this.frames = raw.frames;
    this.times = Float64Array.from(raw.times.length ? raw.times : { length: raw.frames }, (time, index) =>
      raw.times.length ? time : (index * under) / over);
    this.last = under / over; // seconds that the last frame shows
    this.lanes = raw.lanes.map((lane) => ({ ...lane, values: lane.kind === "status" ? spread(lane.runs, raw.frames) : lane.values }));
  }

  get end() { return this.times[this.frames - 1] + this.last; }

  // The frame that shows at a time; the first and the last beyond the ends.
  frameAt(time) {
    let low = 0, high = this.frames - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time + 1e-5) low = middle; else high = middle - 1;
    }
    return low;
  }

  // When a frame has been on for half of its time: far from both of its neighbours, however a browser rounds.
  middleOf(frame) {
    const next = frame + 1 < this.frames ? this.times[frame + 1] : this.end;
    return (this.times[frame] + next) / 2;
  }
}

function spread(runs, frames) {
  const states = new Uint8Array(frames);
  let frame = 0;
  for (const [state, count] of runs) states.fill(state, frame, (frame += count));
  return states;
}

function clockOf(seconds) {
  const whole = Math.floor(seconds + 1e-4), rest = Math.floor((seconds + 1e-4 - whole) * 1000);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return `${hours ? `${hours}:${parts[0]}` : Number(parts[0])}:${parts[1]}.${String(rest).padStart(3, "0")}`;
}

const runs = JSON.parse(byId("report").textContent).runs.map((raw, number) => new Run(raw, number));
const clock = runs.reduce((longest, run) => (run.end > longest.end + 1e-6 ? run : longest)); // whose frames are counted
