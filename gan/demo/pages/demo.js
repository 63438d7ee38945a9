// The page of `gan demo`: one model or two, under the same controls.

import { Settings, numberOf } from "./address.js";
import { Controls } from "./controls.js";
import { byId, newestOnly } from "./elements.js";
import { openFiles } from "./files.js";
import { Panel } from "./panel.js";
import { json } from "./requests.js";

const panels = [];
let names = [], usual = []; // names of the models; the models that are shown if the address names none
let journey = null; // the interpolation that is running

function showMessage(message) {
  byId("message").textContent = message;
  byId("message").hidden = !message;
  if (message) byId("message").scrollIntoView({ block: "nearest" }); // the controls are far below it on a phone
}

const settings = new Settings(follow);
const controls = new Controls(settings, () => {
  if (journey) return renewed();
  panels.forEach((panel) => { panel.forget(); panel.update(); });
});

// A panel has another model, or there is another number of panels.
function shown() {
  const models = panels.map(({ model }) => model).filter(Boolean), before = controls.count;
  const numbers = panels.map(({ number }) => number).join();
  settings.set("generators", numbers === usual.join() ? "" : numbers);
  byId("panels").classList.toggle("two", panels.length > 1);
  byId("compare").setAttribute("aria-pressed", panels.length > 1);
  byId("compare").hidden = names.length === 1;
  if (models.length) controls.show(models);
  if (controls.count !== before) panels.forEach((panel) => panel.update());
  if (journey) renewed();
}

async function addPanel(number) {
  const opened = () => (journey ? stop() : undefined);
  const panel = new Panel(byId("panels"), controls, number, names, { changed: shown, opened });
  panels.push(panel);
  await panel.open(number);
}

// Show these models, at most two, side by side.
async function showModels(numbers) {
  panels.splice(numbers.length).forEach((panel) => panel.root.remove());
  for (const [place, number] of numbers.entries()) {
    if (!panels[place]) await addPanel(number);
    else if (panels[place].number !== number) await panels[place].open(number);
  }
  shown();
}

// The models of the address; a number that no model has is ignored.
function modelsOfAddress() {
  const numbers = settings.text("generators").split(",").map((text) => numberOf(text, 0, Infinity, true));
  const known = numbers.filter((number) => number < names.length).slice(0, 2);
  return known.length ? known : usual;
}

// Another address was opened in this tab.
async function follow() {
  await stop();
  await showModels(modelsOfAddress());
  panels.forEach((panel) => { panel.forget(); panel.update(); });
}

byId("compare").onclick = () => {
  const { number } = panels[0];
  return showModels(panels.length === 1 ? [number, (number + 1) % names.length] : [number]);
};

// An endless interpolation from seed to seed; the next part is requested while one is shown. A changed control takes effect
// at the current frame.
const partsFrom = (seed) => Promise.all(panels.map((panel) => panel.walk(seed)));
const renewed = newestOnly(async () => {
  const current = journey;
  if (!current) return;
  current.parts = await partsFrom(current.from);
  current.next = partsFrom(current.from + 1);
});

async function walk() {
  const mine = journey = { from: controls.seedValue(), parts: [], next: null };
  mine.next = partsFrom(mine.from);
  while (journey === mine) {
    mine.parts = await mine.next;
    if (journey !== mine) return;
    const steps = Math.max(0, ...mine.parts.map((part) => part?.steps ?? 0));
    if (steps === 0) return stop();
    const to = mine.from + 1;
    controls.showSeed(to);
    mine.next = partsFrom(to);
    for (let frame = 0; frame < steps && journey === mine && controls.seedValue() === to; frame++) {
      const shown = new Promise((resolve) => { setTimeout(resolve, 1000 / controls.range("speed")); });
      await Promise.all(panels.map((panel, index) => mine.parts[index] && panel.frame(mine.parts[index], frame)));
      await shown;
    }
    mine.from = controls.seedValue();
    if (mine.from !== to) mine.next = partsFrom(mine.from);
  }
}

// The picture of a seed comes back, so that the controls and the address say what is seen.
function stop() {
  if (!journey) return undefined;
  journey = null;
  showWalking();
  return Promise.all(panels.map((panel) => panel.update()));
}

function showWalking() {
  byId("walk").textContent = journey ? "❚❚ Stop" : "▶ Interpolate";
  byId("walk").setAttribute("aria-pressed", journey !== null);
}

byId("walk").onclick = () => {
  if (journey) return stop();
  walk();
  showWalking();
};

document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  stop();
  panels.forEach((panel) => panel.close());
});

openFiles(async (added) => {
  names = added.models;
  panels.forEach((panel) => panel.names(names, panel.number));
  showMessage("");
  await panels.at(-1).open(added.model);
}, showMessage);

try {
  const pages = await json("/api/pages");
  names = pages.models;
  document.querySelector("nav").hidden = pages.runs.length === 0;
  byId("models-part").hidden = pages.local && names.length === 1;
  usual = names.length === 2 || (pages.local && names.length > 2) ? [0, 1] : [0];
  await showModels(modelsOfAddress());
} catch (error) { showMessage(error.message); }
