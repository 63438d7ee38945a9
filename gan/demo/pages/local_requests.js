// What requests.js asks the server for, made by generators in this page: each has a worker, which runs worker.js.

import { byId, element } from "./elements.js";
import { GAP } from "./panel.js";

const SLOW = 1000; // milliseconds of an image
const local = [...document.querySelectorAll("script.model")].map((script) => JSON.parse(script.textContent));
const workers = [];
const pictures = new Map(); // under way, by the number of the job

function workerOf(number) {
  if (workers[number]) return workers[number];
  const source = new Blob([byId("worker").textContent], { type: "text/javascript" });
  const worker = workers[number] = new Worker(URL.createObjectURL(source));
  worker.onmessage = ({ data }) => pictures.get(data.id)?.take(data);
  worker.onerror = ({ message }) => report(`${local[number].name}: ${message}`);
  worker.postMessage({ model: local[number].generator });
  return worker;
}

function report(text) { byId("status").textContent = text; }

// A canvas that fills with images, frame under frame.
class Picture {
  static last = 0;

  constructor(model, parameters, steps, shown) {
    const { count, columns, seed } = parameters, [, height, width] = model.shape, rows = Math.ceil(count / columns);
    this.id = ++Picture.last;
    Object.assign(this, { model, steps, shown, seed, columns, count, done: 0, waiting: [], start: performance.now() });
    this.frame = rows * (height + GAP) - GAP;
    this.canvas = element("canvas", { width: columns * (width + GAP) - GAP, height: this.frame * steps });
    this.context = this.canvas.getContext("2d");
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.until = (frame) => this.until((frame + 1) * count);
    pictures.set(this.id, this);
  }

  // When so many images are there, or no more will come.
  until(images) {
    return new Promise((resolve) => { this.waiting.push([images, resolve]); this.look(); });
  }

  look() {
    for (const [images, resolve] of this.waiting) if (this.done >= images || this.ended) resolve();
  }

  take({ frame, first, last, pixels }) {
    const [channels, height, width] = this.model.shape, plane = height * width, size = channels * plane;
    for (let n = first; n < last; n++) {
      const image = new ImageData(width, height), from = (n - first) * size;
      for (let i = 0; i < plane; i++) {
        for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[from + (channels === 1 ? 0 : c * plane) + i];
        image.data[4 * i + 3] = 255;
      }
      const top = frame * this.frame + Math.floor(n / this.columns) * (height + GAP);
      this.context.putImageData(image, n % this.columns * (width + GAP), top);
    }
    this.done = frame * this.count + last;
    if (this.done === this.count * this.steps) this.end();
    this.shown?.(this.canvas);
    if (this.steps === 1) this.tell();
    this.look();
  }

  tell() {
    const took = performance.now() - this.start, each = took / this.done, { count, done, model } = this;
    const slow = each < SLOW ? "" : ` ${(each / 1000).toFixed(1)} s per image: this network is slow in JavaScript; Python is faster.`;
    report(`${model.name}: ${done < count ? `${done} of ${count}` : count} images in ${Math.round(took)} ms.${slow}`);
  }

  end() {
    this.ended = true;
    pictures.delete(this.id);
    this.look();
  }
}

export async function json(path, { model } = {}) {
  return path === "/api/pages" ? { models: local.map(({ name }) => name), runs: [], local: true } : local[model];
}

// A canvas, complete for images, with its first frame for a walk. A walk goes on beside one from another seed, and ends the others.
export async function picture(path, asked, { shown, signal } = {}) {
  const { model: number, to, steps = 1, ...rest } = asked, { count, seed } = rest, model = local[number], key = JSON.stringify(asked);
  const others = [...pictures.values()].filter((one) => one.model === model), walks = others.filter((one) => one.steps > 1);
  const same = walks.find((one) => one.key === key), made = same ?? new Picture(model, rest, steps, shown);
  if (!same) {
    const { classes } = model, chosen = classes.indexOf(rest.class);
    const labels = classes.length ? Array.from({ length: count }, (_, i) => (chosen < 0 ? i % classes.length : chosen)) : null;
    const kept = steps > 1 ? walks.filter((one) => one.seed !== seed).slice(-1) : others.filter((one) => one.steps === 1);
    const end = (ended, job) => {
      ended.forEach((one) => one.end());
      workerOf(number).postMessage({ job, ended: ended.map(({ id }) => id) });
    };
    made.key = key;
    end(others.filter((one) => !kept.includes(one)), { id: made.id, parameters: { ...rest, to, truncation: Number(rest.truncation), labels }, steps });
    signal?.addEventListener("abort", () => end([made]));
  }
  await made.until(count);
  return made.canvas;
}
