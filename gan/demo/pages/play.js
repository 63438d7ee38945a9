// The page of `gan play`: controls the training process and draws its state.

import { byId } from "./elements.js";
import { drawChart, element as drawn, short } from "./chart.js";
import { LAYERS, drawPlane, surfaceText } from "./plane.js";
import { counted, element, json, newestOnly, send } from "./requests.js";

const SPEEDS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, null]; // minibatches per second; null: as many as possible
const STEPS = 1000; // of the button for many steps
const RUNNING = 90, IDLE = 1000; // milliseconds between two requests
const PLANE = 1.25, EDGE = 1, MOST_DRAWN = 2000, KEY_STEP = 0.05; // normalised; drawn points are from -1 to 1
const WIDTH = 460, HEIGHT = 190; // of the chart; its card scales it
const PATHS = { "d-lr": "optimizer.discriminator.lr", "g-lr": "optimizer.generator.lr", "n-critic": "schedule.n_critic" };
const layers = new Set(Object.keys(LAYERS));
let options = {}, state = { state: "starting", real: [], fake: [], arrows: [] };
let data = "ring", drawing = false, points = [], cursor = [0, 0], timer = 0;

const isAlive = () => ["running", "paused"].includes(state.state);

function showMessage(message) {
  byId("message").textContent = message;
  byId("message").hidden = !message;
}

// Commands go one at a time: the server has one training process.
let last = Promise.resolve();
function command(asked) { // a promise: whether it succeeded
  last = last.then(async () => {
    try {
      const answer = await send("/api/play", {}, JSON.stringify(asked));
      if (asked.do !== "look") showMessage("");
      show(answer, asked.do !== "look");
      return true;
    } catch (error) {
      showMessage(error.message);
      if (asked.do === "change") showSettings();
      return false;
    }
  });
  return last;
}

const look = newestOnly(async () => {
  clearTimeout(timer);
  if (isAlive()) await command({ do: "look" });
  timer = setTimeout(look, state.state === "running" ? RUNNING : IDLE);
});

// The state of the training.

function show(answer, settings) {
  const other = answer.run !== state.run || String(answer.changes) !== String(state.changes);
  state = { ...state, ...answer };
  if (settings || other) showSettings();
  if (byId("state").textContent !== state.state) byId("state").textContent = state.state;
  byId("state").className = `badge ${state.state}`;
  byId("start").textContent = state.state === "running" ? "❚❚ Pause" : "▶ Start";
  for (const id of ["start", "step", "steps", "end"]) byId(id).disabled = !isAlive();
  byId("new").disabled = false;
  if (state.why) showMessage(state.why);
  if (state.minibatches === undefined) return;
  showNumbers();
  showChart();
  paint();
  byId("run").textContent = isAlive() ? `Saved in ${state.run}` : `Saved in ${state.run}. To repeat it: gan repeat ${state.run}`;
  if (other) byId("changes").replaceChildren(...state.changes.map((change) => element("li", {}, change)));
}

function showNumbers() {
  const latest = state.losses.map(({ name, y }) => `${name === "d_loss" ? "D" : "G"}'s loss ${short(y.at(-1))}`);
  const modes = state.modes && [`${state.modes.covered} of ${state.modes.of} modes`, `${(100 * state.modes.good).toFixed(1)} % good points`];
  byId("numbers").textContent = [counted(state.minibatches, "minibatch").replace("minibatchs", "minibatches"), ...(modes ?? []),
    `gradient for G ${short(state.gradient)}`, ...latest].join(" · ");
  byId("surface").textContent = surfaceText(state.surface);
}

function showChart() {
  const curves = state.losses.map((line, index) => ({ ...line, colour: index, dash: 0 }));
  if (!curves[0].x.length) return byId("charts").replaceChildren();
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "losses of D and G over minibatches" });
  drawChart(svg, WIDTH, HEIGHT, curves, { xs: [0, Math.max(1, state.minibatches)] });
  const legend = curves.map(({ name, colour }) => element("span", { class: `c${colour}` }, name === "d_loss" ? "D's loss" : "G's loss"));
  byId("charts").replaceChildren(element("figure", { class: "card" }, element("h2", {}, "Losses over minibatches"), svg,
    element("figcaption", {}, ...legend)));
}

function paint() {
  const canvas = byId("plane");
  if (drawing) {
    drawPlane(canvas, PLANE, { real: points, fake: [], arrows: [] }, new Set(["real"]), document.activeElement === canvas ? cursor : null);
    canvas.setAttribute("aria-label", `drawing: ${counted(points.length, "point")}, cursor at ${cursor.map((at) => at.toFixed(2)).join(", ")}`);
    return;
  }
  drawPlane(canvas, PLANE, state, layers);
  canvas.setAttribute("aria-label", "real points, generated points, the discriminator's surface and the gradients of the generator");
}

// The settings of the current or the next run.

function field(setting, value) {
  const input = element("input", { type: "number", step: "any", id: setting.path, title: setting.meaning });
  input.value = value;
  input.onchange = () => change({ [setting.path]: Number(input.value) });
  return element("label", { class: "setting" }, element("span", {}, setting.path.split(".")[1]), input);
}

function showGroup(group, name, values) {
  const chosen = options[group].find((option) => option.name === name);
  byId(group).value = name;
  byId(`${group}-about`).textContent = chosen.about;
  byId(`${group}-settings`).replaceChildren(...chosen.settings.map((setting) =>
    field(setting, values[setting.path] ?? setting.default)));
}

function showSettings() {
  const { settings } = state;
  if (!settings) return;
  for (const group of ["objective", "penalty"]) showGroup(group, settings[group], settings);
  for (const [id, path] of Object.entries(PATHS)) byId(id).value = settings[path];
  byId("momentum").value = settings["optimizer.betas"][0];
  byId("seed").value = settings.seed;
}

function change(settings) {
  if (isAlive()) command({ do: "change", settings });
}

function allSettings() {
  const found = { seed: Number(byId("seed").value), "optimizer.betas": betas() };
  for (const [id, path] of Object.entries(PATHS)) found[path] = Number(byId(id).value);
  for (const group of ["objective", "penalty"]) {
    found[group] = byId(group).value;
    for (const input of byId(`${group}-settings`).querySelectorAll("input")) found[input.id] = Number(input.value);
  }
  return found;
}

const betas = () => [Number(byId("momentum").value), state.settings?.["optimizer.betas"][1] ?? 0.999];

for (const [id, path] of Object.entries(PATHS)) byId(id).onchange = () => change({ [path]: Number(byId(id).value) });
byId("momentum").onchange = () => change({ "optimizer.betas": betas() });
byId("seed").onchange = () => change({ seed: Number(byId("seed").value) });
for (const group of ["objective", "penalty"]) {
  byId(group).onchange = () => {
    const name = byId(group).value;
    if (isAlive()) change({ [group]: name });
    else showGroup(group, name, {});
  };
}

// The buttons.

byId("start").onclick = async () => {
  await command({ do: state.state === "running" ? "pause" : "start" });
  look();
};
byId("step").onclick = () => command({ do: "step" });
byId("steps").onclick = async () => {
  await command({ do: "step", count: STEPS });
  look();
};
byId("end").onclick = () => command({ do: "end" });
byId("new").onclick = async () => {
  const drawnPoints = data === "drawn" ? { points: points.map((point) => point.map((at) => (at + 1) / 2)) } : {};
  byId("new").disabled = true;
  await begin({ data, settings: allSettings(), speed: speed(), ...drawnPoints });
  byId("new").disabled = false;
};

async function begin(asked) {
  if (await command({ do: "begin", ...asked })) drawing = false;
  paint();
  look();
}

const speed = () => SPEEDS[Number(byId("speed").value)];

function showSpeed() {
  const text = speed() === null ? "no limit" : String(speed());
  byId("speed-value").textContent = text;
  byId("speed").setAttribute("aria-valuetext", speed() === null ? text : `${text} minibatches per second`);
}

byId("speed").oninput = showSpeed;
byId("speed").onchange = () => { if (isAlive()) command({ do: "speed", speed: speed() }); };

function choose(name) {
  data = name;
  byId("data").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", button.dataset.value === name));
  byId("drawing").hidden = name !== "drawn";
  drawing = name === "drawn"; // the drawing is shown until the next run starts
  byId("plane").tabIndex = name === "drawn" ? 0 : -1;
  paint();
}

// Drawing by hand.

function add(x, y) {
  if (Math.abs(x) > EDGE || Math.abs(y) > EDGE) return;
  if (points.length < MOST_DRAWN) points.push([x, y]);
  byId("drawn").textContent = counted(points.length, "point");
  paint();
}

function place(event) {
  const box = byId("plane").getBoundingClientRect();
  return [((event.clientX - box.left) / box.width * 2 - 1) * PLANE, (1 - (event.clientY - box.top) / box.height * 2) * PLANE];
}

byId("plane").onpointerdown = (event) => {
  if (!drawing) return;
  byId("plane").setPointerCapture(event.pointerId);
  add(...place(event));
};
byId("plane").onpointermove = (event) => { if (event.buttons && drawing) add(...place(event)); };
byId("plane").onkeydown = (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (!drawing || !(event.key in moves || event.key === " ")) return;
  event.preventDefault();
  if (event.key === " ") return add(...cursor);
  cursor = cursor.map((at, axis) => Math.max(-EDGE, Math.min(EDGE, at + KEY_STEP * moves[event.key][axis])));
  paint();
};
byId("plane").onfocus = byId("plane").onblur = paint;
byId("clear").onclick = () => { points = []; byId("drawn").textContent = "0 points"; choose("drawn"); };

function chip(text, value, pressed, click) {
  const button = element("button", { "aria-pressed": pressed, "data-value": value }, text);
  button.onclick = () => click(button);
  return button;
}

byId("layers").append(...Object.entries(LAYERS).map(([name, text]) => chip(text, name, true, (button) => {
  if (!layers.delete(name)) layers.add(name);
  button.setAttribute("aria-pressed", layers.has(name));
  paint();
})));
matchMedia("(prefers-color-scheme: dark)").onchange = paint;

try {
  options = await json("/api/options");
  byId("data").append(...options.data.map((name) => chip(name, name, name === data, () => choose(name))));
  for (const group of ["objective", "penalty"]) {
    byId(group).append(...options[group].map(({ name }) => element("option", { value: name }, name)));
  }
  showSpeed();
  await command({ do: "look" });
  if (state.state === "none") await begin({ data });
  look();
} catch (error) { showMessage(error.message); }
