import { balance, chart, choice, css, dot, figure, inkOn, player, range, series, show, slider, softmax, sum, viridis } from "./kit.js";

const WORDS = ["the", "cat", "sat", "on", "the", "mat"];
const QUERIES = [[1.6, 0.2], [1.3, -1.2], [-1.4, 0.9], [1.7, 0.5], [1.0, -0.6]];
const KEYS = [[0.5, -0.6], [-0.9, 0.8], [0.2, 1.1], [0.6, 0.3], [-0.8, -0.9]];
const VALUES = [1.8, -1.5, 1.2, 1.7, -1.6];

// The last token's query is (1, last), its key (last, 1), its value is last.
function stages(rule, last) {
  const values = [...VALUES, last];
  const keys = [...KEYS, [last, 1]];
  const lowered = rule === "large_constant" ? 3e5 : 0;
  const hidden = { zeroed_scores: 0, large_constant: -1e5 }[rule] ?? -Infinity;
  const ahead = rule === "off_by_one" ? 1 : 0;
  const scores = [...QUERIES, [1, last]].map((query) => keys.map((key) => dot(query, key) / Math.SQRT2 - lowered));
  const late = rule === "zeroed_weights";
  const masked = late ? scores : scores.map((row, i) => row.map((s, j) => (j <= i + ahead ? s : hidden)));
  const weights = masked.map(softmax).map((row, i) => (late ? row.map((a, j) => (j <= i ? a : 0)) : row));
  const parts = weights.map((row) => row.map((a, j) => a * values[j]));
  return { scores, masked, weights, parts, outputs: parts.map(sum) };
}

export function compute({ rule, last }) {
  const before = Object.entries(stages(rule, 0)).map(([name, found]) => [`${name}_before`, found]);
  return { ...stages(rule, last), ...Object.fromEntries(before) };
}

const RULES = {
  minus_infinity: ["Minus infinity", "A score of minus infinity has weight exactly 0."],
  zeroed_scores: ["Scores set to 0", "A score of 0 still gets weight, and with it the hidden value."],
  zeroed_weights: ["Weights set to 0", "Weights on the future are 0, but the hidden scores are still in the denominators of their rows."],
  large_constant: ["−1e5, scores lowered", "All scores lie near −3e5: the constant −1e5 outscores them, and the hidden tokens win."],
  off_by_one: ["Off by one: j ≤ i + 1", "Each token sees one token too many: the next."],
};
const STAGES = ["scores", "masked", "weights", "parts"];
const SHOWN = ["the scores", "the masked scores", "the weights", "weight times value"];
const SIDE = 52; // left of the outputs
const [LEFT, TOP, WIDE, HIGH] = [38, 46, 44, 33]; // of the cells, and of the rows of outputs

const titles = ({ rule, step }) => [
  rule === "large_constant" ? "Scores before 300000 is taken off" : "Scores",
  {
    zeroed_weights: "No mask yet: it comes after the softmax",
    zeroed_scores: "Mask applied: the future set to 0",
    large_constant: "Mask applied: the future set to −100000",
  }[rule] ?? "Mask applied: hidden set to −∞",
  rule === "zeroed_weights" ? "Softmax, then the future set to 0" : "Weights: the softmax of each row",
  "Weight times value; a row's sum is its output",
][step];

// Scores far from zero are shown by what differs between them.
function cellText(value, { rule, step }) {
  if (value === -Infinity) return "−∞";
  if (rule === "large_constant" && step === 1) return value < -2e5 ? "−3e5" : "−1e5";
  if (rule === "large_constant" && step === 0) return show(value + 3e5, 1);
  return value === 0 ? "0" : show(value, step === 2 ? 2 : 1);
}

function cellColor(value, { rule, step }) {
  if (step === 2) return viridis(value);
  if (rule === "large_constant" && step === 0) return balance((value + 3e5) / 3);
  if (rule === "large_constant" && step === 1) return balance(value / 3.5e5);
  return balance(value / (step === 3 ? 2 : 3));
}

function drawMatrix(c, state, found) {
  const stage = STAGES[state.step];
  const [now, before] = [found[stage], found[`${stage}_before`]];
  const last = state.last === 0 ? "mat" : "mat′";
  c.clear();
  c.text(LEFT, 13, titles(state), { class: "live-strong" });
  [...WORDS.slice(0, 5), last].forEach((word, i) => {
    c.text(LEFT - 5, TOP + HIGH * (i + 0.5) + 4, word, { "text-anchor": "end" });
    c.text(LEFT + WIDE * (i + 0.5), TOP - 6, word, { "text-anchor": "middle" });
  });
  now.forEach((row, i) => row.forEach((value, j) => {
    const [x, y] = [LEFT + WIDE * j, TOP + HIGH * i];
    const out = value === -Infinity;
    const rgb = out ? null : cellColor(value, state);
    c.put("rect", { x: x + 1, y: y + 1, width: WIDE - 2, height: HIGH - 2, fill: out ? "var(--live-blank)" : css(rgb) });
    c.text(x + WIDE / 2, y + HIGH / 2 + 4, cellText(value, state), { "text-anchor": "middle", style: out ? null : `fill:${inkOn(rgb)}` });
    // Every hidden cell has its corner cut, whatever a rule puts there.
    if (j > i) c.put("path", { d: `M${x + WIDE - 11},${y + 1}h10v10Z`, fill: "var(--live-paper)", stroke: "var(--live-line)" });
  }));
  now.forEach((row, i) => row.forEach((value, j) => {
    if (value === before[i][j]) return;
    const [x, y] = [LEFT + WIDE * j, TOP + HIGH * i];
    const frame = (gap, look) => c.put("rect", { x: x + gap, y: y + gap, width: WIDE - 2 * gap, height: HIGH - 2 * gap, fill: "none", ...look });
    frame(2.5, { stroke: "var(--live-paper)", "stroke-width": 5 });
    frame(1.5, { stroke: series(1), "stroke-width": 3 });
  }));
  const edge = { d: `M${LEFT + WIDE},${TOP}${range(5).map((i) => `V${TOP + HIGH * (i + 1)}H${LEFT + WIDE * (i + 2)}`).join("")}`, fill: "none" };
  c.put("path", { ...edge, stroke: "var(--live-paper)", "stroke-width": 6 });
  c.put("path", { ...edge, stroke: "var(--live-ink)", "stroke-width": 2.5, "stroke-dasharray": "5 3" });
  const y = TOP + HIGH * 6 + 20;
  c.put("rect", { x: LEFT + 1, y: y - 11, width: 16, height: 12, fill: "none", stroke: series(1), "stroke-width": 3 });
  c.text(LEFT + 24, y, "changed with the last token");
  c.put("path", { d: `M${LEFT},${y + 15}h18`, fill: "none", stroke: "var(--live-ink)", "stroke-width": 2.5, "stroke-dasharray": "5 3" });
  c.text(LEFT + 24, y + 19, "above it lies the future (cut corners)");
}

const moved = ({ outputs, outputs_before }) => outputs.map((y, i) => Math.abs(y - outputs_before[i]));

function drawOutputs(c, state, found) {
  const change = moved(found);
  c.clear();
  [...WORDS.slice(0, 5), state.last === 0 ? "mat" : "mat′"].forEach((word, i) => {
    const y = 5.5 - i; // rows stand beside those of the matrix
    const [from, to] = [found.outputs_before[i], found.outputs[i]];
    const color = change[i] === 0 ? series(0) : i === 5 ? series(2) : series(1);
    c.text(SIDE - 5, c.py(y) + 4, `${i + 1} ${word}`, { "text-anchor": "end" });
    c.line([[-2, y], [2, y]], { color: "var(--live-blank)", width: 1 });
    c.line([[from, y], [to, y]], { color, width: 3 });
    c.put("circle", { cx: c.px(from), cy: c.py(y), r: 7, fill: "none", stroke: "var(--live-quiet)", "stroke-width": 2 });
    c.mark(to, y, { shape: change[i] === 0 ? "circle" : i === 5 ? "square" : "diamond", size: 4.5, color });
    const words = change[i] === 0 ? "stays" : change[i] < 0.005 ? "< 0.01" : show(change[i]);
    c.text(c.width - 79, c.py(y) + (change[i] !== 0 && i < 5 ? -2 : 4), change[i] === 0 ? words : `moves ${words}`);
    if (change[i] !== 0 && i < 5) c.text(c.width - 79, c.py(y) + 12, "a leak", { class: "live-strong" });
  });
  const y = TOP + HIGH * 6 + 40;
  c.put("circle", { cx: SIDE + 8, cy: y - 5, r: 7, fill: "none", stroke: "var(--live-quiet)", "stroke-width": 2 });
  c.text(SIDE + 24, y, "output when the last token is 0");
}

const listed = (names) => (names.length < 2 ? `${names}` : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

export default {
  render({ model, el, signal, share }) {
    const keys = ["rule", "step", "last"];
    const fig = figure({ model, el, signal, share }, { label: "Causal mask: which outputs depend on the last token", keys, compute });
    const size = { height: TOP + HIGH * 6 + 46 };
    const matrix = chart(fig, { label: "Six by six matrix: a row for each query, a column for each key", ...size, x: [0, 1], y: [0, 1], ticks: false });
    matrix.root.querySelector(".live-axis").remove();
    const bottom = size.height - TOP - HIGH * 6;
    const rows = { x: [-2.1, 2.1], y: [0, 6], ticks: "x", margin: { left: SIDE, right: 86, top: TOP, bottom } };
    const outputs = chart(fig, { label: "Outputs of the six tokens, before and now", title: "Outputs, one number a token", ...size, ...rows });

    fig.onDraw((state, found) => {
      drawMatrix(matrix, state, found);
      drawOutputs(outputs, state, found);
    });

    fig.add(
      choice(fig, { key: "rule", label: "Mask", options: Object.entries(RULES).map(([value, [text]]) => [value, text]) }),
      choice(fig, { key: "step", label: "Show", options: ["scores", "masked", "weights", "output"].map((text, i) => [i, text]) }),
      player(fig, { label: "Step through", rate: 0.8, next: () => fig.set({ step: (fig.get().step + 1) % 4 }) }),
      slider(fig, { key: "last", label: "Last token (mat)", min: -2, max: 2, step: 0.1, digits: 1 }),
    );
    fig.words((state, found) => {
      const places = range(6).filter((i) => found.outputs[i] !== found.outputs_before[i]).map((i) => i + 1);
      const leaks = places.filter((place) => place < 6).length;
      const why = RULES[state.rule][1];
      const stage = STAGES[state.step];
      const cells = sum(found[stage].map((row, i) => row.filter((value, j) => value !== found[`${stage}_before`][i][j]).length));
      const step = `Step ${state.step + 1} of 4, ${SHOWN[state.step]}: ${cells || "no"} ${cells === 1 ? "cell changes" : "cells change"} with the last token.`;
      if (places.length === 0) return `${step} It is as in the comparison, and no output moves. ${why}`;
      if (leaks === 0) return `${step} Output 6 moves, and it alone may: no leak. ${why}`;
      return `${step} Outputs ${listed(places)} move; only 6 may: ${leaks === 1 ? "one leak" : `${leaks} leaks`}. ${why}`;
    });
    fig.rows((state, found) => ({
      caption: `Outputs, and the weight of each row (${RULES[state.rule][0]})`,
      rows: [
        ["token", "output, last token 0", "output now", "moves by", "weight on the future", "sum of the weights"],
        ...found.weights.map((row, i) => [`${i + 1} ${WORDS[i]}`, found.outputs_before[i], found.outputs[i], moved(found)[i], sum(row.slice(i + 1)), sum(row)]),
      ],
    }));
    return fig.begin();
  },
};
