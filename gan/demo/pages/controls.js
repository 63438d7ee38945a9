// The controls of the demo. Their values are settings of the address.

import { byId, element } from "./elements.js";
import { rove } from "./keys.js";

const COUNTS = [1, 4, 16, 40, 64, 100];
const MOST_SEED = Number.MAX_SAFE_INTEGER;
const keyOf = (name) => name.replaceAll(" ", "-"); // of a slider or a code, in the address

export class Controls {
  // changed(): called when a control has changed.
  constructor(settings, changed) {
    this.settings = settings;
    this.changed = changed;
    this.seed = byId("seed");
    this.seed.oninput = () => { this.keepSeed(); changed(); };
    byId("previous").onclick = () => this.setSeed(this.seedValue() - 1);
    byId("next").onclick = () => this.setSeed(this.seedValue() + 1);
    byId("dice").onclick = () => this.setSeed(Math.floor(Math.random() * 1e6));
    for (const id of ["truncation", "speed"]) byId(id).oninput = () => {
      settings.set(id, byId(id).value === byId(id).defaultValue ? "" : byId(id).value);
      this.showRange(id);
      if (id !== "speed") changed(); // the images stay
    };
    byId("reset").onclick = () => {
      this.model.sliders.forEach(({ name }) => settings.set(keyOf(name)));
      this.showSliders();
      changed();
    };
  }

  seedValue() { return this.settings.whole("seed", 0, MOST_SEED, 0); }

  // The seed of the field, as an integer in its range.
  keepSeed() { this.settings.set("seed", String(Math.min(MOST_SEED, Math.max(0, Math.floor(Number(this.seed.value) || 0))))); }

  showSeed(seed) {
    this.seed.value = seed;
    this.keepSeed();
    this.seed.value = this.seedValue();
  }

  setSeed(seed) { this.showSeed(seed); this.changed(); }

  // Show the controls of these models, as /api/model describes them. A setting that they do not have is kept for other models.
  show(models) {
    const model = this.model = together(models), { settings } = this;
    const counts = COUNTS.filter((count) => model.points || count <= model.most);
    const usual = model.classes.length === 10 ? 40 : 16, wanted = settings.whole("images", 1, 100, usual);
    this.count = [wanted, usual].find((count) => counts.includes(count)) ?? counts.at(-1);
    this.chips("count", counts.map((count) => [count, String(count)]), this.count, (count) => {
      this.count = count;
      settings.set("images", String(count));
    });
    byId("count").parentElement.hidden = model.points;
    byId("walk").parentElement.hidden = model.points;
    byId("class-part").hidden = model.classes.length === 0;
    const asked = model.classes.includes(settings.text("class")) ? settings.text("class") : "";
    this.chips("class", [["", "all"], ...model.classes.map((name) => [name, name])], asked, (name) => settings.set("class", name));
    byId("truncation-part").hidden = !model.truncation;
    this.seed.value = this.seedValue();
    ["truncation", "speed"].forEach((id) => this.showRange(id));
    this.showSliders();
    this.showChoices();
  }

  // The value of #truncation or #speed.
  range(id) {
    const { min, max, defaultValue } = byId(id);
    return this.settings.number(id, Number(min), Number(max), Number(defaultValue));
  }

  showRange(id) {
    byId(id).value = this.range(id);
    byId(`${id}-value`).textContent = this.range(id);
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
    rove(buttons, { start: Math.max(0, options.findIndex(([value]) => value === chosen)) });
  }

  showSliders() {
    byId("sliders-part").hidden = this.model.sliders.length === 0;
    byId("sliders").replaceChildren(...this.model.sliders.map((slider) => this.slider(slider)));
  }

  // The position of a slider; undefined: not moved.
  position({ name, reach }) { return this.settings.number(keyOf(name), -reach, reach); }

  slider(slider) {
    const { name, reach } = slider, shown = element("output");
    const input = element("input", { type: "range", min: -reach, max: reach, step: reach / 60, "aria-label": name,
      title: "double-click or press 0: reset" });
    const show = () => { shown.textContent = this.position(slider)?.toFixed(1) ?? "–"; };
    input.value = this.position(slider) ?? 0;
    input.oninput = () => {
      this.settings.set(keyOf(name), Math.abs(input.value) < reach / 100 ? "" : input.value);
      show();
      this.changed();
    };
    const reset = () => { input.value = 0; input.oninput(); };
    input.ondblclick = reset;
    input.onkeydown = ({ key }) => { if (key === "0") reset(); };
    show();
    return element("label", { class: "slider" }, element("span", {}, name), input, shown);
  }

  // The value of a categorical code; undefined: from the seed.
  choice({ name, classes }) { return this.settings.whole(keyOf(name), 0, classes - 1); }

  showChoices() {
    const { choices } = this.model;
    byId("choices").replaceChildren(...choices.flatMap(({ name }) =>
      [element("h2", {}, name), element("div", { class: "chips", id: keyOf(name), role: "toolbar", "aria-label": name })]));
    for (const code of choices) {
      const options = [["", "from seed"], ...Array.from({ length: code.classes }, (_, number) => [String(number), String(number)])];
      this.chips(keyOf(code.name), options, String(this.choice(code) ?? ""), (value) => this.settings.set(keyOf(code.name), value));
    }
  }

  // The parameters of a request for one model: the values of the controls that it has.
  parameters(model) {
    const { count } = this, asked = this.settings.text("class"), named = model.classes.includes(asked) ? asked : "";
    const of = (kind) => model.sliders.filter((slider) => slider.kind === kind).map((slider) => this.position(slider) ?? "").join(",");
    const images = model.points ? {} : { count, columns: columnsOf(count, named === "" ? model.classes.length : 0) };
    return {
      seed: this.seedValue(), ...images, class: named, directions: of("directions"), continuous: of("continuous"),
      categorical: model.choices.map((code) => this.choice(code) ?? "").join(","),
      truncation: model.truncation ? this.range("truncation") : 1,
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
