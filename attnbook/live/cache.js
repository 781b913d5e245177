import { button, chart, figure, range, series, slider, sum, toggle } from "./kit.js";

const SHOWN = 12; // tokens in the picture
const WIDTHS = [4, 8, 16, 32, 64, 128];
const LENGTHS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
// What a step does with a row of queries, keys or values, or with a score.
const [UNWRITTEN, NEW, READ, AGAIN, MASKED, LEFT_OUT] = range(6);

// Products of one layer of one head that reads n tokens: scores and blends, and the three projections.
const multiplyAdds = (n, rows, width) => [2 * rows * n * width, 3 * rows * width * width];

function kindOfRow(i, matrix, { tokens, cached }) {
  if (i >= tokens) return UNWRITTEN;
  if (i === tokens - 1) return NEW;
  if (!cached) return AGAIN;
  return matrix === 0 ? LEFT_OUT : READ;
}

function kindOfScore(i, j, { tokens, cached }) {
  if (Math.max(i, j) >= tokens) return UNWRITTEN;
  if (i === tokens - 1) return NEW;
  if (cached) return LEFT_OUT;
  return j > i ? MASKED : AGAIN;
}

// In pairs, the cache comes first.
export function compute(state) {
  const { tokens: n, length, width: d } = state;
  const all = (m, rows) => sum(multiplyAdds(m, rows, d));
  const text = range(length).map((i) => i + 1);
  return {
    rows: range(SHOWN).map((i) => range(3).map((matrix) => kindOfRow(i, matrix, state))),
    scores: range(SHOWN).map((i) => range(SHOWN).map((j) => kindOfScore(i, j, state))),
    work: [multiplyAdds(n, 1, d), multiplyAdds(n, n, d)],
    work_end: [multiplyAdds(length, 1, d), multiplyAdds(length, length, d)],
    work_text: [sum(text.map((m) => all(m, 1))), sum(text.map((m) => all(m, m)))],
    curves: LENGTHS.map((m) => [all(m, 1), all(m, m)]),
    kept: 2 * n * d,
    kept_end: 2 * length * d,
    kept_curve: LENGTHS.map((m) => 2 * m * d),
  };
}

const whole = (x) => x.toLocaleString("en-US", { maximumFractionDigits: 0 });
const some = (n, word) => (n === 0 ? `no ${word}s` : `${whole(n)} ${word}${n === 1 ? "" : "s"}`);

// --- the step -----------------------------------------------------------------------------------

const [LEFT, TOP, HIGH] = [24, 66, 17]; // of the first column, of the first row, of a row
const BLOCKS = [LEFT, LEFT + 40, LEFT + 80]; // where Q, K and V begin
const [WIDE, SCORES, CELL] = [34, LEFT + 122, 14]; // of a row, where the scores begin, of a score

const box = (x, y, w, h) => `M${x},${y}h${w}v${h}h${-w}Z`;
// Lines at 45 degrees inside a box.
const slanted = (x, y, w, h) => range(Math.floor((w + h) / 5)).map((i) => {
  const c = 5 * i + 3.5;
  return `M${x + Math.max(0, c - h)},${y + Math.min(c, h)}L${x + Math.min(c, w)},${y + Math.max(0, c - w)}`;
}).join("");
const shelves = (x, y, w, h) => [0.33, 0.67].map((part) => `M${x},${(y + part * h).toFixed(2)}h${w}`).join("");
const crossed = (x, y, w, h) => `M${x + w / 2 - 3},${y + h / 2 - 3}l6,6m0,-6l-6,6`;

// Kinds differ by their pattern and their outline, and by color.
const LOOKS = {
  [NEW]: { fill: "var(--live-ink)", stroke: "var(--live-ink)" },
  [READ]: { fill: "none", stroke: series(0), lines: shelves },
  [AGAIN]: { fill: "none", stroke: series(1), lines: slanted },
  [MASKED]: { fill: "none", stroke: series(1), lines: crossed, dash: "2 2" },
  [LEFT_OUT]: { fill: "var(--live-blank)", stroke: "var(--live-blank)" },
};

function drawCells(c, kind, boxes) {
  const { fill, stroke, lines, dash } = LOOKS[kind];
  if (!boxes.length) return;
  c.put("path", { d: boxes.map((b) => box(...b)).join(""), fill, stroke, "stroke-dasharray": dash });
  if (lines) c.put("path", { d: boxes.map((b) => lines(...b)).join(""), fill: "none", stroke, "stroke-width": 1.2 });
}

const tally = ({ tokens: n, cached }) => [
  [NEW, `computed new: 3 rows, ${some(n, "score")}`],
  [READ, cached && n > 1 ? `read from cache: ${some(n - 1, "key")}, ${some(n - 1, "value")}` : "read from cache: nothing"],
  [AGAIN, !cached && n > 1 ? `computed again: ${3 * (n - 1)} rows, ${some((n * (n - 1)) / 2, "score")}` : "computed again: nothing"],
  [MASKED, !cached && n > 1 ? `computed, then masked: ${some((n * (n - 1)) / 2, "score")}` : "computed, then masked: nothing"],
  [LEFT_OUT, cached && n > 1 ? `left out: ${n === 2 ? "1 query" : `${n - 1} queries`}, ${some(n * (n - 1), "score")}` : "left out: nothing"],
];

function drawStep(c, state, { rows, scores }) {
  const { tokens: n, cached } = state;
  const middle = (x, y, words, look = {}) => c.text(x, y, words, { "text-anchor": "middle", ...look });
  c.clear();
  c.text(0, 13, `Token ${n} joins, ${cached ? "with the cache" : "without a cache"}`, { class: "live-strong" });
  const y0 = (i) => TOP + HIGH * i;
  // Empty frames, in which the text has room to grow.
  c.put("path", { d: [...BLOCKS.map((x) => box(x - 2, TOP - 2, WIDE + 4, HIGH * SHOWN + 2)), box(SCORES - 2, TOP - 2, CELL * SHOWN + 2, HIGH * SHOWN + 2)].join(""), fill: "none", stroke: "var(--live-blank)" });
  const boxes = range(6).map(() => []);
  rows.forEach((row, i) => row.forEach((kind, matrix) => boxes[kind].push([BLOCKS[matrix], y0(i), WIDE, HIGH - 3])));
  scores.forEach((row, i) => row.forEach((kind, j) => boxes[kind].push([SCORES + CELL * j, y0(i), CELL - 2, HIGH - 3])));
  for (const kind of [LEFT_OUT, AGAIN, MASKED, READ, NEW]) drawCells(c, kind, boxes[kind]);
  range(n).forEach((i) => c.text(LEFT - 6, y0(i) + 11, `${i + 1}`, { "text-anchor": "end", class: i === n - 1 ? "live-strong" : null }));
  ["Q", "K", "V"].forEach((word, i) => middle(BLOCKS[i] + WIDE / 2, TOP - 8, word));
  c.text(SCORES, 34, "scores with key");
  for (const j of new Set([0, n - 1])) middle(SCORES + CELL * (j + 0.5) - 1, TOP - 8, `${j + 1}`, { class: j === n - 1 ? "live-strong" : null });
  if (n > 2) middle(SCORES + (CELL * n) / 2 - 1, TOP - 8, "…");
  if (cached) {
    c.put("rect", { x: BLOCKS[1] - 3.5, y: TOP - 3.5, width: 2 * 40 + 1, height: HIGH * n + 4, rx: 3, fill: "none", stroke: series(0), "stroke-width": 2 });
    middle(BLOCKS[2] - 3, 34, "the cache", { class: "live-strong", style: `fill:${series(0)}` });
  } else middle(BLOCKS[2] - 3, 34, "no cache", { style: `fill:${series(1)}`, class: "live-strong" });
  tally(state).forEach(([kind, words], i) => {
    const y = TOP + HIGH * SHOWN + 12 + 18 * i;
    drawCells(c, kind, [[LEFT, y, 22, 12]]);
    c.text(LEFT + 30, y + 10.5, words);
  });
}

// --- counts against n ---------------------------------------------------------------------------

const octave = Math.log2;
const decade = Math.log10;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// Both axes are logarithmic: a step to the right doubles n.
function scale(c, { tokens, length }, least, most) {
  c.clear();
  c.axes([0, 9], [Math.floor(decade(least)), Math.ceil(decade(most))]);
  const [low, high] = c.y;
  for (const n of [1, 8, 64, 512]) {
    c.put("path", { d: `M${c.px(octave(n))},${c.py(low)}v4`, class: "live-axis" });
    c.text(c.px(octave(n)), c.py(low) + 16, `${n}`, { "text-anchor": "middle" });
  }
  c.text((c.px(0) + c.px(9)) / 2, c.height - 4, `token n; marks at n = ${tokens} and N = ${length}`, { "text-anchor": "middle" });
  const gap = high - low > 4 ? 2 : 1;
  for (let power = low; power <= high; power += gap) {
    c.put("path", { d: `M${c.px(0)},${c.py(power)}h-4`, class: "live-axis" });
    c.text(c.px(0) - 7, c.py(power) + 4, `10${SUPERSCRIPTS[power]}`, { "text-anchor": "end" });
  }
}

const lineOf = (c, counts, look) => c.line(LENGTHS.map((n, i) => [octave(n), decade(counts[i])]), look);
const upright = (c, n, from, to) => c.line([[octave(n), decade(from)], [octave(n), decade(to)]], { color: "var(--live-quiet)", width: 1.2, dash: "2 3" });
const endName = (c, count, words, color) => c.text(c.px(9) + 10, c.py(decade(count)) + 4, words, { style: `fill:${color}` });

function drawWork(c, state, { curves, work, work_end }) {
  const { tokens: n, length, cached } = state;
  scale(c, state, curves[0][0], curves.at(-1)[1]);
  const [now, end] = [work.map(sum), work_end.map(sum)];
  upright(c, n, ...now);
  upright(c, length, ...end);
  [0, 1].forEach((way) => {
    const look = { color: series(way), dash: [null, "7 4"][way] };
    const counts = curves.map((pair) => pair[way]);
    lineOf(c, counts, look);
    endName(c, counts.at(-1), ["cache", "without"][way], series(way));
  });
  [1, 0].forEach((way) => {
    const chosen = cached === (way === 0);
    for (const [m, counts] of [[length, end], [n, now]]) {
      c.mark(octave(m), decade(counts[way]), { shape: ["circle", "square"][way], color: series(way), fill: chosen ? series(way) : "var(--live-paper)" });
    }
  });
  c.text(c.px(octave(n)) + (n === 1 ? 3 : 0), c.py(decade(now[1])) - 11, `${n} ×`, { "text-anchor": n === 1 ? "start" : "end", class: "live-strong" });
  if (length !== n) c.text(c.px(octave(length)) + 6, (c.py(decade(end[0])) + c.py(decade(end[1]))) / 2 + 4, `${length} ×`, { class: "live-strong" });
}

function drawKept(c, state, { kept, kept_end, kept_curve }) {
  const { tokens: n, length, cached } = state;
  scale(c, state, kept_curve[0], kept_curve.at(-1));
  const low = 10 ** c.y[0];
  upright(c, n, low, kept);
  upright(c, length, low, kept_end);
  lineOf(c, kept_curve, { color: series(0) });
  endName(c, kept_curve.at(-1), "cache", series(0));
  ["without:", "0"].forEach((word, i) => c.text(c.px(9) + 10, c.py(c.y[0]) - 12 + 14 * i, word, { style: `fill:${series(1)}` })); // a logarithm has no place for 0
  for (const [m, count] of [[length, kept_end], [n, kept]]) c.mark(octave(m), decade(count), { color: series(0), fill: cached ? series(0) : "var(--live-paper)" });
  const early = n < 4;
  c.text(c.px(octave(n)) + (early ? 2 : 0), c.py(decade(kept)) - 10, whole(kept), { "text-anchor": early ? "start" : "end", class: "live-strong" });
  const [beside, below, anchor] = length > 128 ? [-8, -8, "end"] : [5, 16, "start"];
  if (length !== n) c.text(c.px(octave(length)) + beside, c.py(decade(kept_end)) + below, whole(kept_end), { "text-anchor": anchor, class: "live-strong" });
}

const NUMBER_BYTES = 4;

export default {
  render({ model, el, signal, share }) {
    const keys = ["tokens", "cached", "length", "width"];
    const fig = figure({ model, el, signal, share }, { label: "Cache of keys and values: what it saves and what it costs", keys, compute });
    const step = chart(fig, { label: "Rows of queries, keys and values, and the scores: what this step computes, reads and leaves out", height: 370, x: [0, 1], y: [0, 1], ticks: false });
    step.root.querySelector(".live-axis").remove();
    step.root.style.gridRow = "span 2"; // beside the two others where there are two columns
    const plot = { height: 180, x: [0, 9], y: [0, 1], ticks: false, margin: { left: 36, right: 62, top: 30, bottom: 40 } };
    const work = chart(fig, { label: "Multiply-adds for token n with and without the cache", title: "Multiply-adds for token n", ...plot });
    const memory = chart(fig, { label: "Numbers that the cache holds after token n", title: "Numbers in the cache after token n", ...plot });

    fig.onDraw((state, found) => {
      drawStep(step, state, found);
      drawWork(work, state, found);
      drawKept(memory, state, found);
    });

    const write = button("Read in the next token", () => fig.set({ tokens: (fig.get().tokens % SHOWN) + 1 }));
    fig.onDraw(({ tokens }) => (write.textContent = tokens === SHOWN ? "Begin again at token 1" : "Read in the next token"));
    fig.add(
      write,
      toggle(fig, { key: "cached", label: "keep a cache" }),
      slider(fig, { key: "tokens", label: "Tokens so far, n", min: 1, max: SHOWN, step: 1, digits: 0 }),
      slider(fig, { key: "length", label: "A longer text, N", min: SHOWN, max: 512, step: 1, digits: 0 }),
      slider(fig, { key: "width", label: "Head width, d", values: WIDTHS, digits: 0 }),
    );
    fig.words(({ tokens: n, length, width, cached }, { work: pair, kept, kept_end }) => {
      const [less, more] = pair.map(sum).map(whole);
      const saved = n === 1 ? `Token 1 takes ${less} multiply-adds with the cache or without: there is nothing to read yet.` : `Token ${n} takes ${less} multiply-adds with the cache and ${more} without, ${n} times as many.`;
      const cost = `${cached ? "The price is memory: the cache holds" : "Nothing is kept now; a cache would hold"} ${whole(kept)} numbers, ${2 * width} more with each token.`;
      return `${saved} ${cost}${length === n ? "" : ` At token ${length} it would hold ${whole(kept_end)} and save a factor of ${length} in multiply-adds.`}`;
    });
    fig.rows(({ tokens: n, length }, { work: now, work_end: end, work_text: text, kept, kept_end }) => {
      const row = (name, [less, more]) => [name, whole(less), whole(more), `${(more / less).toFixed(1)}`];
      return {
        caption: "One layer of one head: what is computed, its multiply-adds, and what its cache holds",
        rows: [
          ["count", "with the cache", "without", "ratio"],
          [`token ${n}: rows of Q, K and V computed`, "3", `${3 * n}`, `${n}.0`],
          [`token ${n}: rows of K and V read`, `${2 * (n - 1)}`, "0", ""],
          [`token ${n}: scores computed`, `${n}`, `${n * n}`, `${n}.0`],
          row(`token ${n}: scores and blends`, now.map(([scores]) => scores)),
          row(`token ${n}: projections`, now.map(([, projections]) => projections)),
          row(`token ${n}: both`, now.map(sum)),
          ...(length === n ? [] : [row(`token ${length}: both`, end.map(sum))]),
          row(`tokens 1 to ${length}: both`, text),
          ...(length === n ? [] : [[`numbers kept after token ${n}`, whole(kept), "0", ""]]),
          [`numbers kept after token ${length}`, whole(kept_end), "0", ""],
          [`their bytes, ${NUMBER_BYTES} each`, whole(NUMBER_BYTES * kept_end), "0", ""],
        ],
      };
    });
    return fig.begin();
  },
};
