// What the live figures share: a frame, controls, axes, heat maps, numbers.
// A figure is drawn anew from its state whenever the state changes; nothing else is kept.

const NS = "http://www.w3.org/2000/svg";

// --- numbers ------------------------------------------------------------------------------------

export const sum = (a) => a.reduce((total, x) => total + x, 0);
export const dot = (a, b) => a.reduce((total, x, i) => total + x * b[i], 0);
export const matmul = (a, b) => a.map((row) => b[0].map((_, j) => sum(row.map((x, k) => x * b[k][j]))));
export const transpose = (a) => a[0].map((_, j) => a.map((row) => row[j]));
export const range = (n) => Array.from({ length: n }, (_, i) => i);
export const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// The largest score is taken off first; -Infinity gives weight 0, a row of nothing but that weights 0.
export function softmax(scores) {
  const top = Math.max(...scores);
  if (top === -Infinity) return scores.map(() => 0);
  const powers = scores.map((s) => Math.exp(s - top));
  const total = sum(powers);
  return powers.map((p) => p / total);
}

export const entropy = (weights) => -sum(weights.map((a) => (a > 0 ? a * Math.log(a) : 0)));

// Independent standard normal numbers, the same as attnbook.live.chance.normals in Python:
// mulberry32 for uniform ones, then Box and Muller.
export function normals(seed, n) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return range(n).map(() => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  });
}

export function show(x, digits = 2) {
  if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "none";
  const text = x.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

// --- elements -----------------------------------------------------------------------------------

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const html = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => make(document.createElementNS(NS, tag), attributes, children);
export const series = (i) => `var(--live-${i})`;

let count = 0;
const unique = () => `live-${(count += 1)}-${Math.random().toString(36).slice(2, 8)}`;

// --- the frame ----------------------------------------------------------------------------------

// One figure in one place: `body` holds charts, `panel` controls, below them what is shown in words
// and as a table. `share`, where the page gives it, makes a link to the present state.
export function figure({ model, el, signal, share }, { label, keys, compute }) {
  const body = html("div", { class: "live-body" });
  const panel = html("div", { class: "live-panel" });
  const said = html("p", { class: "live-said" });
  const heard = html("p", { class: "live-hidden", "aria-live": "polite" });
  const table = html("table", {});
  const box = html("div", { class: "live-scroll", tabindex: 0, role: "region", "aria-label": `${label}: the numbers` }, table);
  const details = html("details", { class: "live-numbers" }, html("summary", {}, "The numbers"), box);
  const foot = html("div", { class: "live-foot" });
  const root = html("div", { class: "live-figure", role: "group", "aria-label": label }, body, panel, said, heard, details, foot);
  el.replaceChildren(root);

  const limits = {}; // what a control allows, by key: a link or a kernel may say something else
  const get = () => Object.fromEntries(keys.map((key) => [key, limits[key]?.(model.get(key)) ?? model.get(key)]));
  const start = get();
  const set = (changes) => {
    for (const [key, value] of Object.entries(changes)) model.set(key, value);
    model.save_changes();
  };

  const [draws, ends] = [[], []];
  let words = () => "";
  let rows = null;
  let waiting = 0;
  let speaking = 0;
  const paint = () => {
    waiting = 0;
    const begun = performance.now();
    const state = get();
    const found = compute(state);
    for (const draw of draws) draw(state, found);
    said.textContent = words(state, found);
    clearTimeout(speaking);
    speaking = setTimeout(() => (heard.textContent = said.textContent), 600);
    if (rows && details.open) fill(table, rows(state, found));
    root.spent = performance.now() - begun; // milliseconds, for the tests
    root.found = found;
    root.state = state;
  };
  const schedule = () => (waiting ||= requestAnimationFrame(paint));
  for (const key of keys) model.on(`change:${key}`, schedule);
  details.addEventListener("toggle", schedule);
  const stop = () => {
    for (const key of keys) model.off(`change:${key}`, schedule);
    cancelAnimationFrame(waiting);
    clearTimeout(speaking);
    for (const end of ends) end();
  };
  signal?.addEventListener("abort", stop);

  foot.append(html("button", { type: "button", onclick: () => set(start) }, "Start again"));
  if (share) foot.append(linkButton(() => share(Object.fromEntries(Object.entries(get()).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(start[key]))))));
  details.hidden = true;

  return {
    body, panel, get, set, start,
    limit: (key, allowed) => (limits[key] = allowed),
    add: (...nodes) => panel.append(...nodes),
    onDraw: (draw) => draws.push(draw),
    onStop: (end) => ends.push(end),
    words: (text) => (words = text),
    rows: (list) => { rows = list; details.hidden = false; },
    begin: () => { paint(); heard.textContent = ""; clearTimeout(speaking); return stop; },
  };
}

function linkButton(address) {
  const field = html("input", { type: "text", readonly: true, class: "live-link", "aria-label": "Link to this state", hidden: true });
  const done = html("span", { role: "status" });
  const copy = async () => {
    field.value = address();
    try {
      await navigator.clipboard.writeText(field.value);
      done.textContent = "Copied.";
      field.hidden = true;
    } catch {
      field.hidden = false;
      field.focus();
      field.select();
    }
    setTimeout(() => (done.textContent = ""), 3000);
  };
  return html("span", { class: "live-share" }, html("button", { type: "button", onclick: copy }, "Copy link to this state"), done, field);
}

// The first row of `rows` names the columns, the first cell of each other row names the row.
function fill(table, { caption, rows }) {
  const cell = (tag, text, scope) => html(tag, { scope }, typeof text === "number" ? show(text, 3) : text);
  const [head, ...rest] = rows;
  table.replaceChildren(
    html("caption", {}, caption),
    html("thead", {}, html("tr", {}, ...head.map((text) => (text === "" ? cell("td", "") : cell("th", text, "col"))))),
    html("tbody", {}, ...rest.map(([name, ...values]) => html("tr", {}, cell("th", name, "row"), ...values.map((value) => cell("td", value))))),
  );
}

// --- controls -----------------------------------------------------------------------------------

const still = { "data-lm-suppress-shortcuts": "true" }; // JupyterLab leaves the arrow keys to the control

// A number to slide or to type. With `values` only these can be chosen; `digits` is for the typed field.
export function slider(fig, { key, label, min, max, step, values, digits = 2 }) {
  const id = unique();
  const [low, high] = values ? [0, values.length - 1] : [min, max];
  const bar = html("input", { type: "range", id, min: low, max: high, step: values ? 1 : step, ...still });
  const least = values ? Math.min(...values) : min;
  const most = values ? Math.max(...values) : max;
  const typed = html("input", { type: "number", min: least, max: most, step: values ? "any" : step, "aria-label": `${label}, typed`, ...still });
  const nearest = (x) => values.reduce((best, v) => (Math.abs(v - x) < Math.abs(best - x) ? v : best));
  const whole = (x) => (step === 1 ? Math.round(x) : x); // a step of 1 means a whole number, typed too
  const allowed = (x) => (values ? nearest(x) : Number(clamp(whole(x), min, max).toFixed(10)));
  const put = (x) => fig.set({ [key]: allowed(x) });
  fig.limit(key, allowed);
  bar.addEventListener("input", () => put(values ? values[Number(bar.value)] : Number(bar.value)));
  typed.addEventListener("change", () => {
    if (typed.value.trim() !== "" && Number.isFinite(Number(typed.value))) put(Number(typed.value));
    typed.value = trim(fig.get()[key], digits);
  });
  fig.onDraw((state) => {
    const value = state[key];
    bar.value = values ? values.indexOf(value) : value;
    bar.setAttribute("aria-valuetext", `${trim(value, digits)}`);
    if (document.activeElement !== typed) typed.value = trim(value, digits);
  });
  return html("div", { class: "live-slider" }, html("label", { for: id }, label), bar, typed);
}

const trim = (x, digits) => String(Number(x.toFixed(digits)));

// Several numbers to type, in one row: [[key, text], ...].
export function fields(fig, { label, entries, min, max, step, digits = 2 }) {
  const nodes = entries.map(([key, text]) => {
    const input = html("input", { type: "number", min, max, step, style: "width:4.6rem;margin:0.15rem 0", ...still });
    input.addEventListener("change", () => {
      if (input.value.trim() !== "" && Number.isFinite(Number(input.value))) fig.set({ [key]: clamp(Number(input.value), min, max) });
      input.value = trim(fig.get()[key], digits);
    });
    fig.onDraw((state) => { if (document.activeElement !== input) input.value = trim(state[key], digits); });
    return html("label", {}, html("span", {}, text), input);
  });
  return html("fieldset", { class: "live-choice" }, html("legend", {}, label), ...nodes);
}

// One of a few: [[value, text], ...].
export function choice(fig, { key, label, options }) {
  const name = unique();
  const allowed = options.map(([value]) => value);
  fig.limit(key, (value) => (allowed.includes(value) ? value : fig.start[key]));
  const buttons = options.map(([value, text]) => {
    const input = html("input", { type: "radio", name, ...still, onchange: () => fig.set({ [key]: value }) });
    return { value, input, node: html("label", {}, input, html("span", {}, text)) };
  });
  fig.onDraw((state) => buttons.forEach(({ value, input }) => (input.checked = state[key] === value)));
  return html("fieldset", { class: "live-choice" }, html("legend", {}, label), ...buttons.map(({ node }) => node));
}

// On or off. `rests` says why it can do nothing, if so.
export function toggle(fig, { key, label, rests = "" }) {
  const input = html("input", { type: "checkbox", disabled: rests !== "", ...still, onchange: () => fig.set({ [key]: input.checked }) });
  fig.onDraw((state) => (input.checked = state[key] && !rests));
  return html("label", { class: "live-toggle" }, input, html("span", {}, rests ? `${label} (${rests})` : label));
}

// Whether the reader asked for less motion.
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function button(label, act) {
  return html("button", { type: "button", onclick: act, ...still }, label);
}

// Steps forward by itself, at most `rate` a second; for readers who asked for less motion only by hand.
export function player(fig, { label, next, rate = 2 }) {
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = label; };
  const play = button(label, () => {
    if (calm()) return void next();
    if (timer) return stop();
    play.textContent = "Stop";
    timer = setInterval(() => { if (!play.isConnected || next() === false) stop(); }, 1000 / rate);
  });
  return play;
}

// While the state's `key` is on, lets time change the state: `next(state, seconds)` says how. It rests out of sight,
// and stands still for readers who asked for less motion.
export function motion(fig, key, next) {
  let [frame, before, seen] = [0, 0, true];
  const step = (now) => {
    frame = 0;
    const state = fig.get();
    if (!state[key] || !fig.body.isConnected) return;
    if (seen) fig.set(next(state, Math.min(now - before, 100) / 1000));
    before = now;
    frame = requestAnimationFrame(step);
  };
  const start = () => {
    if (!fig.get()[key] || calm() || frame) return;
    before = performance.now();
    frame = requestAnimationFrame(step);
  };
  fig.onDraw(start);
  const watcher = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen) start(); // a notebook may have taken the figure out for a while
  });
  watcher.observe(fig.body.parentNode); // on a phone the body has no box of its own
  fig.onStop(() => watcher.disconnect());
}

// --- charts -------------------------------------------------------------------------------------

// An SVG of fixed inner size that scales with its column. `x` and `y` are the ranges of the data.
export function chart(fig, { label, title, width = 320, height = 240, x, y, xLabel, yLabel, margin = {}, ticks = true, wide = false }) {
  const { top = title ? 26 : 12, right = 12, bottom = xLabel ? 40 : 26, left = yLabel ? 48 : 34 } = margin;
  const layer = svg("g", {});
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: `live-chart${wide ? " live-wide" : ""}`, role: "img", "aria-label": label });
  const frame = svg("g", {});
  root.append(frame, layer);
  fig.body.append(root);
  const c = {
    root, layer, width, height, x: [0, 1], y: [0, 1],
    px: (v) => left + ((v - c.x[0]) / (c.x[1] - c.x[0])) * (width - left - right),
    py: (v) => height - bottom - ((v - c.y[0]) / (c.y[1] - c.y[0])) * (height - top - bottom),
    // The inverse, from a pointer event.
    at: (event) => {
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
      return [
        c.x[0] + ((p.x - left) / (width - left - right)) * (c.x[1] - c.x[0]),
        c.y[0] + ((height - bottom - p.y) / (height - top - bottom)) * (c.y[1] - c.y[0]),
      ];
    },
    clear: () => layer.replaceChildren(),
    put: (tag, attributes, ...children) => { const node = svg(tag, attributes, ...children); layer.append(node); return node; },
    text: (px, py, words, attributes = {}) => c.put("text", { x: px, y: py, ...attributes }, words),
    line: (points, { color = series(0), width: w = 2, dash = null, opacity = null } = {}) =>
      c.put("polyline", { opacity, points: points.filter(([, v]) => Number.isFinite(v)).map(([u, v]) => `${c.px(u).toFixed(2)},${c.py(v).toFixed(2)}`).join(" "), fill: "none", stroke: color, "stroke-width": w, "stroke-dasharray": dash }),
    mark: (u, v, { shape = "circle", size = 5, color = series(0), fill = color } = {}) =>
      c.put("path", { d: SHAPES[shape](c.px(u), c.py(v), size), fill, "fill-rule": "evenodd", stroke: color, "stroke-width": 1.5 }),
    region: (points, { fill = "var(--live-blank)", stroke = "var(--live-line)" } = {}) =>
      c.put("polygon", { points: points.map(([u, v]) => `${c.px(u)},${c.py(v)}`).join(" "), fill, stroke }),
    bar: (u0, u1, v, { color = series(0), base = 0 } = {}) =>
      c.put("rect", { x: c.px(u0), y: Math.min(c.py(v), c.py(base)), width: Math.max(0, c.px(u1) - c.px(u0)), height: Math.abs(c.py(v) - c.py(base)), fill: color }),
    arrow: (from, to, { color = series(0), width: w = 2 } = {}) => {
      const [x0, y0, x1, y1] = [c.px(from[0]), c.py(from[1]), c.px(to[0]), c.py(to[1])];
      const length = Math.hypot(x1 - x0, y1 - y0);
      if (length < 1) return null;
      const [u, v] = [(x1 - x0) / length, (y1 - y0) / length];
      const tip = Math.min(9, length);
      const [bx, by] = [x1 - tip * u, y1 - tip * v];
      return c.put("path", { d: `M${x0},${y0}L${bx},${by}M${x1},${y1}L${bx - 4 * v},${by + 4 * u}L${bx + 4 * v},${by - 4 * u}Z`, fill: color, stroke: color, "stroke-width": w, "stroke-linejoin": "round" });
    },
    axes: (rangeX, rangeY) => {
      if (JSON.stringify([rangeX, rangeY]) === c.drawn) return;
      c.drawn = JSON.stringify([rangeX, rangeY]);
      [c.x, c.y] = [rangeX, rangeY];
      frame.replaceChildren();
      const add = (tag, attributes, ...rest) => frame.append(svg(tag, attributes, ...rest));
      if (title) add("text", { x: left, y: 13, class: "live-strong" }, title);
      add("path", { d: `M${left},${top}V${height - bottom}H${width - right}`, class: "live-axis" });
      if (ticks === true || ticks === "x") for (const v of nice(c.x)) {
        add("path", { d: `M${c.px(v)},${height - bottom}v4`, class: "live-axis" });
        add("text", { x: c.px(v), y: height - bottom + 16, "text-anchor": "middle" }, plain(v));
      }
      if (ticks === true || ticks === "y") for (const v of nice(c.y)) {
        add("path", { d: `M${left},${c.py(v)}h-4`, class: "live-axis" });
        add("text", { x: left - 7, y: c.py(v) + 4, "text-anchor": "end" }, plain(v));
      }
      if (xLabel) add("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, xLabel);
      if (yLabel) add("text", { transform: `translate(13,${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel);
    },
  };
  c.axes(x, y);
  return c;
}

// The corners of the convex hull of points in the plane, counterclockwise.
export function hull(points) {
  const ordered = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (list) => {
    const corners = [];
    for (const [x, y] of list) {
      while (corners.length > 1) {
        const [[ax, ay], [bx, by]] = corners.slice(-2);
        if ((bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0) break;
        corners.pop();
      }
      corners.push([x, y]);
    }
    return corners.slice(0, -1);
  };
  return [...chain(ordered), ...chain([...ordered].reverse())];
}

const plain = (v) => String(Number(v.toFixed(6))).replace("-", "−");

// Round numbers, at most six, in a range.
export function nice([low, high]) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  return range(Math.floor(high / step + 1e-9) - first + 1).map((i) => (first + i) * step);
}

const SHAPES = {
  circle: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0Z`,
  square: (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
  triangle: (x, y, r) => `M${x},${y - 1.2 * r}L${x + 1.1 * r},${y + r}H${x - 1.1 * r}Z`,
  ring: (x, y, r) => `${SHAPES.circle(x, y, r)}${SHAPES.circle(x, y, r / 2)}`,
  diamond: (x, y, r) => `M${x},${y - 1.3 * r}L${x + 1.3 * r},${y}L${x},${y + 1.3 * r}L${x - 1.3 * r},${y}Z`,
};

// --- things to drag -----------------------------------------------------------------------------

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], Home: [-Infinity, 0], End: [Infinity, 0] };

// Makes an element of a chart movable. `drag` gets the point of the data under the pointer, `press` the way of an
// arrow key, with Shift ten times as far; Home and End go as far as there is. `grab` gets the point where a pointer takes
// hold, `drop` is called when it lets go. The returned function tells where it stands.
export function movable(c, node, { label, min, max, drag, press, grab, drop }) {
  const attributes = { class: "live-handle", tabindex: 0, role: "slider", "aria-label": label, "aria-valuemin": min, "aria-valuemax": max, ...still };
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  c.root.append(node);
  c.root.setAttribute("role", "group"); // an image may hold nothing to focus
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    node.focus();
    event.preventDefault();
    grab?.(c.at(event));
  });
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // else a finger scrolls the page
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => drop?.());
  node.addEventListener("pointermove", (event) => node.hasPointerCapture(event.pointerId) && drag(c.at(event)));
  node.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    press(way.map((step) => step * (event.shiftKey ? 10 : 1)));
  });
  return (value, text) => {
    node.setAttribute("aria-valuenow", value);
    node.setAttribute("aria-valuetext", text);
  };
}

export const knob = (color, halo = 14) =>
  svg("g", {}, svg("circle", { r: halo, class: "live-halo" }), svg("circle", { r: 7, fill: color, stroke: "var(--live-paper)", "stroke-width": 2 }));

const rounded = (value, step, min, max) => Number(clamp(Math.round(value / step) * step, min, max).toFixed(6));

// A point of the plane to move. Call it once; the returned function draws it at its place.
export function handle(fig, c, { keys, label, step = 0.1, color = series(1), limit }) {
  const node = knob(color);
  for (const key of keys) fig.limit(key, (value) => clamp(value, ...limit));
  const put = (values) => fig.set(Object.fromEntries(keys.map((key, i) => [key, rounded(values[i], step, ...limit)])));
  const press = (way) => put(keys.map((key, i) => clamp(fig.get()[key] + step * way[i], ...limit)));
  const say = movable(c, node, { label, min: limit[0], max: limit[1], drag: put, press });
  return (state) => {
    const [x, y] = keys.map((key) => state[key]);
    node.setAttribute("transform", `translate(${c.px(x)},${c.py(y)})`);
    say(x, `${show(x)} across, ${show(y)} up`);
  };
}

// One number to move. `place(state)` is where it stands, in the chart's own units; `read([u, v], state)` is the number
// under a pointer at that point of the data. `up` is -1 where larger numbers lie lower. Call it once; the returned
// function draws it at its place.
export function grip(fig, c, { key, label, min, max, step = 1, up = 1, color = series(1), place, read, say = (state) => show(state[key], 0) }) {
  const node = knob(color, 13);
  fig.limit(key, (value) => clamp(value, min, max));
  const put = (value) => fig.set({ [key]: rounded(value, step, min, max) });
  const press = ([across, above]) => put(clamp(fig.get()[key] + step * (across + up * above), min, max));
  const tell = movable(c, node, { label, min, max, drag: (point) => put(read(point, fig.get())), press });
  return (state) => {
    node.setAttribute("transform", `translate(${place(state).join()})`);
    tell(state[key], say(state));
  };
}

// --- heat maps ----------------------------------------------------------------------------------

const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]];
const BALANCE = [[178, 78, 0], [213, 94, 0], [234, 158, 104], [246, 246, 246], [110, 172, 214], [0, 114, 178], [0, 82, 132]];

function blend(colors, t) {
  const place = clamp(t, 0, 1) * (colors.length - 1);
  const i = Math.min(Math.floor(place), colors.length - 2);
  return colors[i].map((low, k) => Math.round(low + (place - i) * (colors[i + 1][k] - low)));
}

// Weights on viridis from 0 to 1; numbers of both signs on orange, white, blue.
export const viridis = (t) => blend(VIRIDIS, t);
export const balance = (t) => blend(BALANCE, (t + 1) / 2);
export const css = (rgb) => `rgb(${rgb.join(",")})`;

const light = (rgb) => {
  const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
export const inkOn = (rgb) => (light(rgb) > 0.179 ? "#000" : "#fff");

// A matrix of cells, each with its number if `digits` says so; a cell of `hidden` gets a cross.
export function heat(c, matrix, { left = 40, top = 22, size = 30, height = size, rows = [], columns = [], color = viridis, digits = null, hidden = null, scale = 1, marked = null } = {}) {
  matrix.forEach((row, i) => row.forEach((value, j) => {
    const rgb = color(value / scale);
    const [x, y] = [left + j * size, top + i * height];
    const out = hidden?.[i]?.[j];
    c.put("rect", { x, y, width: size - 1, height: height - 1, fill: out ? "var(--live-blank)" : css(rgb), class: marked?.(i, j) ? "live-marked" : null });
    if (out) c.put("path", { d: `M${x + size / 2 - 4},${y + height / 2 - 4}l8,8m0,-8l-8,8`, class: "live-cross" });
    else if (digits !== null) c.text(x + size / 2 - 0.5, y + height / 2 + 3.5, show(value, digits), { "text-anchor": "middle", style: `fill:${inkOn(rgb)}`, class: "live-small" });
  }));
  rows.forEach((name, i) => c.text(left - 5, top + i * height + height / 2 + 4, name, { "text-anchor": "end" }));
  columns.forEach((name, j) => c.text(left + j * size + size / 2, top - 6, name, { "text-anchor": "middle" }));
}

// A matrix too large for cells of its own: one picture, a pixel a cell, stretched.
export function raster(c, matrix, { x, y, width, height, color = balance, scale = 1 }) {
  const canvas = html("canvas", { width: matrix[0].length, height: matrix.length });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.height);
  matrix.flat().forEach((value, i) => image.data.set([...color(value / scale), 255], 4 * i));
  pen.putImageData(image, 0, 0);
  c.put("image", { href: canvas.toDataURL(), x, y, width, height, preserveAspectRatio: "none", style: "image-rendering:pixelated" });
}
