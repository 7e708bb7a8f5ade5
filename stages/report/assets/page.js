// The page itself: buttons, keys, moments and the theme, tied to player and time line.

const player = new Player([...document.querySelectorAll(".reel")]);
const timeline = new Timeline(player);
const moments = [...document.querySelectorAll(".moments button")];
const timeOf = (button) => runs[Number(button.dataset.run)].times[Number(button.dataset.frame)];

byId("scrub").max = byId("frame").max = clock.frames - 1;
byId("scrub").addEventListener("input", (event) => player.seek(event.target.valueAsNumber));
byId("frame").addEventListener("change", (event) => player.seek(event.target.valueAsNumber));
byId("speed").addEventListener("change", (event) => player.setRate(Number(event.target.value)));
byId("play").addEventListener("click", () => player.toggle());
byId("back").addEventListener("click", () => player.step(-1));
byId("forth").addEventListener("click", () => player.step(1));
byId("from").addEventListener("click", () => loopFrom());
byId("to").addEventListener("click", () => loopTo());
byId("free").addEventListener("click", () => player.setLoop(null));
byId("sound").addEventListener("click", () => player.setSound(!player.sound));
byId("in").addEventListener("click", () => nearer());
byId("out").addEventListener("click", () => farther());
byId("theme").addEventListener("click", () => changeTheme());
for (const button of moments) button.addEventListener("click", () => player.seekTime(timeOf(button)));
for (const reel of player.reels) reel.video.addEventListener("click", () => player.toggle());

const now = () => clock.times[player.frame];
const loopFrom = () => player.setLoop(player.frame, player.loop && player.loop[1] > player.frame ? player.loop[1] : clock.frames - 1);
const loopTo = () => player.setLoop(player.loop && player.loop[0] < player.frame ? player.loop[0] : 0, player.frame);
const nearer = () => timeline.zoom(0.5, now());
const farther = () => timeline.zoom(2, now());

function changeTheme() {
  const root = document.documentElement, dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = (root.dataset.theme || (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
  draw();
}

function toMoment(way) {
  const times = moments.map(timeOf).sort((one, other) => one - other);
  const half = clock.last / 2;
  const next = way > 0 ? times.find((time) => time > now() + half) : times.filter((time) => time < now() - half).pop();
  if (next !== undefined) player.seekTime(next);
}

const KEYS = {
  " ": () => player.toggle(),
  ArrowLeft: (event) => (event.shiftKey ? player.stepSeconds(-1) : player.step(-1)),
  ArrowRight: (event) => (event.shiftKey ? player.stepSeconds(1) : player.step(1)),
  Home: () => player.seek(0),
  End: () => player.seek(clock.frames - 1),
  i: loopFrom, o: loopTo,
  l: () => player.setLoop(null),
  m: () => player.setSound(!player.sound),
  n: () => toMoment(1), p: () => toMoment(-1),
  t: changeTheme,
  "+": nearer, "=": nearer, "-": farther,
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type=number], select");
  const pressing = event.key === " " && event.target.matches("button");
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || typing || pressing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action(event);
});

player.watch(() => {
  const time = now(), near = clock.last / 2;
  byId("clock").textContent = clockOf(time);
  byId("scrub").value = player.frame;
  byId("scrub").setAttribute("aria-valuetext", `frame ${player.frame}, ${clockOf(time)}`);
  if (document.activeElement !== byId("frame")) byId("frame").value = player.frame;
  byId("play").textContent = player.playing ? "Pause" : "Play";
  byId("free").disabled = player.loop === null;
  byId("sound").setAttribute("aria-pressed", String(player.sound));
  for (const button of moments) button.setAttribute("aria-current", String(Math.abs(timeOf(button) - time) < near));
  timeline.follow();
});

function draw() {
  timeline.draw();
  drawCurves();
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
window.addEventListener("resize", drawCurves);
player.seek(0);
drawCurves();
