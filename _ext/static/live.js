// Brings the page's live figures to life: no kernel, no other file, no other host.
// Each `.live` element holds a static picture and the state it shows; the page holds the modules' texts.
// A figure that fails leaves its picture and says why in the console.
(() => {
  if (window.attnbookLive) return;
  window.attnbookLive = true;

  // What a module calls `model`: state by name, and who wants to know of changes.
  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = {};
    }
    get(key) {
      return this.state[key];
    }
    set(key, value) {
      if (JSON.stringify(value) === JSON.stringify(this.state[key])) return;
      this.state[key] = value;
      for (const event of [`change:${key}`, "change"]) for (const call of [...(this.listeners[event] ?? [])]) call();
    }
    on(event, call) {
      (this.listeners[event] ??= new Set()).add(call);
    }
    off(event, call) {
      if (call) this.listeners[event]?.delete(call);
      else delete this.listeners[event];
    }
    save_changes() {}
    send() {}
  }

  // A link to a state: #live-name?key=value&..., values as JSON.
  const link = (name, changes) => {
    const address = new URL(location.href);
    const query = new URLSearchParams(Object.entries(changes).map(([key, value]) => [key, JSON.stringify(value)]));
    address.hash = `live-${name}${query.size ? `?${query}` : ""}`;
    return address.href;
  };

  const sameKind = (a, b) =>
    Array.isArray(a) ? Array.isArray(b) && a.length === b.length && a.every((x, i) => sameKind(x, b[i]))
    : typeof a === typeof b && (typeof a !== "number" || Number.isFinite(b));

  // The part of a link's state that fits the figure; what does not fit is named and left out.
  const linked = (name, state) => {
    const [target, query] = location.hash.slice(1).split(/\?(.*)/s);
    if (target !== `live-${name}` || !query) return null;
    const found = {};
    for (const [key, text] of new URLSearchParams(query)) {
      let value;
      try {
        value = JSON.parse(text);
      } catch {
        value = undefined;
      }
      if (key in state && sameKind(state[key], value)) found[key] = value;
      else console.warn(`live figure ${name}: the link's ${key} is not a value it can have`);
    }
    return found;
  };

  const modules = {};
  const load = (name, texts) => {
    const read = () => {
      const address = URL.createObjectURL(new Blob([texts.kit, texts[name]], { type: "text/javascript" }));
      return import(address).finally(() => URL.revokeObjectURL(address));
    };
    return (modules[name] ??= read());
  };

  const start = async (place, texts) => {
    const name = place.dataset.live;
    const state = JSON.parse(place.dataset.state);
    const first = structuredClone(state);
    const picture = [...place.childNodes];
    try {
      const { default: view } = await load(name, texts);
      const model = new Model(state);
      const stage = document.createElement("div");
      const { signal } = new AbortController();
      await view.render({ model, el: stage, signal, experimental: {}, share: (changes) => link(name, changes) });
      const open = () => {
        const given = linked(name, state);
        if (!given) return;
        for (const [key, value] of Object.entries({ ...first, ...given })) model.set(key, value);
        place.scrollIntoView();
      };
      place.replaceChildren(stage);
      place.dataset.alive = "true";
      open();
      addEventListener("hashchange", open);
    } catch (error) {
      place.replaceChildren(...picture);
      console.error(`live figure ${name}: its picture stays.`, error);
    }
  };

  const all = async () => {
    const source = document.getElementById("live-modules");
    if (source) {
      const texts = JSON.parse(source.textContent);
      await Promise.all([...document.querySelectorAll(".live[data-live]")].map((place) => start(place, texts)));
    }
    document.documentElement.dataset.live = "ready";
  };
  if (document.readyState !== "loading") all();
  else document.addEventListener("readystatechange", all, { once: true });
})();
