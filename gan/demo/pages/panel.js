// One model on the page: its picture, its interpolation, and the training images nearest to the chosen image.

import { counted, element, newestOnly } from "./elements.js";
import { HINT, showChosen } from "./nearest.js";
import { json, picture } from "./requests.js";

const STEPS = 24; // frames from one seed to the next; fewer where a model's images are large
export const GAP = 2; // black pixels between images, as gan.pictures.grid has them
const SAVED = 1024; // approximate pixels of the longer side of a saved picture

export class Panel {
  // changed(): called when another model was chosen.
  constructor(place, controls, number, names, changed) {
    this.controls = controls;
    this.changed = changed;
    this.root = document.getElementById("panel").content.cloneNode(true).firstElementChild;
    place.append(this.root);
    this.select = this.root.querySelector("select");
    this.canvas = this.root.querySelector("canvas");
    this.mark = this.root.querySelector(".mark");
    this.names(names, number);
    this.hint();
    this.select.onchange = () => this.open(Number(this.select.value));
    this.root.querySelector(".download").onclick = () => this.save();
    this.canvas.onclick = (event) => this.clicked(event);
    this.canvas.onkeydown = (event) => this.pressed(event);
    this.update = newestOnly((signal) => this.draw(signal));
  }

  names(names, chosen) {
    this.select.replaceChildren(...names.map((name, number) => element("option", { value: number }, name)));
    this.select.value = chosen;
  }

  async open(number) {
    this.number = number;
    this.select.value = number;
    this.forget();
    await this.guarded(async () => {
      this.model = null;
      this.model = await json("/api/model", { model: number });
      const { sha256 } = this.model;
      Object.assign(this.root.querySelector(".facts"), { textContent: facts(this.model), title: sha256 && `sha256 ${sha256}` });
      this.root.querySelector(".nearest").hidden = this.model.points;
    });
    this.changed(this);
    await this.update();
  }

  // Run something; show its error in the panel until something succeeds.
  async guarded(work) {
    const fault = this.root.querySelector(".fault");
    try {
      const done = await work();
      fault.hidden = true;
      return done;
    } catch (error) {
      fault.textContent = error.message;
      fault.hidden = false;
    }
  }

  asked() { return { model: this.number, ...this.controls.parameters(this.model) }; }

  async draw(signal) {
    if (!this.model) return;
    await this.guarded(async () => {
      this.parameters = this.asked();
      const shown = (image) => this.paint(image);
      shown(await picture("/api/images.png", this.parameters, { shown, signal }));
    });
  }

  paint(image, top = 0, height = image.height) {
    if (this.canvas.width !== image.width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width: image.width, height });
    }
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, image.width, height);
    context.drawImage(image, 0, top, image.width, height, 0, 0, image.width, height);
  }

  // From the images of a seed to the images of the next one: all frames below each other.
  async walk(seed) {
    if (!this.model || this.model.points) return null;
    const parameters = { ...this.asked(), seed };
    const steps = Math.min(STEPS, Math.floor(this.model.most.walked / parameters.count));
    const image = await this.guarded(() => picture("/api/walk.png", { ...parameters, to: seed + 1, steps }));
    return image ? { image, steps, parameters } : null;
  }

  async frame({ image, steps, parameters }, number) {
    this.forget();
    this.parameters = parameters;
    const height = image.height / steps;
    await image.until?.(number);
    this.paint(image, Math.min(steps - 1, number) * height, height);
  }

  clicked(event) {
    const box = this.canvas.getBoundingClientRect(), { columns, count } = this.parameters;
    const rows = Math.ceil(count / columns);
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    const index = Math.min(rows - 1, row) * columns + Math.min(columns - 1, column);
    if (index >= 0 && index < count) this.choose(index);
  }

  // The arrow keys choose an image, like a click.
  pressed(event) {
    const { columns, count } = this.parameters ?? {}, from = this.chosen ?? 0;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, ArrowUp: from - columns, ArrowDown: from + columns, Enter: from }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to >= 0 && to < count) this.choose(to);
  }

  choose(index) {
    if (!this.model || this.model.points) return;
    const place = this.root.querySelector(".nearest");
    this.chosen = index;
    this.showMark(index);
    return showChosen(this, place, index);
  }

  showMark(index) {
    const { columns } = this.parameters, [, height, width] = this.model.shape;
    const share = (pixels, all) => `${100 * pixels / all}%`;
    Object.assign(this.mark.style, {
      left: share(index % columns * (width + GAP), this.canvas.width),
      top: share(Math.floor(index / columns) * (height + GAP), this.canvas.height),
      width: share(width, this.canvas.width), height: share(height, this.canvas.height),
    });
    this.mark.hidden = false;
  }

  hint() { this.root.querySelector(".nearest").replaceChildren(element("p", { class: "quiet" }, HINT)); }

  // Remove what was found for an image that is no longer shown.
  forget() {
    if (this.chosen === undefined) return;
    this.chosen = undefined;
    this.mark.hidden = true;
    this.hint();
  }

  save(canvas = this.canvas, name = `seed-${this.parameters?.seed ?? 0}.png`) {
    const scale = Math.max(1, Math.round(SAVED / Math.max(canvas.width, canvas.height)));
    const large = element("canvas", { width: canvas.width * scale, height: canvas.height * scale });
    const context = large.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, 0, 0, large.width, large.height);
    large.toBlob((blob) => {
      const link = element("a", { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}

function facts(model) {
  const { measures, epochs } = model;
  const parts = [model.data, `${model.family}, ${(model.parameters / 1e3).toFixed(0)} k weights`, `z: ${model.latent}`];
  if (epochs) parts.push(counted(epochs, "epoch"));
  if (measures.fcd !== undefined) parts.push(`FCD ${measures.fcd.toPrecision(3)}`);
  for (const name of ["recall", "coverage"]) if (measures[name] !== undefined) parts.push(`${name} ${measures[name].toFixed(2)}`);
  if (measures.label_accuracy !== undefined) parts.push(`label accuracy ${(100 * measures.label_accuracy).toFixed(0)} %`);
  return parts.filter(Boolean).join(" · ");
}
