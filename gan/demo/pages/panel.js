// One model on the page: its picture, its interpolation, and the training images nearest to the chosen image.

import { counted, download, element, newestOnly } from "./elements.js";
import { offerServed } from "./served.js";
import { rove } from "./keys.js";
import { HINT, showChosen } from "./nearest.js";
import { json, picture } from "./requests.js";

const STEPS = 24; // frames from one seed to the next; fewer where a model's images are large
export const GAP = 2; // black pixels between images, as gan.pictures.grid has them
const SAVED = 1024; // approximate pixels of the longer side of a saved picture

export class Panel {
  // changed(panel): called when another model was chosen. opened(): called before an image is opened; awaited.
  constructor(place, controls, number, names, { changed, opened }) {
    Object.assign(this, { controls, changed, opened });
    this.root = document.getElementById("panel").content.cloneNode(true).firstElementChild;
    place.append(this.root);
    this.select = this.root.querySelector("select");
    this.canvas = this.root.querySelector("canvas");
    this.cells = this.root.querySelector(".cells");
    this.names(names, number);
    this.hint();
    this.select.onchange = () => this.open(Number(this.select.value));
    this.root.querySelector(".download").onclick = () => this.save();
    offerServed(this);
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
      const model = await json("/api/model", { model: number });
      if (this.number !== number) return; // another one was chosen since
      this.model = model;
      const { sha256 } = this.model;
      Object.assign(this.root.querySelector(".facts"), { textContent: facts(this.model), title: sha256 && `sha256 ${sha256}` });
      for (const part of this.root.querySelectorAll(".nearest, .served")) part.hidden = this.model.points;
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
      this.showCells();
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
    this.canvas.parentElement.style.setProperty("--ratio", image.width / height);
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
    this.showCells();
    const height = image.height / steps;
    await image.until?.(number);
    if (this.parameters !== parameters) return; // other images were asked for meanwhile
    this.paint(image, Math.min(steps - 1, number) * height, height);
  }

  // A grid of cells over the picture, one for each image: they are clicked, and have the focus.
  showCells() {
    const { count, columns, class: asked } = this.parameters, { points, shape: [, height, width] } = this.model;
    const key = [this.number, count, columns, asked].join();
    if (key === this.shownCells) return;
    this.shownCells = key;
    this.canvas.ariaHidden = !points; // the cells have the names
    if (points) return this.cells.replaceChildren();
    const rows = Math.ceil(count / columns), share = (pixels, images) => `${100 * pixels / (images * (pixels + GAP) - GAP)}%`;
    Object.assign(this.cells.style, {
      gridTemplateColumns: `repeat(${columns}, ${share(width, columns)})`,
      gridTemplateRows: `repeat(${rows}, ${share(height, rows)})`,
    });
    const cells = Array.from({ length: count }, (_, index) => this.cell(index));
    this.cells.replaceChildren(...Array.from({ length: rows }, (_, row) =>
      element("div", { role: "row" }, ...cells.slice(row * columns, (row + 1) * columns))));
    rove(cells, { columns });
  }

  cell(index) {
    const cell = element("div", { role: "gridcell", "aria-label": this.nameOf(index), "aria-selected": false });
    cell.onclick = () => this.choose(index);
    cell.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.choose(index);
    };
    return cell;
  }

  // As "image 5, class 4".
  nameOf(index) {
    const { class: asked } = this.parameters, { classes } = this.model;
    return `image ${index + 1}${classes.length ? `, class ${asked || classes[index % classes.length]}` : ""}`;
  }

  // Open an image; close it if it is open.
  async choose(index) {
    if (this.chosen === index) return this.forget();
    await this.opened();
    this.forget();
    this.chosen = index;
    this.mark(true);
    const place = this.root.querySelector(".nearest");
    await showChosen(this, place, index);
    if (this.chosen === index) place.scrollIntoView({ block: "nearest" });
  }

  mark(chosen) { this.cells.querySelectorAll("[role=gridcell]")[this.chosen]?.setAttribute("aria-selected", chosen); }

  // Close the opened image; the focus goes back to it.
  close() {
    if (this.root.querySelector(".nearest").contains(document.activeElement)) this.cells.querySelector("[aria-selected=true]")?.focus();
    this.forget();
  }

  hint() { this.root.querySelector(".nearest").replaceChildren(element("p", { class: "quiet" }, HINT)); }

  // Remove what was found for an image that is no longer shown.
  forget() {
    if (this.chosen === undefined) return;
    this.mark(false);
    this.chosen = undefined;
    this.hint();
  }

  save(canvas = this.canvas, name = `seed-${this.parameters?.seed ?? 0}.png`) {
    const scale = Math.max(1, Math.round(SAVED / Math.max(canvas.width, canvas.height)));
    const large = element("canvas", { width: canvas.width * scale, height: canvas.height * scale });
    const context = large.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, 0, 0, large.width, large.height);
    large.toBlob((blob) => download(blob, name));
  }
}

function facts(model) {
  const { measures, epochs } = model;
  const parts = [model.data, `${model.family}, ${(model.parameters / 1e3).toFixed(0)} k weights`, `latent vector: ${model.latent} numbers`];
  if (epochs) parts.push(counted(epochs, "epoch"));
  if (measures.fcd !== undefined) parts.push(`FCD ${measures.fcd.toPrecision(3)} (lower is better)`);
  for (const name of ["recall", "coverage"]) if (measures[name] !== undefined) parts.push(`${name} ${measures[name].toFixed(2)}`);
  if (measures.label_accuracy !== undefined) parts.push(`label accuracy ${(100 * measures.label_accuracy).toFixed(0)} %`);
  return parts.filter(Boolean).join(" · ");
}
