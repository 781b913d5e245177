import { balance, button, chart, clamp, css, figure, matmul, movable, normals, range, series, show, slider, softmax, svg, transpose } from "./kit.js";

const SENTENCE = ["the", "dog", "bit", "the", "man"];
const NAMES = ["the (1)", "dog", "bit", "the (4)", "man"]; // a word that stands twice is told by its place
const KINDS = ["the", "dog", "bit", "man"];
const WIDTH = 8;
const PLACES = range(5);
const STRENGTHS = range(31).map((i) => i * 0.05);

// Words (4, 8), the three matrices (8, 8) each and positions (5, 8): the same for every order.
const table = (numbers) => range(numbers.length / WIDTH).map((i) => numbers.slice(WIDTH * i, WIDTH * (i + 1)));
const VECTORS = table(normals(19, KINDS.length * WIDTH));
const drawn = table(normals(20, 3 * WIDTH * WIDTH).map((x) => x / Math.sqrt(WIDTH)));
const [W_Q, W_K, W_V] = range(3).map((i) => drawn.slice(WIDTH * i, WIDTH * (i + 1)));
const POSITIONS = PLACES.map((t) => range(WIDTH).map((c) => (c % 2 ? Math.cos : Math.sin)(t * 10000 ** (-(c - (c % 2)) / WIDTH))));

function outputs(order, strength) {
  const tokens = order.map((i, t) => VECTORS[KINDS.indexOf(SENTENCE[i])].map((x, c) => x + strength * POSITIONS[t][c]));
  const scores = matmul(matmul(tokens, W_Q), transpose(matmul(tokens, W_K)));
  return matmul(scores.map((row) => softmax(row.map((s) => s / Math.sqrt(WIDTH)))), matmul(tokens, W_V));
}
const gap = (a, b) => Math.max(...a.map((x, c) => Math.abs(x - b[c])));

// How far the output of each word is from the same word's in the original order.
function changes(order, now, before) {
  return order.map((i, t) => gap(now[t], before[i]));
}

export function compute({ order, strength }) {
  const [now, before] = [outputs(order, strength), outputs(PLACES, strength)];
  return {
    before,
    now,
    change: changes(order, now, before),
    twins: gap(now[order.indexOf(0)], now[order.indexOf(3)]),
    curve: STRENGTHS.map((s) => Math.max(...changes(order, outputs(order, s), outputs(PLACES, s)))),
  };
}

const SMALL = 1e-9; // less than this is rounding
const measured = (x, less) => (x < SMALL || x >= 0.005 ? show(x) : `${less}0.01`);
const ordered = (order) => order.length === 5 && PLACES.every((i) => order.includes(i));
const moved = (order, from, to) => {
  const rest = order.filter((_, t) => t !== from);
  return [...rest.slice(0, to), order[from], ...rest.slice(to)];
};
const sentence = (order) => order.map((i) => SENTENCE[i]).join(" ");

// Where things stand: columns of the words, and the rows of the picture from top to bottom.
const COLUMN = 60;
const across = (t) => 47 + COLUMN * t;
const CELL = { width: 46, height: 11 };
const TOP = { words: 40, cells: 48, end: 136 };
const NOW = { chip: 204, cells: 226, end: 314 };
const CHIP = { x: -28, y: -15, width: 56, height: 30, rx: 6 };

export default {
  render({ model, el, signal, share }) {
    const fig = figure({ model, el, signal, share }, { label: "Permutation: a sentence to reorder, and the outputs of its words", keys: ["order", "strength"], compute });
    fig.limit("order", (order) => (ordered(order) ? order : fig.start.order));
    const bare = { x: [0, 1], y: [0, 1], ticks: false, margin: { left: 0, right: 0, bottom: 0 } };
    const rows = chart(fig, { label: "The words and their outputs: above in the original order, below as they stand now", title: "Original order above, yours to drag below", height: 354, ...bare });
    const curve = chart(fig, { label: "The largest change of an output against the strength of positions", title: "Largest change of an output", height: 354, x: [-0.05, 1.5], y: [-0.08, 2.2], xLabel: "strength of positions", margin: { left: 34 } });

    rows.root.querySelector(".live-axis").remove();

    // One chip for each word: drag it along the sentence, or move it with the arrow keys.
    let held = null; // { word, from, start, offset }: the chip under the pointer
    const chips = SENTENCE.map((_, i) => {
      const node = svg("g", {},
        svg("rect", { ...CHIP, fill: "var(--live-paper)" }),
        svg("rect", { ...CHIP, class: "live-halo" }),
        svg("text", { y: 4, "text-anchor": "middle", class: "live-strong" }, NAMES[i]),
      );
      const stand = (t) => node.setAttribute("transform", `translate(${clamp(across(t) + (held?.word === i ? held.offset : 0), 29, 291)},${NOW.chip})`);
      const place = () => fig.get().order.indexOf(i);
      const put = (to) => {
        const order = fig.get().order;
        if (order[to] !== i) fig.set({ order: moved(order, order.indexOf(i), to) });
      };
      const tell = movable(rows, node, {
        label: `Word “${NAMES[i]}”`, min: 1, max: 5,
        grab: ([x]) => (held = { word: i, from: place(), start: x, offset: 0 }),
        drag: ([x]) => {
          if (held?.word !== i) return;
          const way = (x - held.start) * rows.width;
          // A word moves on once it is a good third of a column past its place.
          const to = clamp(held.from + Math.sign(way) * Math.floor(Math.abs(way) / COLUMN + 0.65), 0, 4);
          held.offset = way - COLUMN * (to - held.from);
          put(to);
          stand(to);
        },
        drop: () => { held = null; stand(place()); },
        press: ([along, up]) => {
          const way = along + up;
          put(Number.isFinite(way) ? (place() + 5 + Math.sign(way)) % 5 : way < 0 ? 0 : 4);
        },
      });
      return (order) => {
        const at = order.indexOf(i);
        stand(at);
        tell(at + 1, `place ${at + 1} of 5: ${sentence(order)}`);
      };
    });

    const column = (output, t, top) => output.forEach((value, c) => {
      rows.put("rect", { x: across(t) - CELL.width / 2, y: top + CELL.height * c, width: CELL.width, height: CELL.height - 1, fill: css(balance(value / 2.5)), stroke: "var(--live-line)", "stroke-width": 0.5 });
    });
    fig.onDraw(({ order, strength }, { before, now, change, curve: sizes }) => {
      rows.clear();
      order.forEach((i, t) => {
        const same = change[t] < SMALL;
        rows.text(across(i), TOP.words, NAMES[i], { "text-anchor": "middle" });
        column(before[i], i, TOP.cells);
        rows.put("path", { d: `M${across(i)},${TOP.end + 2}C${across(i)},${TOP.end + 34} ${across(t)},${NOW.chip - 48} ${across(t)},${NOW.chip - 16}`, fill: "none", stroke: series(i), "stroke-width": 2, "stroke-dasharray": same ? null : "4 4" });
        column(now[t], t, NOW.cells);
        rows.text(across(t), NOW.end + 16, `${same ? "=" : "≠"} ${measured(change[t], "<")}`, { "text-anchor": "middle", class: same ? null : "live-strong" });
      });
      for (const top of [TOP.cells, NOW.cells]) rows.text(0, 0, "output", { transform: `translate(12,${top + 4 * CELL.height}) rotate(-90)`, "text-anchor": "middle" });
      rows.text(167, NOW.end + 34, "largest change of one of the 8 numbers", { "text-anchor": "middle" });
      chips.forEach((chip) => chip(order));

      const top = Math.max(...change);
      curve.clear();
      curve.line(STRENGTHS.map((s, k) => [s, sizes[k]]), { color: series(0) });
      curve.line([[strength, 0], [strength, top]], { color: "var(--live-line)", dash: "3 3" });
      curve.mark(strength, top, { shape: "diamond", color: "var(--live-ink)" });
      const left = strength > 0.3; // above the curve, which rises to the right
      curve.text(curve.px(strength) + (left ? -8 : 4), curve.py(top) - (left ? 10 : 30), measured(top, "<"), { "text-anchor": left ? "end" : "start", class: "live-strong" });
    });

    fig.add(
      slider(fig, { key: "strength", label: "Position strength", min: 0, max: 1.5, step: 0.05 }),
      button("Original order", () => fig.set({ order: PLACES })),
      button("Exchange dog and man", () => fig.set({ order: fig.get().order.map((i) => ({ 1: 4, 4: 1 })[i] ?? i) })),
    );
    fig.words(({ order, strength }, { change, twins }) => {
      const top = Math.max(...change);
      const most = change.indexOf(top);
      if (order.every((i, t) => i === t)) return `“${sentence(order)}” is the original order, so nothing has changed. Move a word.`;
      if (top < SMALL) return `“${sentence(order)}”: no output has changed${strength ? "" : ", and the two “the” have equal outputs"}. Each word took its output along: without positions this layer does not know the order.`;
      if (sentence(order) === sentence(PLACES)) return `Only the two “the” have changed places. The sentence reads the same, and place by place so do the outputs; each “the” now has the output of the other, ${measured(twins, "less than ")} away.`;
      return `“${sentence(order)}”: now the order counts. The output of “${NAMES[order[most]]}” has changed most, by ${measured(top, "less than ")} in one of its numbers; the two “the” differ by ${measured(twins, "less than ")}.`;
    });
    fig.rows(({ order }, { now, before, change }) => ({
      caption: "Each word where it stands now: its output, and the largest change of a number against the original order",
      rows: [
        ["", "place before", "change", ...range(WIDTH).map((c) => `number ${c + 1}`)],
        ...order.map((i, t) => [`${t + 1} ${NAMES[i]}`, String(i + 1), change[t], ...now[t]]),
        ...order.map((i) => [`before: ${NAMES[i]}`, String(i + 1), "", ...before[i]]),
      ],
    }));
    return fig.begin();
  },
};
