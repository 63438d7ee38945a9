// The controls of the demo and their values.

import { byId, element } from "./elements.js";

const COUNTS = [1, 4, 16, 40, 64, 100];

export class Controls {
  // changed(): called when a control has changed.
  constructor(changed) {
    this.changed = changed;
    this.state = { count: undefined, class: "", values: {}, choices: {} };
    this.seed = byId("seed");
    this.seed.oninput = () => changed();
    byId("previous").onclick = () => this.setSeed(Math.max(0, this.seedValue() - 1));
    byId("next").onclick = () => this.setSeed(this.seedValue() + 1);
    byId("dice").onclick = () => this.setSeed(Math.floor(Math.random() * 1e6));
    byId("truncation").oninput = () => {
      byId("truncation-value").textContent = byId("truncation").value;
      changed();
    };
    byId("reset").onclick = () => {
      this.state.values = {};
      if (this.model) this.showSliders();
      changed();
    };
  }

  seedValue() { return Math.max(0, Math.floor(Number(this.seed.value) || 0)); }

  setSeed(seed) { this.seed.value = seed; this.changed(); }

  // Show the controls of these models, as /api/model describes them; valid values are kept.
  show(models) {
    const model = this.model = together(models);
    const counts = COUNTS.filter((count) => model.points || count <= model.most);
    const wanted = this.state.count ?? (model.classes.length === 10 ? 40 : 16);
    this.state.count = counts.includes(wanted) ? wanted : counts.at(-1);
    this.chips("count", counts.map((count) => [count, String(count)]), this.state.count, (count) => { this.state.count = count; });
    byId("count").parentElement.hidden = model.points;
    byId("class-part").hidden = model.classes.length === 0;
    if (!model.classes.includes(this.state.class)) this.state.class = "";
    this.chips("class", [["", "all"], ...model.classes.map((name) => [name, name])], this.state.class,
      (name) => { this.state.class = name; });
    byId("truncation-part").hidden = !model.truncation;
    this.showSliders();
    this.showChoices();
  }

  chips(id, options, chosen, choose) {
    const buttons = options.map(([value, text]) => {
      const button = element("button", { "aria-pressed": value === chosen, "data-value": value }, text);
      button.onclick = () => {
        buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
        choose(value);
        this.changed();
      };
      return button;
    });
    byId(id).replaceChildren(...buttons);
  }

  showSliders() {
    byId("sliders-part").hidden = this.model.sliders.length === 0;
    byId("sliders").replaceChildren(...this.model.sliders.map((slider) => this.slider(slider)));
  }

  slider({ name, reach }) {
    const shown = element("output", {}, this.text(name));
    const input = element("input", { type: "range", min: -reach, max: reach, step: reach / 60, "aria-label": name, title: "double-click: 0" });
    input.value = this.state.values[name] ?? 0;
    input.oninput = () => {
      this.state.values[name] = Math.abs(input.value) < reach / 100 ? undefined : Number(input.value);
      shown.textContent = this.text(name);
      this.changed();
    };
    input.ondblclick = () => { input.value = 0; input.oninput(); };
    return element("label", { class: "slider" }, element("span", {}, name), input, shown);
  }

  text(name) {
    const value = this.state.values[name];
    return value === undefined ? "–" : value.toFixed(1);
  }

  showChoices() {
    byId("choices").replaceChildren(...this.model.choices.flatMap(({ name, classes }) => {
      const id = name.replaceAll(" ", "-");
      return [element("h2", {}, name), element("div", { class: "chips", id, role: "group", "aria-label": name })];
    }));
    for (const { name, classes } of this.model.choices) {
      const options = [["", "from seed"], ...Array.from({ length: classes }, (_, number) => [String(number), String(number)])];
      this.chips(name.replaceAll(" ", "-"), options, this.state.choices[name] ?? "",
        (value) => { this.state.choices[name] = value; });
    }
  }

  // The parameters of a request for one model: the values of the controls that it has.
  parameters(model) {
    const { count, values, choices } = this.state;
    const named = model.classes.includes(this.state.class) ? this.state.class : "";
    const of = (kind) => model.sliders.filter((slider) => slider.kind === kind)
      .map(({ name, reach }) => (values[name] === undefined ? "" : Math.max(-reach, Math.min(reach, values[name])))).join(",");
    const images = model.points ? {} : { count, columns: columnsOf(count, named === "" ? model.classes.length : 0) };
    return {
      seed: this.seedValue(), ...images, class: named, directions: of("directions"), continuous: of("continuous"),
      categorical: model.choices.map(({ name }) => choices[name] ?? "").join(","),
      truncation: model.truncation ? byId("truncation").value : 1,
    };
  }
}

// The controls of several models together.
function together(models) {
  const named = (parts) => [...new Map(parts.flat().reverse().map((part) => [part.name, part])).values()].reverse();
  return {
    points: models.every(({ points }) => points),
    most: Math.min(...models.filter(({ points }) => !points).map(({ most }) => most.images)),
    truncation: models.some(({ truncation }) => truncation),
    classes: [...new Set(models.flatMap(({ classes }) => classes))],
    sliders: named(models.map(({ sliders }) => sliders)),
    choices: named(models.map(({ choices }) => choices)),
  };
}

// One column per class if the count is divisible; otherwise a picture that is nearly square.
function columnsOf(count, classes) {
  if (classes > 1 && classes <= 12 && count % classes === 0 && count > classes) return classes;
  return count === 40 ? 8 : Math.ceil(Math.sqrt(count));
}
