import { balance, chart, choice, dot, figure, grip, range, raster, series, show, slider } from "./kit.js";

const ROWS = 128;
const FAR = 64;

// (128, width): sine and cosine of each pair side by side.
function positions(width, base) {
  const omegas = range(width / 2).map((i) => base ** ((-2 * i) / width));
  return range(ROWS).map((t) => omegas.flatMap((omega) => [Math.sin(omega * t), Math.cos(omega * t)]));
}

export function compute({ position, distance, width, base }) {
  const matrix = positions(width, base);
  const [first, second] = [matrix[position], matrix[position + distance]];
  const parts = range(width / 2).map((i) => first[2 * i] * second[2 * i] + first[2 * i + 1] * second[2 * i + 1]);
  return { matrix, parts, product: dot(first, second), curve: range(FAR + 1).map((d) => dot(first, matrix[position + d])) };
}

const [FIRST, SECOND] = [series(0), series(1)];
const rises = (curve, d) => d > 0 && curve[d] > curve[d - 1] + 1e-9;

// The stretches of distances along which the curve rises.
function risings(curve) {
  const runs = [];
  for (const d of range(FAR + 1)) {
    if (!rises(curve, d)) continue;
    if (runs.at(-1)?.at(-1) === d - 1) runs.at(-1).push(d);
    else runs.push([d - 1, d]);
  }
  return runs;
}

// 257 steps of the color map, so that a matrix is painted within a frame.
const SHADES = range(257).map((i) => balance(i / 128 - 1));
const shade = (value) => SHADES[Math.round(128 * (value + 1))];

export default {
  render({ model, el, signal, share }) {
    const keys = ["position", "distance", "width", "base"];
    const fig = figure({ model, el, signal, share }, { label: "Sinusoidal positions: two rows and their dot product", keys, compute });
    const box = { left: 60, top: 26, width: 190, height: 200 };
    const table = chart(fig, { label: "The position matrix with two rows to drag", title: "Position vectors, a row each", height: 346, x: [0, 1], y: [ROWS, 0], ticks: false, margin: { left: box.left, top: box.top, right: 320 - box.left - box.width, bottom: 346 - box.top - box.height } });
    const graph = chart(fig, { label: "Dot product against distance", title: "Dot product against distance", height: 190, x: [0, FAR], y: [0, 1], xLabel: "distance; thick where it rises", margin: { left: 40 } });
    const bars = chart(fig, { label: "What each pair adds to the dot product", title: "What each pair adds", height: 132, x: [0, 1], y: [-1, 1], ticks: "y", xLabel: "pairs, fast to slow", margin: { left: 40, bottom: 24 } });
    table.root.style.gridRow = "span 2"; // beside the other two
    table.root.querySelector(".live-axis").remove();

    const rowAt = (t) => table.py(t + 0.5);
    const grips = [
      grip(fig, table, { key: "position", label: "Position t of the first row, up is toward 0", min: 0, max: 63, up: -1, color: FIRST, place: (s) => [box.left - 16, rowAt(s.position)], read: ([, v]) => v - 0.5 }),
      grip(fig, table, { key: "distance", label: "Distance of the second row, up is toward 0", min: 0, max: FAR, up: -1, color: SECOND, place: (s) => [box.left + box.width + 16, rowAt(s.position + s.distance)], read: ([, v], s) => v - 0.5 - s.position, say: (s) => `${s.distance}, at ${s.position + s.distance}` }),
    ];

    let picture = null; // the matrix as an image, kept while width and base stay
    let pictured = "";
    fig.onDraw((state, { matrix, parts, product, curve }) => {
      const { position: t, distance, width, base } = state;
      const other = t + distance;

      table.clear();
      if (pictured === `${width} ${base}`) table.layer.append(picture);
      else {
        raster(table, matrix, { x: box.left, y: box.top, width: box.width, height: box.height, color: shade });
        [picture, pictured] = [table.layer.lastChild, `${width} ${base}`];
      }
      [[t, FIRST, null], [other, SECOND, "6 4"]].forEach(([row, color, dash], i) => {
        const y = rowAt(row);
        for (const [stroke, w] of [["var(--live-paper)", 5], [color, 2.5]]) table.put("line", { x1: box.left - 4, x2: box.left + box.width + 4, y1: y, y2: y, stroke, "stroke-width": w, "stroke-dasharray": w < 5 ? dash : null });
        table.text(i ? 285 : 26, y + 4, i ? `t′ ${row}` : `t ${row}`, { "text-anchor": i ? "start" : "end" });
        const top = 248 + 30 * i;
        raster(table, [matrix[row]], { x: box.left, y: top, width: box.width, height: 20, color: shade });
        table.put("rect", { x: box.left - 1.5, y: top - 1.5, width: box.width + 3, height: 23, fill: "none", stroke: color, "stroke-width": 2, "stroke-dasharray": dash });
        table.text(box.left - 8, top + 14, `row ${row}`, { "text-anchor": "end" });
      });
      table.text(box.left, 322, "0");
      table.text(box.left + box.width / 2, 322, "channel", { "text-anchor": "middle" });
      table.text(box.left + box.width, 322, String(width - 1), { "text-anchor": "end" });
      table.text(box.left + box.width / 2, 342, "orange −1, white 0, blue 1", { "text-anchor": "middle" });
      grips.forEach((draw) => draw(state));

      const low = Math.min(0, ...curve);
      graph.axes([0, FAR], [low < 0 ? -width / 3 : 0, (width / 2) * 1.3]);
      graph.clear();
      graph.put("line", { x1: graph.px(0), x2: graph.px(FAR), y1: graph.py(0), y2: graph.py(0), class: "live-axis" });
      graph.line(curve.map((v, d) => [d, v]), { color: series(2) });
      for (const run of risings(curve)) graph.line(run.map((d) => [d, curve[d]]), { color: series(2), width: 5 });
      graph.put("line", { x1: graph.px(distance), x2: graph.px(distance), y1: 27, y2: graph.height - 40, stroke: "var(--live-ink)", "stroke-dasharray": "2 3" });
      graph.mark(distance, product, { shape: "diamond", size: 6, color: "var(--live-ink)" });
      const end = distance > FAR / 2;
      graph.text(graph.px(distance) + (end ? -6 : 6), 37, show(product), { class: "live-strong", "text-anchor": end ? "end" : "start" });

      bars.axes([0, width / 2], [-1, 1]);
      bars.clear();
      bars.put("line", { x1: bars.px(0), x2: bars.px(width / 2), y1: bars.py(0), y2: bars.py(0), class: "live-axis" });
      bars.text(308, 13, `sum ${show(product)}`, { class: "live-strong", "text-anchor": "end" });
      const gap = width > 64 ? 0.1 : 0.15;
      parts.forEach((part, i) => bars.bar(i + gap, i + 1 - gap, part, { color: series(2) }));
    });

    fig.add(
      slider(fig, { key: "position", label: "Position t", min: 0, max: 63, step: 1, digits: 0 }),
      slider(fig, { key: "distance", label: "Distance", min: 0, max: FAR, step: 1, digits: 0 }),
      slider(fig, { key: "width", label: "Width", values: range(61).map((i) => 8 + 2 * i), digits: 0 }),
      choice(fig, { key: "base", label: "Base", options: [[100, "100"], [10000, "10,000"]] }),
    );
    fig.words(({ position: t, distance, width }, { product, curve }) => {
      const again = range(FAR + 1).find((d) => rises(curve, d));
      const pair = distance ? `Rows ${t} and ${t + distance} have the dot product ${show(product)}; at distance 0 it is ${width / 2}.` : `Row ${t} has the dot product ${show(product)} with itself, half the width.`;
      const still = `Move t: ${distance ? "both rows change" : "the row changes"}, this number does not; it belongs to the distance ${distance}.`;
      return `${pair} ${still} As the distance grows, it does not only fall: from distance ${again - 1} to ${again} it rises.`; // at every width and base
    });
    fig.rows(({ distance }, { curve, product }) => ({
      caption: "Dot product against distance",
      rows: [["distance", "dot product"], ...[0, 1, 2, 4, 8, 16, 32, 48, 64].map((d) => [String(d), curve[d]]), [`${distance} (chosen)`, product]],
    }));
    return fig.begin();
  },
};
