import { button, chart, entropy, figure, normals, range, series, show, slider, softmax, sum } from "./kit.js";

const WIDTHS = range(10).map((i) => 2 ** (i + 1));
const [DRAWS, KEYS] = [21, 16];
const LEAST = 1e-12; // smaller gradients stand at the edge

// The unscaled scores of one draw, kept for every width up to the one that was asked for: a wider
// draw begins with the narrower one, so one running sum gives all.
const kept = new Map();
function scoresOf(draw, width) {
  if (!kept.has(`${draw} ${width}`)) {
    const flat = normals(draw, width * (1 + KEYS)); // component by component: the query's, then the keys'
    const scores = new Array(KEYS).fill(0);
    for (let i = 0; i < width; i += 1) {
      const at = i * (1 + KEYS);
      for (let j = 0; j < KEYS; j += 1) scores[j] += flat[at] * flat[at + 1 + j];
      if (WIDTHS.includes(i + 1)) kept.set(`${draw} ${i + 1}`, [...scores]);
    }
  }
  return kept.get(`${draw} ${width}`);
}

const norm = (a) => Math.sqrt(sum(a.map((x, i) => sum(a.map((y, j) => (x * ((i === j) - y)) ** 2)))));

function spread(scores) {
  const mean = sum(scores) / KEYS;
  return Math.sqrt(sum(scores.map((s) => (s - mean) ** 2)) / KEYS);
}

export function compute({ width, draw_number }) {
  const scales = [1, width ** -0.5];
  const all = scales.map((scale) => range(DRAWS).map((draw) => softmax(scoresOf(draw, width).map((s) => scale * s))));
  const scores = scales.map((scale) => scoresOf(draw_number, width).map((s) => scale * s));
  return {
    scores,
    spread: scores.map(spread),
    weights: all.map((weights) => weights[draw_number]),
    in_use: all.map((weights) => weights.map((a) => Math.exp(entropy(a)))),
    gradients: all.map((weights) => weights.map(norm)),
  };
}

const NAMES = ["unscaled", "scaled"];
const MARKS = ["circle", "square"];
const raised = (power) => `10${String(power).replace(/./g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻")}`;

// 0.27, or 3·10⁻⁷.
function small(x) {
  if (x >= 0.01) return show(x);
  if (x < LEAST) return `below ${raised(-12)}`;
  const [digits, power] = x.toExponential(0).split("e");
  return `${digits}·${raised(Number(power))}`;
}

export default {
  render({ model, el, signal, share }) {
    const fig = figure({ model, el, signal, share }, { label: "Scaling: a random query among 16 random keys, with and without the square root", keys: ["width", "draw_number"], compute });
    const both = { y: [0, 2], ticks: "x", margin: { left: 12, bottom: 26 } };
    const low = { ...both, height: 158, ticks: false };
    const plain = chart(fig, { ...both, label: "Scores of the sixteen keys, unscaled above, scaled below", title: "Scores to the nearest 4, a mark a key", height: 230, x: [-108, 108] });
    const bars = chart(fig, { ...both, label: "Weights of the sixteen keys, unscaled above, scaled below", title: "Weights", height: 230, x: [-0.7, 15.7], ticks: false });
    const use = chart(fig, { ...low, label: "How many keys are in use, in every draw", title: "Keys in use, all draws", x: [0.5, 16.5] });
    const size = chart(fig, { ...low, label: "Size of the gradient, in every draw", title: "Size of the gradient ‖J‖, all draws", x: [-12.5, 0.5] });

    fig.onDraw((state, { scores, spread: wide, weights, in_use, gradients }) => {
      for (const c of [plain, bars, use, size]) {
        c.clear();
        c.line([[c.x[0], 1], [c.x[1], 1]], { color: "var(--live-line)", width: 1 });
      }
      bars.text(bars.px(7.5), 222, "key 1 to 16", { "text-anchor": "middle" });
      const ticks = [...[1, 4, 8, 12, 16].map((v) => [use, v, `${v}`]), ...[-12, -9, -6, -3, 0].map((v) => [size, v, v ? raised(v) : "1"])];
      for (const [c, v, text] of ticks) {
        c.put("path", { d: `M${c.px(v)},132v4`, class: "live-axis" });
        c.text(c.px(v), 148, v === -12 ? `≤ ${text}` : text, { "text-anchor": "middle" });
      }
      for (const row of [0, 1]) {
        const [base, color, shape] = [1 - row, series(row), MARKS[row]];
        const piles = {};
        for (const s of scores[row]) {
          const bin = Math.round(s / 4);
          piles[bin] = (piles[bin] ?? 0) + 1;
          plain.mark(4 * bin, base + 0.056 * piles[bin] - 0.024, { shape, color, size: 1.7 });
        }
        plain.text(plain.px(-105), plain.py(base + 0.83), NAMES[row], { class: "live-strong" });
        plain.text(plain.px(-105), plain.py(base + 0.83) + 15, `spread ${show(wide[row], 1)}`);
        weights[row].forEach((a, j) => bars.bar(j - 0.36, j + 0.36, base + 0.7 * a, { base, color }));
        bars.text(bars.px(-0.45), bars.py(base + 0.83), NAMES[row], { class: "live-strong" });
        bars.text(bars.px(15.6), bars.py(base + 0.83), `largest ${show(Math.max(...weights[row]))}`, { "text-anchor": "end" });
        const strips = [
          [use, in_use[row], show(in_use[row][state.draw_number], 1)],
          [size, gradients[row].map((x) => Math.log10(Math.max(x, LEAST))), small(gradients[row][state.draw_number])],
        ];
        for (const [c, places, here] of strips) {
          for (const v of places) c.put("path", { d: `M${c.px(v)},${c.py(base + 0.1)}v-14`, stroke: color, "stroke-width": 1.5 });
          c.mark(places[state.draw_number], base + 0.51, { shape, color, size: 4.5 });
          c.text(c.px(c.x[0]) + 5, c.py(base + 0.74), NAMES[row], { class: "live-strong" });
          c.text(c.px(c.x[1]) - 4, c.py(base + 0.74), `this draw ${here}`, { "text-anchor": "end" });
        }
      }
    });

    fig.add(
      slider(fig, { key: "width", label: "Width d", values: WIDTHS, digits: 0 }),
      slider(fig, { key: "draw_number", label: "Draw", min: 0, max: DRAWS - 1, step: 1, digits: 0 }),
      button("Another draw", () => fig.set({ draw_number: (fig.get().draw_number + 1) % DRAWS })),
    );
    fig.words((state, { spread: wide, gradients }) => {
      const tiny = gradients.map((row) => row.filter((x) => x < 1e-3).length);
      return `At width ${state.width} the scores of this draw have standard deviation ${show(wide[0], 1)} unscaled and ${show(wide[1], 1)} scaled. The gradient is smaller than a thousandth in ${tiny[0]} of ${DRAWS} draws unscaled, and in ${tiny[1]} scaled.`;
    });
    fig.rows((state, { spread: wide, weights, in_use, gradients }) => ({
      caption: `Draw ${state.draw_number} at width ${state.width}`,
      rows: [
        ["", ...NAMES],
        ["standard deviation of the scores", ...wide],
        ["largest weight", ...weights.map((a) => Math.max(...a))],
        ["keys in use", ...in_use.map((row) => row[state.draw_number])],
        ["entropy, nats", ...in_use.map((row) => Math.log(row[state.draw_number]))],
        ["size of the gradient", ...gradients.map((row) => small(row[state.draw_number]))],
        ["median size, all draws", ...gradients.map((row) => small([...row].sort((a, b) => a - b)[(DRAWS - 1) / 2]))],
      ],
    }));

    // The widest draws cost some milliseconds each: make them once the reader comes near, one at a time.
    let next = 0;
    const prepare = () => {
      if (next >= DRAWS || signal?.aborted) return;
      scoresOf(next, WIDTHS.at(-1));
      next += 1;
      setTimeout(prepare);
    };
    for (const event of ["pointerenter", "focusin"]) el.addEventListener(event, prepare, { once: true });
    return fig.begin();
  },
};
