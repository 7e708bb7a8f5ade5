// All films in step: one of them leads, the others are steered to its time; at rest all show the very same frame.

const FAR = 0.15; // seconds apart, from which on a film jumps to the others instead of running faster or slower
const NEAR = 0.006; // closer than this nobody sees

class Reel {
  constructor(figure) {
    this.figure = figure;
    this.video = figure.querySelector("video");
    this.run = runs[Number(figure.dataset.run)];
    this.offset = this.run.videos[Number(figure.dataset.video)].offset;
    this.want = null;
    this.lost = false;
    this.video.muted = true;
    this.fit(this.run.videos[Number(figure.dataset.video)].size);
    this.video.addEventListener("loadedmetadata", () => this.fit([this.video.videoWidth, this.video.videoHeight]));
    this.video.addEventListener("seeked", () => this.arrive());
    this.video.addEventListener("error", () => this.lose());
    if (this.video.error) this.lose();
  }

  // As wide as its picture at the height that all share, or less where there is no room.
  fit(size) {
    if (!size || !size[0] || !size[1]) return;
    this.video.style.aspectRatio = `${size[0]} / ${size[1]}`;
    this.figure.style.setProperty("--wide", size[0] / size[1]);
    this.figure.classList.toggle("broad", size[0] > size[1]);
  }

  get time() { return this.video.currentTime - this.offset; }

  // Show what the run shows at a time; of many wishes during a seek only the last is followed.
  show(time) {
    this.want = this.run.middleOf(this.run.frameAt(time)) + this.offset;
    if (!this.video.seeking) this.arrive();
  }

  arrive() {
    if (this.want === null || this.lost) return;
    const want = this.want;
    this.want = null;
    if (Math.abs(this.video.currentTime - want) > 1e-4) this.video.currentTime = want;
  }

  steer(time, rate) {
    const drift = this.time - time;
    if (this.video.seeking || this.video.ended || time >= this.run.end - this.run.last) return;
    if (this.video.paused) this.video.play().catch(() => {}); // it had ended, and the others went back
    if (Math.abs(drift) > FAR) this.video.currentTime = time + this.offset;
    const pace = Math.abs(drift) < NEAR ? rate : rate * (1 - clamp(2 * drift, -0.25, 0.25));
    if (Math.abs(this.video.playbackRate - pace) > 1e-3) this.video.playbackRate = pace;
  }

  lose() {
    if (this.lost) return;
    this.lost = true;
    const said = document.createElement("p");
    said.className = "lost";
    const missing = this.video.error && this.video.error.code === MediaError.MEDIA_ERR_DECODE;
    said.textContent = missing
      ? "This browser cannot play the film."
      : `Not to be played from here: ${decodeURIComponent(this.video.getAttribute("src"))}. Keep the page where it was made, beside its films.`;
    this.video.replaceWith(said);
  }
}

class Player {
  constructor(figures) {
    this.reels = figures.map((figure) => new Reel(figure));
    this.frame = 0;
    this.playing = false;
    this.rate = 1;
    this.loop = null; // [first, last] frame
    this.sound = true;
    this.watchers = [];
    this.begun = 0; // of a clock of our own, where no film can lead
  }

  get lead() {
    const own = this.reels.filter((reel) => reel.run === clock && !reel.lost);
    return own[own.length - 1] || null;
  }

  watch(watcher) { this.watchers.push(watcher); }
  tell() { for (const watcher of this.watchers) watcher(this); }

  seek(frame) {
    this.frame = clamp(Math.round(frame) || 0, 0, clock.frames - 1);
    const time = clock.times[this.frame];
    for (const reel of this.reels) reel.show(time);
    this.begun = performance.now() - (1000 * time) / this.rate;
    this.tell();
  }

  seekTime(time) { this.seek(clock.frameAt(time)); }

  step(frames) {
    if (this.playing) this.pause();
    this.seek(this.frame + frames);
  }

  // To the nearest frame: a second is no whole number of frames at many rates.
  stepSeconds(seconds) { this.seekTime(clamp(clock.times[this.frame] + seconds, 0, clock.end) + clock.last / 2); }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    const [first, last] = this.loop || [0, clock.frames - 1];
    if (this.frame >= last || this.frame < first) this.seek(first);
    this.playing = true;
    this.begun = performance.now() - (1000 * clock.times[this.frame]) / this.rate;
    const lead = this.lead;
    for (const reel of this.reels) {
      reel.video.muted = reel !== lead || !this.sound;
      reel.video.playbackRate = this.rate;
      if (!reel.lost) reel.video.play().catch(() => {});
    }
    this.tell();
    requestAnimationFrame(() => this.tick());
  }

  pause() {
    this.playing = false;
    for (const reel of this.reels) reel.video.pause();
    this.seek(this.frame);
  }

  setRate(rate) {
    this.rate = rate;
    this.begun = performance.now() - (1000 * clock.times[this.frame]) / rate;
    for (const reel of this.reels) reel.video.playbackRate = rate;
  }

  setSound(on) {
    this.sound = on;
    const lead = this.lead;
    if (lead) lead.video.muted = !on;
    this.tell();
  }

  setLoop(first, last) {
    this.loop = first === null ? null : [Math.min(first, last), Math.max(first, last)];
    this.tell();
  }

  tick() {
    if (!this.playing) return;
    const lead = this.lead;
    const time = lead ? lead.time : ((performance.now() - this.begun) * this.rate) / 1000;
    const over = lead ? lead.video.ended : time >= clock.end;
    const moving = !lead || !lead.video.seeking;
    if (moving) this.frame = clock.frameAt(time);
    if (moving && this.loop && (over || this.frame > this.loop[1])) return this.again(over);
    if (over) return this.pause();
    for (const reel of this.reels) if (reel !== lead && !reel.lost) reel.steer(time, this.rate);
    this.tell();
    requestAnimationFrame(() => this.tick());
  }

  again(over) {
    this.seek(this.loop[0]);
    if (over) this.play(); else requestAnimationFrame(() => this.tick());
  }
}
