// Curves of training: the mean of each bin as a line, its least and greatest as a band, runs over each other.

const WIDE = 20; // times by which greatest and least differ, from which on the scale is logarithmic

function drawCurves() {
  for (const figure of document.querySelectorAll(".curves figure")) drawCurve(figure);
}

function drawCurve(figure) {
  const parts = runs.flatMap((run) => run.curves.filter((curve) => curve.name === figure.dataset.curve).map((curve) => ({ run, curve })));
  const [pen, width, height] = fitted(figure.querySelector("canvas"));
  const finite = (values) => values.filter((value) => value !== null);
  const low = Math.min(...parts.flatMap(({ curve }) => finite(curve.low)));
  const high = Math.max(...parts.flatMap(({ curve }) => finite(curve.high)));
  const steps = Math.max(...parts.map(({ curve }) => curve.steps[curve.steps.length - 1]));
  if (!(low <= high)) return;
  const scale = low > 0 && high / low > WIDE ? Math.log : (value) => value;
  const room = scale(high) - scale(low) || 1;
  const x = (step) => (step / Math.max(steps, 1)) * width;
  const y = (value) => height - 3 - ((scale(value) - scale(low)) / room) * (height - 6);
  for (const { run, curve } of parts) {
    const line = new Path2D(), band = new Path2D(), kept = curve.steps.map((_, place) => place).filter((place) => curve.mean[place] !== null);
    kept.forEach((place) => line.lineTo(x(curve.steps[place]), y(curve.mean[place])));
    kept.forEach((place) => band.lineTo(x(curve.steps[place]), y(curve.high[place])));
    kept.reverse().forEach((place) => band.lineTo(x(curve.steps[place]), y(curve.low[place])));
    pen.fillStyle = pen.strokeStyle = inkOf(run);
    pen.globalAlpha = 0.22;
    pen.fill(band);
    pen.globalAlpha = 1;
    pen.lineWidth = 1.3;
    pen.stroke(line);
  }
  label(pen, width, height, low, high, "left"); // where it is low, at the right, the line runs
}
