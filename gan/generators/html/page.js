"use strict";
const $ = (id) => document.getElementById(id);
const model = JSON.parse($("model").textContent);
const code = $("layers").textContent;
const [channels, height, width] = model.image_shape, SIDE = 8, COUNT = SIDE * SIDE, GAP = 1;
let chosen = 0, id = 0, largeId = 0, started = 0, moved = {};
const worker = new Worker(URL.createObjectURL(new Blob([code, $("worker").textContent], { type: "text/javascript" })));

function draw(canvas, pixels, x, y) {
  const picture = new ImageData(width, height), plane = height * width;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = pixels[(channels === 1 ? 0 : c) * plane + i];
    picture.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, x, y);
}

const seed = () => Math.max(0, Math.floor(Number($("seed").value)) || 0);
function image(number) {
  const z = latent(model.prior, seed(), number), psi = Number($("truncation").value);
  for (let i = 0; i < model.prior.latent_dim; i++) z[i] *= psi;
  const value = $("class").value;
  const label = model.num_classes ? (value === "" ? number % model.num_classes : Number(value)) : null;
  return { z, label };
}

function enlarge() {
  const one = image(chosen);
  for (const [number, amount] of Object.entries(moved)) model.sliders[number].direction.forEach((d, i) => { one.z[i] += amount * d; });
  worker.postMessage({ images: [one], large: true, id: ++largeId });
}

function grid() {
  $("psi").value = Number($("truncation").value).toFixed(2);
  started = performance.now();
  $("status").textContent = "Making images …";
  worker.postMessage({ images: Array.from({ length: COUNT }, (_, i) => image(i)), id: ++id });
  enlarge();
}

function choose(number) {
  chosen = Math.min(COUNT - 1, Math.max(0, number));
  const x = chosen % SIDE, y = Math.floor(chosen / SIDE), part = (n) => `${100 * n / SIDE}%`;
  Object.assign($("mark").style, { left: part(x), top: part(y), width: part(1), height: part(1) });
  const { label } = image(chosen), name = label === null ? "" : `, class ${model.class_names[label] ?? label}`;
  $("grid").setAttribute("aria-label", `64 images; image ${chosen + 1} is chosen${name}`);
  enlarge();
}

function save(canvas, name) {
  const link = document.createElement("a");
  link.download = name;
  link.href = canvas.toDataURL("image/png");
  link.click();
}

function slider(row, number) {
  const label = document.createElement("label"), name = document.createElement("span");
  const input = document.createElement("input"), out = document.createElement("output");
  label.className = "slider";
  name.textContent = row.name;
  Object.assign(input, { type: "range", min: -row.reach, max: row.reach, step: row.reach / 50, value: 0 });
  input.addEventListener("input", () => { moved[number] = Number(input.value); out.value = moved[number].toFixed(1); enlarge(); });
  label.append(name, input, out);
  $("sliders").append(label);
}

worker.onerror = (event) => { $("message").hidden = false; $("message").textContent = `The generator failed: ${event.message}`; };
worker.onmessage = ({ data }) => {
  if (data.ready) return grid();
  if (data.large) return data.id === largeId && draw($("large"), data.pixels, 0, 0);
  if (data.id !== id) return;
  draw($("grid"), data.pixels, (data.number % SIDE) * (width + GAP), Math.floor(data.number / SIDE) * (height + GAP));
  const ms = performance.now() - started, each = ms / (data.number + 1);
  const slow = each > 1000 ? ` (${(each / 1000).toFixed(1)} s each: plain JavaScript is slow for a network of this size; Python is much faster)` : "";
  $("status").textContent = data.number + 1 < COUNT ? `${data.number + 1} of ${COUNT} images${slow}` : `${COUNT} images in ${Math.round(ms)} ms${slow}`;
};

function begin() {
  $("grid").width = SIDE * (width + GAP) - GAP;
  $("grid").height = SIDE * (height + GAP) - GAP;
  $("large").width = width;
  $("large").height = height;
  $("summary").textContent = model.summary;
  $("card").textContent = model.card;
  $("classes").hidden = !model.num_classes;
  $("truncations").hidden = model.prior.name !== "normal";
  const option = (text, value) => { const made = document.createElement("option"); made.textContent = text; made.value = value; $("class").append(made); };
  option("all, in turn", "");
  for (let i = 0; i < model.num_classes; i++) option(model.class_names[i] ?? String(i), i);
  model.sliders.forEach(slider);
  for (const name of ["seed", "class", "truncation"]) $(name).addEventListener("input", () => { grid(); choose(chosen); });
  const next = () => { $("seed").value = seed() + 1; grid(); };
  $("next").addEventListener("click", next);
  $("reset").addEventListener("click", () => {
    moved = {};
    $("sliders").querySelectorAll("input").forEach((input) => { input.value = 0; input.nextElementSibling.value = ""; });
    enlarge();
  });
  $("save").addEventListener("click", () => save($("grid"), `images-seed-${seed()}.png`));
  $("save-one").addEventListener("click", () => save($("large"), `image-seed-${seed()}-${chosen}.png`));
  $("grid").addEventListener("click", (event) => {
    const box = $("grid").getBoundingClientRect(), cell = (at, from, size) => Math.min(SIDE - 1, Math.floor(SIDE * (at - from) / size));
    choose(SIDE * cell(event.clientY, box.top, box.height) + cell(event.clientX, box.left, box.width));
  });
  $("grid").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE }[event.key];
    if (step) { event.preventDefault(); if (chosen + step >= 0 && chosen + step < COUNT) choose(chosen + step); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT)$/.test(event.target.tagName)) next();
  });
  worker.postMessage({ model: { layers: model.layers, places: model.places, weights: model.weights, mean: model.mean, std: model.std } });
  choose(0);
}
begin();
