import { button, chart, clamp, figure, knob, movable, normals, range, series, show, slider } from "./kit.js";

const ROUND = [10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 55, 60, 70, 80, 90];
const TEMPERATURES = [1000, 100, 10, 1].flatMap((part) => ROUND.map((tens) => tens / part)).filter((T) => T >= 0.05 && T <= 20);
const SIZES = range(10).map((i) => 2 ** (i + 3));
const GRID = range(49).map((i) => 0.05 * 400 ** (i / 48)); // temperatures of the curves
const [LOW, HIGH] = [4.5, 3.5]; // the frame of the energies, in units of the spread
const SHOWN = 64; // so many levels are drawn one by one

// F, U and S of energies in ascending order; loops, because rows are long.
function thermodynamics(energies, T) {
  let [z, first] = [0, 0]; // sums of exp(-e / T) and of e exp(-e / T), with e counted from the lowest level
  for (const energy of energies) {
    const e = energy - energies[0];
    if (e > 60 * T) break; // what follows changes no digit
    const power = Math.exp(-e / T);
    z += power;
    first += e * power;
  }
  const mean = first / z;
  return [energies[0] - T * Math.log(z), energies[0] + mean, Math.log(z) + mean / T, z];
}

// The row and its curves do not depend on the present temperature: the last ones are kept.
let kept = {};
function row(spread, n, draw_number) {
  const key = `${spread} ${n} ${draw_number}`;
  if (kept.key !== key) {
    const x = Float64Array.from(normals(draw_number, n), (s) => -s).sort(); // energies in units of the spread
    const energies = x.map((u) => spread * u);
    kept = { key, x, energies, curves: GRID.map((T) => thermodynamics(energies, T)) };
  }
  return kept;
}

export function compute({ temperature, spread, n, draw_number }) {
  const { x, energies, curves } = row(spread, n, draw_number);
  const [free_energy, mean_energy, entropy, z] = thermodynamics(energies, temperature);
  const weight = (energy) => Math.exp((energies[0] - energy) / temperature) / z;
  const lowest = [...energies.subarray(0, SHOWN)];
  const weights = lowest.map(weight);
  const [key_share, weight_share] = [new Array(18).fill(0), new Array(18).fill(0)];
  x.forEach((u, j) => {
    const place = clamp(Math.floor((u + 4.5) * 2), 0, 17);
    key_share[place] += 1 / n;
    weight_share[place] += weight(energies[j]);
  });
  const [free_curve, mean_curve, entropy_curve] = range(3).map((i) => curves.map((found) => found[i]));
  const critical = spread / Math.sqrt(2 * Math.log(n));
  const top_three = weights[0] + weights[1] + weights[2];
  return { energies: lowest, weights, key_share, weight_share, free_energy, mean_energy, entropy, top_three, critical, free_curve, mean_curve, entropy_curve };
}

const nearest = (T) => TEMPERATURES.reduce((best, t) => (Math.abs(Math.log(t / T)) < Math.abs(Math.log(best / T)) ? t : best));
const log = Math.log10;
const X = [log(0.05), log(20)];
const HALO = "paint-order:stroke;stroke:var(--live-paper);stroke-width:4px"; // words that a line may cross

// Powers of ten along a chart whose x is the logarithm of T.
function decades(c) {
  const floor = c.py(c.y[0]);
  for (const T of [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]) {
    const tens = Number.isInteger(log(T));
    c.put("path", { d: `M${c.px(log(T))},${floor}v${tens ? 6 : 3}`, class: "live-axis" });
    if (tens) c.text(c.px(log(T)), floor + 18, String(T), { "text-anchor": "middle" });
  }
}

// The part of a curve above the chart's floor, up to the point where it crosses it.
function above(c, points) {
  const k = points.findIndex(([, v]) => v < c.y[0]);
  if (k < 1) return points;
  const [[u0, v0], [u1, v1]] = [points[k - 1], points[k]];
  return [...points.slice(0, k), [u0 + ((c.y[0] - v0) / (v1 - v0)) * (u1 - u0), c.y[0]]];
}

// A point on the entropy's curve to move along the axis of T, from one of the temperatures to another.
function dial(fig, c) {
  const node = knob(series(1));
  const drag = ([u]) => fig.set({ temperature: nearest(10 ** clamp(u, ...X)) });
  const press = ([across, up]) => {
    const place = TEMPERATURES.indexOf(fig.get().temperature) + across + up;
    fig.set({ temperature: TEMPERATURES[clamp(place, 0, TEMPERATURES.length - 1)] });
  };
  const tell = movable(c, node, { label: "Temperature, on the entropy's curve", min: TEMPERATURES[0], max: TEMPERATURES.at(-1), drag, press });
  return (T, S) => {
    node.setAttribute("transform", `translate(${c.px(log(T))},${c.py(S)})`);
    tell(T, `T = ${T}, entropy ${show(S)} nats`);
  };
}

function drawLevels(c, { spread, n, temperature }, { energies, weights, key_share, weight_share }) {
  c.clear();
  c.axes([0, 1], [-LOW * spread, HIGH * spread]);
  range(18).forEach((i) => {
    if (i / 2 - 4 > HIGH) return; // above the frame: a few keys in thousands, and no weight worth a bar
    const [low, high] = [c.py(spread * (i / 2 - 4.5)), c.py(spread * (i / 2 - 4))];
    const bar = { x: c.px(0), y: high + 1, height: low - high - 2 };
    c.put("rect", { ...bar, width: c.px(weight_share[i]) - c.px(0), fill: series(0), opacity: 0.55 });
    if (key_share[i]) c.put("rect", { ...bar, width: c.px(key_share[i]) - c.px(0), fill: "none", stroke: "var(--live-quiet)", "stroke-width": 1.5 });
  });
  energies.forEach((energy, j) => {
    const y = c.py(Math.max(energy, c.y[0]));
    c.put("path", { d: `M${c.px(0)},${y}H${c.px(weights[j]) + 5}`, stroke: series(1), "stroke-width": 1 + 2 * Math.min(1, 3 * weights[j]) });
  });
  const [x, y] = [c.px(0.28), c.py(c.y[1]) + 10];
  c.put("rect", { x, y: y - 9, width: 16, height: 9, fill: "none", stroke: "var(--live-quiet)", "stroke-width": 1.5 });
  c.text(x + 22, y, "share of the keys");
  c.put("rect", { x, y: y + 9, width: 16, height: 9, fill: series(0), opacity: 0.55 });
  c.text(x + 22, y + 18, "share of the weight");
  c.put("path", { d: `M${x},${y + 32}h16`, stroke: series(1), "stroke-width": 2.5 });
  c.text(x + 22, y + 36, "weight of one key");
  if (n > SHOWN) c.text(x + 22, y + 52, `(the ${SHOWN} lowest of ${n})`);
  // How far up from the lowest level a key still counts: the length of T on the axis of energies.
  const [foot, end] = [c.py(energies[0]), c.py(Math.min(c.y[1], energies[0] + temperature))];
  const [right, cut] = [c.px(1) + 12, energies[0] + temperature > c.y[1]]; // cut by the frame, it ends in an arrow
  c.put("path", { d: `M${right - 4},${foot}h8M${right},${foot}V${end}${cut ? "m-4,6l4,-6l4,6" : "m-4,0h8"}`, fill: "none", stroke: "var(--live-ink)", "stroke-width": 2 });
  c.text(right + 8, (foot + end) / 2 + 4, "T", { class: "live-strong" });
}

function drawEntropy(c, { temperature, spread, n }, { entropy_curve, critical }) {
  const most = Math.log(n);
  c.clear();
  c.axes(X, [0, 1.15 * most]);
  decades(c);
  c.line([[X[0], most], [X[1], most]], { color: "var(--live-line)", width: 1.5, dash: "2 3" });
  freezing(c, critical);
  c.put("rect", { x: c.px(X[0]) + 4, y: c.py(most) - 17, width: 74, height: 15, fill: "var(--live-paper)" });
  c.text(c.px(X[0]) + 6, c.py(most) - 5, `ln n = ${show(most)}`);
  const beyond = range(40).map((i) => critical * (20 / critical) ** (i / 39));
  c.line([[X[0], 0], ...beyond.map((T) => [log(T), most - spread ** 2 / (2 * T ** 2)])], { color: "var(--live-quiet)", width: 1.5, dash: "6 4" });
  c.line(GRID.map((T, i) => [log(T), entropy_curve[i]]), { width: 2.5 });
  const at = c.px(log(critical));
  const [x, y, anchor] = at < 170 ? [at + 8, c.py(0) - 23, "start"] : [at - 8, c.py(most) + 18, "end"];
  c.text(x, y + 16, `σ / √(2 ln n) = ${show(critical)}`, { "text-anchor": anchor, style: HALO });
  c.text(x, y, "dashed: n → ∞", { "text-anchor": anchor, style: HALO });
}

const freezing = (c, critical) => c.line(c.y.map((v) => [log(critical), v]), { color: "var(--live-quiet)", width: 1.5, dash: "6 4" });

function drawEnergies(c, { temperature, spread }, { free_curve, mean_curve, free_energy, mean_energy, critical }) {
  const depth = spread ** 2 / critical; // the lowest energy in the limit, σ √(2 ln n)
  c.clear();
  c.axes(X, [-2.4 * depth, 0.5 * depth]);
  decades(c);
  freezing(c, critical);
  c.line(GRID.map((T, i) => [log(T), mean_curve[i]]), { width: 2.5 });
  c.line(above(c, GRID.map((T, i) => [log(T), free_curve[i]])), { color: series(1), width: 2.5, dash: "9 3" });
  c.text(c.px(X[1]), c.py(mean_curve[48]) - 8, "U", { "text-anchor": "end", class: "live-strong" });
  const inside = free_energy > c.y[0];
  const foot = inside ? free_energy : c.y[0];
  const x = c.px(log(temperature));
  c.line([[log(temperature), mean_energy], [log(temperature), foot]], { color: "var(--live-ink)", width: 1.5 });
  c.mark(log(temperature), mean_energy, { color: series(0) });
  if (inside) c.mark(log(temperature), free_energy, { shape: "square", color: series(1) });
  else c.put("path", { d: `M${x - 5},${c.py(foot) - 8}h10l-5,8Z`, fill: series(1) });
  c.text(c.px(log(3.5 * critical)) + 8, c.py(-1.9 * depth), "F", { class: "live-strong" });
  const readings = [`U = ${show(mean_energy)}`, `F = ${show(free_energy)}`, `T S = ${show(mean_energy - free_energy)}`];
  const [x0, y0] = [c.px(X[0]) + 6, c.py(c.y[0]) - 38];
  c.put("rect", { x: x0 - 2, y: y0 - 12, width: 6.6 * Math.max(...readings.map((words) => words.length)), height: 48, fill: "var(--live-paper)" });
  readings.forEach((words, i) => c.text(x0, y0 + 16 * i, words));
}

export default {
  render({ model, el, signal, share }) {
    const keys = ["temperature", "spread", "n", "draw_number"];
    const fig = figure({ model, el, signal, share }, { label: "Temperature: the weights of random scores, from frozen to uniform", keys, compute });
    const tall = { height: 412, x: [0, 1], y: [-8, 7], xLabel: "share", yLabel: "energy E, minus the score", margin: { right: 34 } };
    const flat = { height: 202, x: X, ticks: "y", xLabel: "temperature T (log)", margin: { left: 40 } };
    // First the chart to drag, so that on a phone the controls follow it; in two columns it stands on the right.
    const entropy = chart(fig, { label: "Entropy against temperature", title: "Entropy S in nats: drag T", y: [0, 6], ...flat });
    const levels = chart(fig, { label: "Share of the keys and of the weight at each energy", title: "Keys and weight, by energy", ...tall });
    levels.root.setAttribute("style", "grid-area: 1 / 1 / span 2");
    const energies = chart(fig, { label: "Mean energy and free energy against temperature", title: "U, and F = U − T S", y: [-9, 2], ...flat });
    const hand = dial(fig, entropy);

    fig.onDraw((state, found) => {
      drawLevels(levels, state, found);
      drawEntropy(entropy, state, found);
      drawEnergies(energies, state, found);
      hand(state.temperature, found.entropy);
    });

    fig.add(
      slider(fig, { key: "temperature", label: "Temperature T", values: TEMPERATURES, digits: 3 }),
      slider(fig, { key: "spread", label: "Spread σ of scores", min: 0.5, max: 8, step: 0.1, digits: 1 }),
      slider(fig, { key: "n", label: "Number of keys n", values: SIZES, digits: 0 }),
      button("Draw other keys", () => fig.set({ draw_number: (fig.get().draw_number + 1) % 20 })),
    );
    fig.limit("draw_number", (value) => clamp(Math.round(value), 0, 19));
    fig.words(({ temperature, n }, { entropy: S, top_three, critical }) => {
      const phase = temperature < critical ? "frozen" : "liquid";
      const held = top_three < 0.005 ? "less than 0.01" : show(top_three);
      const said = `The best three of ${n} keys hold ${held} of the weight, which is spread as if on ${show(Math.exp(S), 1)} equal keys.`;
      const place = `T is ${show(temperature / critical)} times the freezing temperature ${show(critical)}, on the ${phase} side.`;
      return `${said} ${place} With finitely many keys the passage is a crossover, without a corner.`;
    });
    fig.rows((state, found) => ({
      caption: "The row at this temperature",
      rows: [
        ["", "value"],
        ["mean energy U", found.mean_energy],
        ["entropy S, nats", found.entropy],
        ["free energy F = U − T S", found.free_energy],
        ["effective keys, exp S", Math.exp(found.entropy)],
        ["freezing temperature σ / √(2 ln n)", found.critical],
        ["T over that", state.temperature / found.critical],
        ["weight of the best key", found.weights[0]],
        ["weight of the best three", found.top_three],
        ["energy of the best key", found.energies[0]],
      ],
    }));
    return fig.begin();
  },
};
