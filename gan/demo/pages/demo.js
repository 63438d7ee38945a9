// The page of `gan demo`: one model or two, under the same controls.

import { Controls } from "./controls.js";
import { byId, newestOnly } from "./elements.js";
import { openFiles } from "./files.js";
import { Panel } from "./panel.js";
import { json } from "./requests.js";

const panels = [];
let names = [], walking = false;

function showMessage(message) {
  byId("message").textContent = message;
  byId("message").hidden = !message;
}

const controls = new Controls(() => {
  if (walking) return renewed();
  panels.forEach((panel) => { panel.forget(); panel.update(); });
});

function shown() {
  const models = panels.map(({ model }) => model).filter(Boolean);
  if (models.length) controls.show(models);
  if (walking) renewed();
}

async function addPanel(number) {
  const panel = new Panel(byId("panels"), controls, number, names, shown);
  panels.push(panel);
  byId("panels").classList.toggle("two", panels.length > 1);
  await panel.open(number);
}

byId("compare").onclick = async () => {
  const two = panels.length === 1;
  byId("compare").setAttribute("aria-pressed", two);
  if (two) return addPanel((panels[0].number + 1) % names.length);
  panels.pop().root.remove();
  shown();
  byId("panels").classList.remove("two");
};

// An endless interpolation from seed to seed; the next part is requested while one is shown. A changed control takes effect
// at the current frame.
const journey = { from: 0, parts: [], next: null };
const partsFrom = (seed) => Promise.all(panels.map((panel) => panel.walk(seed)));
const renewed = newestOnly(async () => {
  journey.parts = await partsFrom(journey.from);
  journey.next = partsFrom(journey.from + 1);
});

async function walk() {
  journey.from = controls.seedValue();
  journey.next = partsFrom(journey.from);
  while (walking) {
    journey.parts = await journey.next;
    const steps = Math.max(0, ...journey.parts.map((part) => part?.steps ?? 0));
    if (steps === 0) stop();
    const to = journey.from + 1;
    controls.seed.value = to;
    journey.next = partsFrom(to);
    for (let frame = 0; frame < steps && walking && controls.seedValue() === to; frame++) {
      const shown = new Promise((resolve) => { setTimeout(resolve, 1000 / byId("speed").value); });
      await Promise.all(panels.map((panel, index) => journey.parts[index] && panel.frame(journey.parts[index], frame)));
      await shown;
    }
    journey.from = controls.seedValue();
    if (journey.from !== to) journey.next = partsFrom(journey.from);
  }
}

function stop() {
  walking = false;
  byId("walk").textContent = "▶ Interpolate";
  byId("walk").setAttribute("aria-pressed", false);
}

byId("walk").onclick = () => {
  if (walking) return stop();
  walking = true;
  byId("walk").textContent = "❚❚ Stop";
  byId("walk").setAttribute("aria-pressed", true);
  walk();
};

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
  await addPanel(0);
  if (names.length === 2 || (pages.local && names.length > 2)) byId("compare").click();
} catch (error) { showMessage(error.message); }
