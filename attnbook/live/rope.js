import { chart, choice, dot, figure, grip, range, series, show, slider, sum } from "./kit.js";

const D = 8;
const DISTANCES = range(257).map((i) => (i - 128) / 2);
const speeds = (base) => range(D / 2).map((i) => base ** ((-2 * i) / D));

// (D,) numbers, a pair a speed, turned by position times speed.
function turn(vector, position, omegas) {
  return omegas.flatMap((omega, i) => {
    const [a, b, c, s] = [vector[2 * i], vector[2 * i + 1], Math.cos(omega * position), Math.sin(omega * position)];
    return [a * c - b * s, a * s + b * c];
  });
}

export function compute({ query_start, key_start, shift, base, query_vector, key_vector }) {
  const frequencies = speeds(base);
  const angles = [query_start, key_start].map((start) => frequencies.map((omega) => (start + shift) * omega));
  const turned = [turn(query_vector, query_start + shift, frequencies), turn(key_vector, key_start + shift, frequencies)];
  const parts = frequencies.map((_, i) => turned[0][2 * i] * turned[1][2 * i] + turned[0][2 * i + 1] * turned[1][2 * i + 1]);
  const before = dot(turn(query_vector, query_start, frequencies), turn(key_vector, key_start, frequencies));
  const curve = DISTANCES.map((distance) => dot(query_vector, turn(key_vector, distance, frequencies)));
  return { frequencies, angles, turned, parts, score: sum(parts), before, curve };
}

const [QUERY, KEY, BOTH] = [series(0), series(1), series(2)];
const DASH = "5 3";
const pairOf = (vector, i) => vector.slice(2 * i, 2 * i + 2);
const angleOf = ([a, b]) => Math.atan2(b, a);
const around = (angle) => angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI)); // to within half a turn
const signed = (x, first) => (show(x).startsWith("−") ? `${first ? "−" : "− "}${show(-x)}` : first ? show(x) : `+ ${show(x)}`);

// A clock's face around (x, y); angles grow counterclockwise, as in the plane.
function face(c, x, y, r) {
  c.put("circle", { cx: x, cy: y, r, fill: "none", stroke: "var(--live-line)" });
  for (const i of range(12)) {
    const [u, v] = [Math.cos((i * Math.PI) / 6), Math.sin((i * Math.PI) / 6)];
    c.put("line", { x1: x + (r - 3) * u, y1: y + (r - 3) * v, x2: x + r * u, y2: y + r * v, stroke: "var(--live-line)" });
  }
}

function hand(c, x, y, length, angle, { color, dash = null, opacity = null, width = 2.5, tip = 9 }) {
  const [u, v] = [Math.cos(angle), -Math.sin(angle)];
  const shaft = Math.max(0, length - tip);
  const g = { stroke: color, "stroke-width": width, opacity };
  c.put("line", { x1: x, y1: y, x2: x + shaft * u, y2: y + shaft * v, "stroke-dasharray": dash, ...g });
  if (length <= 1) return;
  const [bx, by, w] = [x + shaft * u, y + shaft * v, tip * 0.45];
  c.put("path", { d: `M${x + length * u},${y + length * v}L${bx - w * v},${by + w * u}L${bx + w * v},${by - w * u}Z`, fill: color, opacity });
}

// The sector from one angle on by `by`, at most half a turn to either side.
function wedge(c, x, y, r, from, by) {
  const at = (angle) => `${x + r * Math.cos(angle)},${y - r * Math.sin(angle)}`;
  c.put("path", { d: `M${x},${y}L${at(from)}A${r},${r} 0 0 ${by > 0 ? 0 : 1} ${at(from + by)}Z`, fill: "var(--live-blank)", stroke: "var(--live-line)", "stroke-width": 0.75 });
}

// The way from the first to the last angle, without whole turns, and where it ends.
function way(c, x, y, r, from, total, color) {
  const by = total % (2 * Math.PI);
  const points = range(41).map((i) => from + (by * i) / 40).map((angle) => `${(x + r * Math.cos(angle)).toFixed(1)},${(y - r * Math.sin(angle)).toFixed(1)}`);
  c.put("polyline", { points: points.join(" "), fill: "none", stroke: color, "stroke-width": 1.5, opacity: 0.7 });
}

export default {
  render({ model, el, signal, share }) {
    const keys = ["query_start", "key_start", "shift", "pair", "base", "query_vector", "key_vector"];
    const fig = figure({ model, el, signal, share }, { label: "Rotary positions: a query and a key as hands of four clocks", keys, compute });
    const ruler = chart(fig, { label: "Positions of query and key, to drag", title: "Where they stand", height: 184, x: [0, 128], y: [0, 1], xLabel: "position", ticks: "x", margin: { left: 52, right: 18 } });
    const dials = chart(fig, { label: "Two dials: one pair of the query and of the key, turned", height: 184, x: [0, 1], y: [0, 1], ticks: false, margin: { top: 0, right: 0, bottom: 0, left: 0 } });
    const clocks = chart(fig, { label: "Four clocks, each with both hands", height: 206, x: [0, 1], y: [0, 1], ticks: false, margin: { top: 0, right: 0, bottom: 0, left: 0 } });
    const graph = chart(fig, { label: "Score against distance", title: "Score against distance", height: 206, x: [-64, 64], y: [-4, 4], xLabel: "distance t′ − t" });
    for (const c of [dials, clocks]) c.root.querySelector(".live-axis").remove();

    const ROWS = { query: 46, both: 82, key: 118 };
    const [FROM, TO] = [0, 64];
    const middle = ({ query_start, key_start }) => (query_start + key_start) / 2;
    const grips = [
      grip(fig, ruler, { key: "query_start", label: "Query", min: FROM, max: TO, color: QUERY, place: (s) => [ruler.px(s.query_start + s.shift), ROWS.query], read: ([u], s) => u - s.shift, say: (s) => `at ${s.query_start + s.shift}` }),
      grip(fig, ruler, { key: "shift", label: "Shift of both", min: FROM, max: TO, color: BOTH, place: (s) => [ruler.px(middle(s) + s.shift), ROWS.both], read: ([u], s) => u - middle(s), say: (s) => `by ${s.shift}` }),
      grip(fig, ruler, { key: "key_start", label: "Key", min: FROM, max: TO, color: KEY, place: (s) => [ruler.px(s.key_start + s.shift), ROWS.key], read: ([u], s) => u - s.shift, say: (s) => `at ${s.key_start + s.shift}` }),
    ];

    fig.onDraw((state, { frequencies, angles, turned, parts, score, curve }) => {
      const places = [state.query_start + state.shift, state.key_start + state.shift];
      const vectors = [state.query_vector, state.key_vector];

      ruler.clear();
      Object.entries(ROWS).forEach(([word, y]) => ruler.text(37, y + 4, word, { "text-anchor": "end" }));
      places.forEach((place, i) => {
        const [x, y] = [ruler.px(place), [ROWS.query, ROWS.key][i]];
        ruler.put("line", { x1: x, y1: y, x2: x, y2: ruler.py(0), stroke: [QUERY, KEY][i], "stroke-dasharray": i ? DASH : null, "stroke-width": 1.5 });
        const old = ruler.px(place - state.shift);
        ruler.put("circle", { cx: old, cy: y, r: 4, fill: "none", stroke: [QUERY, KEY][i], "stroke-width": 1.5 });
        ruler.put("line", { x1: old + 4, y1: y, x2: Math.max(old + 4, x), y2: y, stroke: [QUERY, KEY][i], "stroke-width": 1, opacity: 0.5 });
      });
      const [x0, x1] = places.map(ruler.px);
      ruler.put("line", { x1: x0, y1: ROWS.both, x2: x1, y2: ROWS.both, stroke: BOTH, "stroke-width": 3 });
      const right = Math.max(x0, x1, (x0 + x1) / 2 + 13) + 6;
      const note = `distance ${show(places[1] - places[0], 0)}`;
      if (right < 232) ruler.text(right, ROWS.both + 4, note);
      else ruler.text(Math.min(x0, x1, (x0 + x1) / 2 - 13) - 6, ROWS.both + 4, note, { "text-anchor": "end" });
      grips.forEach((draw) => draw(state));

      const reach = Math.max(1, ...vectors.flatMap((vector) => range(D / 2).map((i) => Math.hypot(...pairOf(vector, i)))));
      dials.clear();
      dials.text(4, 13, `Pair ${state.pair}, ${show(frequencies[state.pair], 3)} radians a position`, { class: "live-strong" });
      places.forEach((place, i) => {
        const [x, y, r] = [i ? 240 : 80, 92, 54];
        const [first, last] = [pairOf(vectors[i], state.pair), pairOf(turned[i], state.pair)];
        const [color, dash] = [[QUERY, KEY][i], i ? DASH : null];
        const length = (r * Math.hypot(...last)) / reach;
        face(dials, x, y, r);
        hand(dials, x, y, length, angleOf(first), { color, dash, opacity: 0.4, width: 2 });
        way(dials, x, y, 0.45 * length, angleOf(first), angles[i][state.pair], color);
        hand(dials, x, y, length, angleOf(last), { color, dash });
        dials.text(x, 164, i ? `key, t′ = ${place}` : `query, t = ${place}`, { "text-anchor": "middle" });
        dials.text(x, 180, `${show(angles[i][state.pair] / (2 * Math.PI))} turns`, { "text-anchor": "middle" });
      });

      clocks.clear();
      clocks.text(4, 13, "Both hands, all four pairs", { class: "live-strong" });
      parts.forEach((part, i) => {
        const [x, y, r] = [40 + 80 * i, 86, 33];
        const pairs = turned.map((vector) => pairOf(vector, i));
        if (i === state.pair) clocks.put("rect", { x: x - 38, y: 26, width: 76, height: 124, rx: 4, fill: "none", stroke: "var(--live-ink)", "stroke-width": 1.5 });
        const from = angleOf(pairs[0]);
        wedge(clocks, x, y, r, from, around(angleOf(pairs[1]) - from));
        face(clocks, x, y, r);
        pairs.forEach((pair, j) => hand(clocks, x, y, (r * Math.hypot(...pair)) / reach, angleOf(pair), { color: [QUERY, KEY][j], dash: j ? "4 2" : null, width: 2, tip: 7 }));
        clocks.text(x, 42, `pair ${i}`, { "text-anchor": "middle" });
        clocks.text(x, 140, signed(part, true), { "text-anchor": "middle" });
      });
      clocks.text(160, 174, `${parts.map((part, i) => signed(part, i === 0)).join(" ")}`, { "text-anchor": "middle" });
      clocks.text(160, 194, `= score ${show(score)}`, { "text-anchor": "middle", class: "live-strong" });

      const most = Math.max(1, sum(range(D / 2).map((i) => Math.hypot(...pairOf(vectors[0], i)) * Math.hypot(...pairOf(vectors[1], i)))));
      const [low, high] = [-1.05 * most, 1.4 * most]; // above the curve stands the score
      graph.axes([-64, 64], [low, high]);
      graph.clear();
      const distance = places[1] - places[0];
      graph.put("line", { x1: graph.px(-64), y1: graph.py(0), x2: graph.px(64), y2: graph.py(0), class: "live-axis" });
      graph.put("line", { x1: graph.px(distance), y1: graph.py(low), x2: graph.px(distance), y2: graph.py(high), stroke: "var(--live-ink)", "stroke-dasharray": "2 3" });
      graph.line(DISTANCES.map((d, i) => [d, curve[i]]), { color: BOTH });
      graph.mark(distance, score, { shape: "diamond", size: 6, color: "var(--live-ink)" });
      const left = distance > 20;
      graph.text(graph.px(distance) + (left ? -6 : 6), graph.py(high) + 11, `score ${show(score)}`, { class: "live-strong", "text-anchor": left ? "end" : "start" });
    });

    fig.add(
      slider(fig, { key: "shift", label: "Shift both by", min: FROM, max: TO, step: 1, digits: 0 }),
      slider(fig, { key: "query_start", label: "Query before shift", min: FROM, max: TO, step: 1, digits: 0 }),
      slider(fig, { key: "key_start", label: "Key before shift", min: FROM, max: TO, step: 1, digits: 0 }),
      choice(fig, { key: "pair", label: "Pair on the dials", options: range(D / 2).map((i) => [i, String(i)]) }),
      choice(fig, { key: "base", label: "Base", options: [[100, "100"], [10000, "10,000"]] }),
    );
    fig.words((state, { frequencies, score, before, angles }) => {
      const [a, b] = angles.map((row) => row[state.pair]);
      const speed = frequencies[state.pair];
      const equals = Math.abs(Number(speed.toFixed(3)) - speed) < 1e-12 ? "=" : "≈";
      const product = `${show(state.key_start - state.query_start, 0)} × ${show(speed, 3)} ${equals} ${show(b - a)} radians`;
      return `Pair ${state.pair} turns the query by ${show(a)} and the key by ${show(b)} radians. Turning adds the difference to the angle between the two hands: distance × speed, ${product} (whole turns do not show). A shift of both leaves it alone: the score was ${show(before)} before the shift and is ${show(score)} now.`;
    });
    fig.rows((state, { frequencies, angles, parts, score, before }) => ({
      caption: "The four pairs, angles in radians",
      rows: [
        ["pair", "radians a position", "query turned by", "key turned by", "difference", "part of the score"],
        ...range(D / 2).map((i) => [String(i), frequencies[i], angles[0][i], angles[1][i], angles[1][i] - angles[0][i], parts[i]]),
        ["score", "", "", "", "", score],
        ["score before the shift", "", "", "", "", before],
      ],
    }));
    return fig.begin();
  },
};
