import { balance, chart, choice, css, figure, heat, inkOn, matmul, range, series, show, slider, softmax, sum, toggle, transpose } from "./kit.js";

const SENTENCE = ["the", "dog", "bit", "the", "man"];
const ANGLES = { the: 0, dog: 60, bit: 120, man: 200 };
const STEP = 36;
const HEADS = range(3);

// The matrix that turns a row vector of the plane counterclockwise.
function turned(degrees) {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [[c, s], [-s, c]];
}
const times = (factor) => [[factor, 0], [0, factor]];
const NONE = times(0);

// Tokens (5, 4): the word in the first two columns, the position in the others. Projections (3, 4, 2).
const TOKENS = SENTENCE.map((word, t) => [...turned(ANGLES[word])[0], ...turned(STEP * t)[0]]);
const W_Q = [[...NONE, ...times(28)], [...times(14), ...NONE], [...NONE, ...NONE]];
const W_K = [[...NONE, ...turned(STEP)], [...times(1), ...NONE], [...NONE, ...NONE]];
const W_V = [...times(1), ...NONE];

export function compute({ query, head_1, head_2, head_3, turn }) {
  const counts = [head_1, head_2, head_3];
  const blocks = [turned(turn), times(1), times(-2)];
  const weights = HEADS.map((h) => {
    const [scores] = matmul(matmul([TOKENS[query]], W_Q[h]), transpose(matmul(TOKENS, W_K[h])));
    return softmax(scores.map((s) => s / Math.SQRT2));
  });
  const heads = matmul(weights, matmul(TOKENS, W_V));
  const written = HEADS.map((h) => (counts[h] ? matmul([heads[h]], blocks[h])[0] : [0, 0]));
  return { weights, heads, blocks, written, output: transpose(written).map(sum) };
}

const ROLES = ["1 previous", "2 same", "3 even"];
const DASHES = [null, "7 3", "2 3"];
const quoted = (t) => `“${SENTENCE[t]}”`;
// A word that stands twice is told by its place.
const twice = (t) => SENTENCE.indexOf(SENTENCE[t]) !== SENTENCE.lastIndexOf(SENTENCE[t]);
const named = (t) => (twice(t) ? `${quoted(t)} (word ${t + 1})` : quoted(t));
const add = (a, b) => a.map((x, i) => x + b[i]);
const point = ([x, y]) => `(${show(x)}, ${show(y)})`;

export default {
  render({ model, el, signal, share }) {
    const keys = ["query", "head_1", "head_2", "head_3", "turn"];
    const fig = figure({ model, el, signal, share }, { label: "Three heads: where each looks, and how their outputs add up", keys, compute });
    const bare = { x: [0, 1], y: [0, 1], ticks: false, margin: { left: 0, right: 0, bottom: 0 } };
    const maps = chart(fig, { label: "The weights of each head on the five words", title: "Where each head looks", height: 150, ...bare });
    const plane = chart(fig, { label: "What each head writes, as arrows laid end to end, and the output", title: "What is written, end to end", height: 332, x: [-2.5, 2.1], y: [-2.3, 2.3], margin: { left: 30, right: 8, top: 26, bottom: 24 } });
    const work = chart(fig, { label: "The output of each head times its block of W_O", title: "Head output × its block of W_O", height: 200, ...bare });
    for (const c of [maps, work]) c.root.querySelector(".live-axis").remove();
    plane.root.style.gridRow = "span 2"; // beside the two others where there are two columns
    const cellOf = (value, x, y, width, height) => {
      const rgb = balance(value / 2);
      work.put("rect", { x, y, width: width - 1, height: height - 1, fill: css(rgb), stroke: "var(--live-line)", "stroke-width": 0.5 });
      work.text(x + width / 2, y + height / 2 + 3.5, show(value), { "text-anchor": "middle", class: "live-small", style: `fill:${inkOn(rgb)}` });
    };

    fig.onDraw((state, { weights, heads, blocks, written, output }) => {
      const on = [state.head_1, state.head_2, state.head_3];

      maps.clear();
      SENTENCE.forEach((word, t) => {
        const asks = t === state.query;
        maps.text(104 + 42 * t, 42, word, { "text-anchor": "middle", class: asks ? "live-strong" : null, style: "cursor:pointer", onclick: () => fig.set({ query: t }) });
        if (asks) maps.put("path", { d: `M${84 + 42 * t},48h40`, stroke: "var(--live-ink)", "stroke-width": 3 });
      });
      heat(maps, weights, { left: 83, top: 54, size: 42, height: 30, rows: ROLES, digits: 2 });
      HEADS.forEach((h) => {
        if (!on[h]) maps.put("rect", { x: 83, y: 54 + 30 * h, width: 209, height: 29, fill: "var(--live-paper)", "fill-opacity": 0.9 });
        if (!on[h]) maps.text(188, 54 + 30 * h + 19, "switched off", { "text-anchor": "middle", class: "live-strong" });
      });

      plane.clear();
      plane.line([[plane.x[0], 0], [plane.x[1], 0]], { color: "var(--live-line)", width: 0.7 });
      plane.line([[0, plane.y[0]], [0, plane.y[1]]], { color: "var(--live-line)", width: 0.7 });
      const stops = [[0, 0]];
      for (const h of HEADS.filter((i) => on[i])) stops.push(add(stops[stops.length - 1], written[h]));
      const middle = [0, 1].map((i) => sum(stops.map((stop) => stop[i])) / stops.length);
      // A name stands beside the middle of its arrow, on the outer side.
      const name = (from, to, words, color) => {
        const [u, v] = [plane.px(to[0]) - plane.px(from[0]), plane.py(to[1]) - plane.py(from[1])];
        const [x, y] = [(plane.px(from[0]) + plane.px(to[0])) / 2, (plane.py(from[1]) + plane.py(to[1])) / 2];
        const side = (u * (plane.py(middle[1]) - y) - v * (plane.px(middle[0]) - x) > 1e-6 ? 14 : -14) / Math.max(Math.hypot(u, v), 1);
        const anchor = words.length === 1 || Math.abs(side * v) < 4 ? "middle" : side * v > 0 ? "start" : "end";
        plane.text(x + side * v, y - side * u + 4, words, { "text-anchor": anchor, class: "live-strong", style: `fill:${color}` });
      };
      const size = Math.hypot(...output);
      if (size > 0.01) plane.arrow([0, 0], output, { color: "var(--live-ink)", width: 4 });
      HEADS.filter((h) => on[h]).forEach((h, i) => {
        const [from, to] = [stops[i], stops[i + 1]];
        const tip = Math.min(1, 0.14 / Math.max(Math.hypot(...written[h]), 0.01));
        const near = add(to, written[h].map((x) => -tip * x));
        plane.line([from, near], { color: series(h), width: 2.4, dash: DASHES[h] });
        plane.arrow(near, to, { color: series(h), width: 1 });
        name(from, to, `${h + 1}`, series(h));
      });
      plane.mark(0, 0, { size: 3, color: "var(--live-ink)" });
      if (size > 0.01) name(output, [0, 0], "output", "var(--live-ink)");
      else plane.text(plane.px(0) + 8, plane.py(0) + 18, "output 0", { class: "live-strong" });

      work.clear();
      HEADS.forEach((h) => {
        const y = 28 + 44 * h;
        work.text(2, y + 24, `${h + 1}`, { style: on[h] ? `fill:${series(h)}` : null, class: "live-strong" });
        heads[h].forEach((value, i) => cellOf(value, 16 + 42 * i, y + 10, 42, 20));
        work.text(108, y + 24, "×", { "text-anchor": "middle" });
        blocks[h].forEach((row, i) => row.forEach((value, j) => cellOf(value, 116 + 42 * j, y + 20 * i, 42, 20)));
        work.text(208, y + 24, "=", { "text-anchor": "middle" });
        if (on[h]) written[h].forEach((value, i) => cellOf(value, 216 + 42 * i, y + 10, 42, 20));
        else work.text(258, y + 24, "off", { "text-anchor": "middle", class: "live-strong" });
      });
      work.put("path", { d: "M216,160h84", stroke: "var(--live-ink)" });
      work.text(208, 182, "sum = output", { "text-anchor": "end", class: "live-strong" });
      output.forEach((value, i) => cellOf(value, 216 + 42 * i, 168, 42, 20));
    });

    fig.add(
      choice(fig, { key: "query", label: "Who asks?", options: SENTENCE.map((word, t) => [t, twice(t) ? `${word} (${t + 1})` : word]) }),
      ...HEADS.map((h) => toggle(fig, { key: `head_${h + 1}`, label: `head ${h + 1}` })),
      slider(fig, { key: "turn", label: "Head 1 turns (°)", min: -180, max: 180, step: 5, digits: 0 }),
    );
    fig.words((state, { weights, written, output }) => {
      const on = HEADS.filter((h) => state[`head_${h + 1}`]);
      if (!on.length) return "All heads are off. Nothing is written, and the output is zero.";
      const seen = (h) => {
        const top = Math.max(...weights[h]);
        const most = range(5).filter((t) => weights[h][t] > 0.9 * top);
        return most.length === 5 ? "all five words alike" : most.length > 1 ? `both ${quoted(most[0])}` : named(most[0]);
      };
      const looks = on.map((h) => `head ${h + 1} looks at ${seen(h)} and writes ${point(written[h])}`).join("; ");
      return `${named(state.query)} asks: ${looks}. ${on.length > 1 ? "Added" : "Alone"}, this is the output ${point(output)}.`;
    });
    fig.rows((state, { weights, heads, written, output }) => ({
      caption: `The heads for ${quoted(state.query)}, word ${state.query + 1}: weights, output, and what is written through W_O`,
      rows: [
        ["", ...HEADS.map((h) => `head ${h + 1}`), "output"],
        ...SENTENCE.map((word, t) => [`weight on ${word} (${t + 1})`, ...weights.map((row) => row[t]), ""]),
        ...["across", "up"].map((way, i) => [`head output, ${way}`, ...heads.map((row) => row[i]), ""]),
        ...["across", "up"].map((way, i) => [`written, ${way}`, ...written.map((row) => row[i]), output[i]]),
      ],
    }));
    return fig.begin();
  },
};
