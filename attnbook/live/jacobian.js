import { balance, chart, fields, figure, grip, heat, range, series, show, slider, softmax, sum } from "./kit.js";

const SHARPNESSES = range(81).map((i) => i / 8);
const SCORES = range(5).map((j) => `score_${j + 1}`);

// The weights at one sharpness, diag(a) - a aᵀ, and three sizes.
function at(scores, sharpness) {
  const weights = softmax(scores.map((s) => sharpness * s));
  const matrix = weights.map((a, i) => weights.map((b, j) => a * ((i === j) - b)));
  const sorted = [...weights].sort((a, b) => a - b);
  return {
    weights, matrix,
    norm: Math.sqrt(sum(matrix.flat().map((x) => x * x))),
    largest: Math.max(...matrix.flat()),
    rest: sum(sorted.slice(0, -1)),
  };
}

export function compute(state) {
  const scores = SCORES.map((key) => state[key]);
  const here = at(scores, state.sharpness);
  const all = SHARPNESSES.map((sharpness) => at(scores, sharpness));
  return {
    weights: here.weights,
    jacobian: here.matrix,
    norm: here.norm,
    largest: here.largest,
    rest: here.rest,
    norms: all.map(({ norm }) => norm),
    entries: all.map(({ largest }) => largest),
    rests: all.map(({ rest }) => rest),
  };
}

// A number that is not zero does not show as zero.
const small = (x, digits) => (x > 0 && x < 0.5 * 10 ** -digits ? `below ${show(10 ** -digits, digits)}` : show(x, digits));
const name = (letter, j) => `${letter}${"₁₂₃₄₅"[j]}`;

export default {
  render({ model, el, signal, share }) {
    const fig = figure({ model, el, signal, share }, { label: "Jacobian: the derivatives of five weights by the five inputs of the softmax", keys: [...SCORES, "sharpness"], compute });
    const rows = { height: 216, y: [5.6, 0.4], ticks: "x", margin: { left: 30, right: 16, bottom: 26 } };
    const drag = chart(fig, { ...rows, label: "Five scores to drag", title: "Scores s, to drag", x: [-5.6, 5.6] });
    const bars = chart(fig, { ...rows, label: "Five weights", title: "Weights a", x: [0, 1.15] });
    const map = chart(fig, { label: "The Jacobian, five rows and five columns", title: "Jacobian", height: 250, x: [0, 1], y: [0, 1], ticks: false });
    const sizes = chart(fig, { label: "Sizes of the Jacobian against the sharpness", title: "Sizes, by sharpness", height: 250, x: [0, 10], y: [0, 1.25], xLabel: "sharpness β", margin: { left: 34 } });
    const levers = SCORES.map((key, j) =>
      grip(fig, drag, { key, label: `Score ${j + 1}`, min: -5, max: 5, step: 0.1, color: series(0), place: (s) => [drag.px(s[key]), drag.py(j + 1)], read: ([u]) => u, say: (s) => show(s[key]) }),
    );
    map.root.firstChild.querySelector(".live-axis").remove();

    fig.onDraw((state, { weights, jacobian, norm, largest, rest, norms, entries, rests }) => {
      for (const c of [drag, bars, map, sizes]) c.clear();
      drag.line([[0, 0.4], [0, 5.6]], { color: "var(--live-line)", width: 1 });
      for (const j of range(5)) {
        drag.line([[0, j + 1], [state[SCORES[j]], j + 1]], { color: series(0), width: 6 });
        drag.text(6, drag.py(j + 1) + 4, name("s", j));
        levers[j](state);
        bars.line([[0, j + 1], [weights[j], j + 1]], { color: series(2), width: 18 });
        bars.text(6, bars.py(j + 1) + 4, name("a", j));
        bars.text(bars.px(weights[j]) + 5, bars.py(j + 1) + 4, show(weights[j]));
      }
      const columns = range(5).map((j) => name("β s", j));
      heat(map, jacobian, { left: 34, top: 44, size: 54, height: 38, rows: range(5).map((i) => name("a", i)), columns, color: balance, scale: 0.25, digits: 3 });

      sizes.line([[state.sharpness, 0], [state.sharpness, 0.9]], { color: "var(--live-line)", width: 1 });
      const lines = [
        [rests, rest, "all weight off the largest", { color: series(2), dash: "2 4" }, "triangle"],
        [norms, norm, "norm", { color: series(0) }, "circle"],
        [entries, largest, "largest entry", { color: series(1), dash: "7 4" }, "square"],
      ];
      lines.forEach(([curve, here, text, look, shape], i) => {
        sizes.line(SHARPNESSES.map((x, k) => [x, curve[k]]), look);
        sizes.mark(state.sharpness, here, { shape, color: look.color });
        const v = 1.2 - 0.095 * i;
        sizes.line([[3.4, v], [4.4, v]], look);
        sizes.mark(3.9, v, { shape, color: look.color, size: 4 });
        sizes.text(sizes.px(4.6), sizes.py(v) + 4, text);
      });
    });

    fig.add(
      slider(fig, { key: "sharpness", label: "Sharpness β", min: 0, max: 10, step: 0.1, digits: 2 }),
      fields(fig, { label: "Scores", entries: SCORES.map((key, j) => [key, name("s", j)]), min: -5, max: 5, step: 0.1 }),
    );
    fig.words((state, { weights, norm, largest, rest }) => {
      const scores = SCORES.map((key) => state[key]);
      const best = range(5).filter((j) => scores[j] === Math.max(...scores));
      const top = show(Math.max(...weights));
      const who =
        state.sharpness === 0 ? `All weights are ${top}.`
        : best.length > 1 ? `${best.map((j) => name("s", j)).join(" and ")} tie at the top, with weight ${top} each: no sharpness parts them.`
        : `The largest weight is ${name("a", best[0])} = ${top}, all other weight is ${small(rest, 2)}.`;
      return `${who} The Jacobian's largest entry is ${small(largest, 3)}, its norm ${small(norm, 3)}.`;
    });
    fig.rows((state, { weights, jacobian, norm, largest }) => ({
      caption: `Scores, weights, and the Jacobian's rows (norm ${small(norm, 3)}, largest entry ${small(largest, 3)})`,
      rows: [
        ["", "score", "weight", ...range(5).map((j) => `by ${name("β s", j)}`)],
        ...range(5).map((j) => [`${j + 1}`, state[SCORES[j]], weights[j], ...jacobian[j]]),
      ],
    }));
    return fig.begin();
  },
};
