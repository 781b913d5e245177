import { chart, choice, css, entropy, figure, inkOn, range, series, show, slider, sum, viridis } from "./kit.js";
import DATA from "./real_heads.json";

const [LAYERS, HEADS] = [range(6), range(12)];
const mean = (a) => sum(a) / a.length;

// The kept weights of each sentence, [layer][head][token that asks][token looked at]: one byte a weight, 255 is 1.
const WEIGHTS = DATA.weights.map((text, s) => {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const n = DATA.tokens[s].length;
  const at = (layer, head, i, j) => bytes[((layer * 12 + head) * n + i) * n + j] / 255;
  return LAYERS.map((layer) => HEADS.map((head) => range(n).map((i) => range(n).map((j) => at(layer, head, i, j)))));
});

// What holds of all heads, whichever is chosen: three tables (6, 12) for each sentence.
const ENTROPIES = WEIGHTS.map((all) => all.map((row) => row.map((map) => map.map(entropy))));
const TABLES = WEIGHTS.map((all, s) => {
  const each = (read) => all.map((row, layer) => row.map((map, head) => read(map, ENTROPIES[s][layer][head])));
  return {
    back: each((map) => mean(map.slice(1).map((row, i) => row[i]))),
    first: each((map) => mean(map.slice(1).map((row) => row[0]))),
    spread: each((map, entropies) => mean(entropies) / Math.log(map.length)),
  };
});

export function compute({ sentence, layer, head, token }) {
  const asks = Math.min(token, DATA.tokens[sentence].length - 1);
  return { asks, weights: WEIGHTS[sentence][layer][head], entropy: ENTROPIES[sentence][layer][head], ...TABLES[sentence] };
}

// The maps of all heads as one picture, a pixel a weight; made once for each sentence.
const pictures = [];
function picture(s) {
  if (pictures[s]) return pictures[s];
  const n = DATA.tokens[s].length;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [12 * n, 6 * n];
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.height);
  const colors = range(256).map((step) => viridis(step / 255));
  WEIGHTS[s].forEach((row, layer) => row.forEach((map, head) => map.forEach((weights, i) => weights.forEach((a, j) => {
    image.data.set(colors[Math.round(255 * a)], 4 * ((layer * n + i) * 12 * n + head * n + j));
    image.data[4 * ((layer * n + i) * 12 * n + head * n + j) + 3] = 255;
  }))));
  pen.putImageData(image, 0, 0);
  return (pictures[s] = canvas.toDataURL());
}

const LENSES = [["maps", "its map"], ["back", "% on the token before"], ["first", "% on the first token"], ["spread", "entropy, % of the largest"]];
const CELL = 25; // of the table of heads
const quoted = (word) => `“${word}”`;

export default {
  render({ model, el, signal, share }) {
    const keys = ["sentence", "layer", "head", "token", "table"];
    const fig = figure({ model, el, signal, share }, { label: "Seventy-two heads of a published model: where each looks", keys, compute });
    const bare = { x: [0, 1], y: [0, 1], ticks: false, margin: { left: 0, right: 0, bottom: 0 } };
    const lines = chart(fig, { label: "Lines from each token to the tokens at which the chosen head looks", title: "Asks, and looks at", height: 400, ...bare });
    const atlas = chart(fig, { label: "All heads in a table: a row for each layer, a column for each head", title: "All heads, one row a layer", height: 196, ...bare });
    const bars = chart(fig, { label: "The weights of the chosen token as bars", title: " ", height: 200, ...bare });
    for (const c of [lines, atlas, bars]) c.root.querySelector(".live-axis").remove();
    lines.root.style.gridRow = "span 2"; // beside the two others where there are two columns
    atlas.root.addEventListener("click", (event) => {
      const [u, v] = atlas.at(event);
      const [x, y] = [u * 320, 196 - v * (196 - 26)];
      const [head, layer] = [Math.floor((x - 20) / CELL), Math.floor((y - 42) / CELL)];
      if (HEADS.includes(head) && LAYERS.includes(layer)) fig.set({ layer, head });
    });
    atlas.root.style.cursor = "pointer";

    fig.onDraw((state, found) => {
      const tokens = DATA.tokens[state.sentence];
      const { asks, weights } = found;
      const n = tokens.length;

      lines.clear();
      const gap = Math.min(44, 350 / n);
      const y = (i) => 44 + gap * i;
      const ask = (token) => ({ style: "cursor:pointer", onclick: () => fig.set({ token }), onpointerenter: (event) => event.pointerType === "mouse" && fig.set({ token }) });
      const link = (i, j, chosen) => {
        if (weights[i][j] < 0.02) return;
        const color = series(chosen ? 1 : 0);
        lines.put("path", { d: `M92,${y(i)}C150,${y(i)} 170,${y(j)} 228,${y(j)}`, fill: "none", stroke: color, "stroke-width": (9 * weights[i][j]).toFixed(2), opacity: chosen ? 1 : 0.22 });
      };
      for (const i of range(n)) if (i !== asks) for (const j of range(n)) link(i, j, false);
      for (const j of range(n)) link(asks, j, true);
      tokens.forEach((token, i) => {
        const height = gap - 2;
        lines.put("rect", { x: 8, y: y(i) - height / 2, width: 82, height, rx: 4, fill: i === asks ? "var(--live-blank)" : "transparent", stroke: i === asks ? series(1) : "none", ...ask(i) });
        lines.text(84, y(i) + 4, token, { "text-anchor": "end", class: i === asks ? "live-strong" : null, ...ask(i) });
        lines.text(236, y(i) + 4, token, { class: weights[asks][i] >= 0.1 ? "live-strong" : null });
      });

      atlas.clear();
      if (state.table === "maps") atlas.put("image", { href: picture(state.sentence), x: 20, y: 42, width: 12 * CELL, height: 6 * CELL, preserveAspectRatio: "none", style: "image-rendering:pixelated" });
      else found[state.table].forEach((row, layer) => row.forEach((value, head) => {
        const rgb = viridis(value);
        atlas.put("rect", { x: 20 + CELL * head, y: 42 + CELL * layer, width: CELL, height: CELL, fill: css(rgb) });
        atlas.text(20 + CELL * (head + 0.5), 42 + CELL * (layer + 0.5) + 3.5, show(100 * value, 0), { "text-anchor": "middle", class: "live-small", style: `fill:${inkOn(rgb)}` });
      }));
      const rules = [...range(13).map((h) => `M${20 + CELL * h},42v${6 * CELL}`), ...range(7).map((l) => `M20,${42 + CELL * l}h${12 * CELL}`)].join("");
      atlas.put("path", { d: rules, stroke: "var(--live-paper)", "stroke-width": 2 });
      HEADS.forEach((h) => atlas.text(20 + CELL * (h + 0.5), 37, `${h}`, { "text-anchor": "middle", class: h === state.head ? "live-strong" : null }));
      LAYERS.forEach((l) => atlas.text(14, 42 + CELL * (l + 0.5) + 4, `${l}`, { "text-anchor": "end", class: l === state.layer ? "live-strong" : null }));
      const [left, top] = [20 + CELL * state.head, 42 + CELL * state.layer];
      atlas.put("rect", { x: left, y: top, width: CELL, height: CELL, fill: "none", stroke: "var(--live-paper)", "stroke-width": 6 });
      atlas.put("rect", { x: left, y: top, width: CELL, height: CELL, fill: "none", stroke: series(1), "stroke-width": 3 });

      bars.clear();
      bars.text(0, 13, `Where ${quoted(tokens[asks])} looks: layer ${state.layer}, head ${state.head}`, { class: "live-strong" });
      const step = 176 / Math.max(n, 9);
      weights[asks].forEach((a, j) => {
        const place = 22 + step * j;
        bars.text(72, place + step / 2 + 4, tokens[j], { "text-anchor": "end" });
        bars.put("rect", { x: 78, y: place + 1.5, width: 200 * a, height: step - 3, fill: series(1) });
        bars.text(82 + 200 * a, place + step / 2 + 4, show(a));
      });
    });

    const place = slider(fig, { key: "token", label: "Token that asks", min: 0, max: 11, step: 1, digits: 0 });
    const [bar, typed] = place.querySelectorAll("input");
    typed.addEventListener("change", () => (typed.value = Math.min(typed.value, typed.max)));
    fig.onDraw(({ sentence }, { asks }) => { // a shorter sentence has fewer places: show the one that is used
      const tokens = DATA.tokens[sentence];
      bar.max = typed.max = tokens.length - 1;
      bar.value = asks;
      if (document.activeElement !== typed || typed.value > asks) typed.value = asks;
      bar.setAttribute("aria-valuetext", `${asks}, ${quoted(tokens[asks])}`);
    });

    fig.add(
      choice(fig, { key: "sentence", label: "Sentence", options: DATA.sentences.map((text, s) => [s, text]) }),
      slider(fig, { key: "layer", label: "Layer", min: 0, max: 5, step: 1, digits: 0 }),
      slider(fig, { key: "head", label: "Head", min: 0, max: 11, step: 1, digits: 0 }),
      place,
      choice(fig, { key: "table", label: "Show of every head", options: LENSES }),
    );
    fig.words((state, { asks, weights, back, spread }) => {
      const tokens = DATA.tokens[state.sentence];
      const top = Math.max(...weights[asks]);
      const most = tokens[weights[asks].indexOf(top)];
      const here = back[state.layer][state.head];
      const least = Math.min(...weights.slice(1).map((row, i) => row[i]));
      const verdict = least > 0.9
        ? `This is the head: after the first, every token puts more than ${show(Math.ceil(100 * least - 1) / 100)} on the token before it.`
        : `On average a token puts ${show(here)} on the token before it; the entropy is ${show(100 * spread[state.layer][state.head], 0)} % of the largest possible.`;
      return `Layer ${state.layer}, head ${state.head}: token ${asks}, ${quoted(tokens[asks])}, looks most at ${quoted(most)}, with weight ${show(top)}. ${verdict}`;
    });
    fig.rows((state, { asks, weights, entropy: entropies }) => {
      const tokens = DATA.tokens[state.sentence];
      return {
        caption: `Layer ${state.layer}, head ${state.head}: weights of ${quoted(tokens[asks])}, and for every token its weight on the one before and its entropy in nats`,
        rows: [
          ["", `from ${tokens[asks]}`, "one back", "entropy"],
          ...tokens.map((token, i) => [`${token} (${i})`, weights[asks][i], i ? weights[i][i - 1] : "–", entropies[i]]),
        ],
      };
    });
    return fig.begin();
  },
};
