import { calm, chart, clamp, dot, entropy, figure, handle, hull, matmul, motion, range, series, show, slider, softmax, toggle } from "./kit.js";

export function compute({ query_x, query_y, sharpness, key_points, value_points }) {
  const scores = key_points.map((key) => dot([query_x, query_y], key));
  const weights = softmax(scores.map((s) => sharpness * s));
  const [output] = matmul([weights], value_points);
  return { scores, weights, output, entropy: entropy(weights) };
}

const SHAPES = ["circle", "square", "triangle", "diamond", "ring"];
const name = (letter, j) => `${letter}${"₁₂₃₄₅"[j]}`;

export default {
  render({ model, el, signal, share }) {
    const keys = ["query_x", "query_y", "sharpness", "moving", "key_points", "value_points"];
    const fig = figure({ model, el, signal, share }, { label: "Retrieval: a query among five keys", keys, compute });
    const plane = chart(fig, { label: "Five keys, and the query to drag", title: "Keys and the query", height: 270, x: [-1.6, 2], y: [-1.6, 1.6] });
    const blend = chart(fig, { label: "Five values, their hull and their blend", title: "Values and the output", height: 270, x: [-0.5, 5.7], y: [-0.6, 3.6] });
    const query = handle(fig, plane, { keys: ["query_x", "query_y"], label: "Query", limit: [-1.5, 1.5], step: 0.05 });

    fig.onDraw((state, { weights, output }) => {
      plane.clear();
      plane.arrow([0, 0], [state.query_x, state.query_y], { color: series(1) });
      blend.clear();
      blend.region(hull(state.value_points));
      for (const j of range(5)) {
        const [key, value, a] = [state.key_points[j], state.value_points[j], weights[j]];
        plane.line([[state.query_x, state.query_y], key], { color: series(1), width: 8 * a, opacity: 0.5 });
        plane.mark(...key, { shape: SHAPES[j] });
        plane.text(plane.px(key[0]) + 9, plane.py(key[1]) - 6, `${name("k", j)} ${show(a)}`);
        blend.line([output, value], { color: series(2), width: 8 * a, opacity: 0.5 });
        blend.mark(...value, { shape: SHAPES[j] });
        blend.text(blend.px(value[0]) + 9, blend.py(value[1]) - 6, name("v", j));
      }
      blend.mark(...output, { size: 8, color: series(2) });
      query(state);
    });

    motion(fig, "moving", ({ query_x: x, query_y: y }, seconds) => {
      const [angle, length] = [Math.atan2(y, x) + 0.5 * seconds, clamp(Math.hypot(x, y), 0.8, 1.4)];
      return { query_x: length * Math.cos(angle), query_y: length * Math.sin(angle) };
    });
    for (const touch of ["pointerdown", "keydown"]) plane.root.addEventListener(touch, () => fig.set({ moving: false }), true);

    fig.add(
      slider(fig, { key: "sharpness", label: "Sharpness", min: 0, max: 20, step: 0.1, digits: 1 }),
      slider(fig, { key: "query_x", label: "Query, across", min: -1.5, max: 1.5, step: 0.05 }),
      slider(fig, { key: "query_y", label: "Query, up", min: -1.5, max: 1.5, step: 0.05 }),
      toggle(fig, { key: "moving", label: "Let the query go round", rests: calm() ? "off: your device asks for less motion" : "" }),
    );
    fig.words((state, { weights, output }) => {
      const top = Math.max(...weights);
      const ties = range(5).filter((j) => top - weights[j] < 1e-9).map((j) => name("k", j));
      const who =
        ties.length === 5 ? `All weights are ${show(top)}, and the output is the mean of the values.`
        : ties.length > 1 ? `${ties.join(" and ")} share the largest weight, ${show(top)} each.`
        : `The largest weight is ${show(top)}, on ${ties[0]}.`;
      return `${who} The output stands at (${show(output[0])}, ${show(output[1])}).`;
    });
    fig.rows((state, { scores, weights, output }) => ({
      caption: "The five keys and the output",
      rows: [
        ["", "score", "weight", "value, across", "value, up"],
        ...range(5).map((j) => [name("k", j), scores[j], weights[j], ...state.value_points[j]]),
        ["output", "", "", ...output],
      ],
    }));
    return fig.begin();
  },
};
