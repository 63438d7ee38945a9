// One model on the page: its picture, its walk, and the training images nearest to what was clicked.

import { counted, element, json, newestOnly, picture } from "./requests.js";

const STEPS = 24; // frames from one seed to the next; fewer where a model's images are large
const GAP = 2; // black pixels between images, as gan.pictures.grid has them
const SAVED = 1024; // pixels, about, of the wider side of a saved picture

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
    this.select.onchange = () => this.open(Number(this.select.value));
    this.root.querySelector(".download").onclick = () => this.save();
    this.canvas.onclick = (event) => this.clicked(event);
    this.canvas.onkeydown = (event) => { if (event.key === "Enter") this.nearest(this.chosen ?? 0); };
    this.update = newestOnly(() => this.draw());
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
      this.root.querySelector(".facts").textContent = facts(this.model);
      this.root.querySelector(".facts").title = this.model.sha256 && `sha256 ${this.model.sha256}`;
      this.root.querySelector(".nearest").hidden = this.model.points;
    });
    this.changed(this);
    await this.update();
  }

  // Run something; an error of it stands in the panel until the next thing that works.
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

  async draw() {
    if (!this.model) return;
    await this.guarded(async () => {
      this.parameters = this.asked();
      this.paint(await picture("/api/images.png", this.parameters));
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

  // From a seed's images to those of the next: all frames under each other.
  async walk(seed) {
    if (!this.model || this.model.points) return null;
    const parameters = { ...this.asked(), seed };
    const steps = Math.min(STEPS, Math.floor(this.model.most.walked / parameters.count));
    const image = await this.guarded(() => picture("/api/walk.png", { ...parameters, to: seed + 1, steps }));
    return image ? { image, steps, parameters } : null;
  }

  frame({ image, steps, parameters }, number) {
    this.forget();
    this.parameters = parameters;
    const height = image.height / steps;
    this.paint(image, Math.min(steps - 1, number) * height, height);
  }

  clicked(event) {
    const box = this.canvas.getBoundingClientRect(), { columns, count } = this.parameters;
    const rows = Math.ceil(count / columns);
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    const index = Math.min(rows - 1, row) * columns + Math.min(columns - 1, column);
    if (index >= 0 && index < count) this.nearest(index);
  }

  async nearest(index) {
    if (!this.model || this.model.points) return;
    const place = this.root.querySelector(".nearest");
    this.chosen = index;
    this.showMark(index);
    place.replaceChildren(element("p", { class: "quiet" }, "Looking through the training images…"));
    const found = await this.guarded(() => json("/api/nearest", { ...this.parameters, index }));
    if (this.chosen !== index) return;
    place.replaceChildren(...(found ? neighbours(found) : []));
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

  // What was found for an image that is shown no more.
  forget() {
    if (this.chosen === undefined) return;
    this.chosen = undefined;
    this.mark.hidden = true;
    this.root.querySelector(".nearest").replaceChildren(
      element("p", { class: "quiet" }, "Click on an image: which training images are nearest?"));
  }

  save() {
    const scale = Math.max(1, Math.round(SAVED / Math.max(this.canvas.width, this.canvas.height)));
    const large = element("canvas", { width: this.canvas.width * scale, height: this.canvas.height * scale });
    const context = large.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.canvas, 0, 0, large.width, large.height);
    large.toBlob((blob) => {
      const link = element("a", { href: URL.createObjectURL(blob), download: `seed-${this.parameters?.seed ?? 0}.png` });
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
  if (measures.label_accuracy !== undefined) parts.push(`classes right ${(100 * measures.label_accuracy).toFixed(0)} %`);
  return parts.filter(Boolean).join(" · ");
}

function neighbours({ image, neighbours: found, usual, origin }) {
  const nearest = found[0].distance;
  let verdict = `The nearest is ${nearest.toFixed(3)} away (root mean square of the pixels' difference).`;
  if (usual) {
    verdict += ` Of ${usual.images} real images that were never trained on, half are nearer than ${usual.median.toFixed(3)}`
      + ` to theirs, and 1 % nearer than ${usual.least.toFixed(3)}: `
      + (nearest < usual.least ? "this one may be a copy." : "no sign of a copy.");
  }
  const shown = (source, caption) => element("figure", {},
    element("img", { src: source, alt: caption }), element("figcaption", {}, caption));
  return [
    element("div", { class: "neighbours" }, shown(image, "generated"),
      ...found.map((one) => shown(one.image, `${one.distance.toFixed(3)}${one.class ? ` · ${one.class}` : ""}`))),
    element("p", { class: nearest < (usual?.least ?? 0) ? "warned" : "" }, verdict),
    element("p", { class: "quiet" }, origin),
  ];
}
