// The page of `gan watch`: requests the state of the run repeatedly and shows it.

import { byId } from "./elements.js";
import { drawChart, element as drawn, short } from "./chart.js";
import { addressOf, counted, element, json } from "./requests.js";

const OFTEN = 2000, SELDOM = 15_000; // milliseconds between two requests, while the run is running and afterwards
const QUIET = 120; // seconds without a new row before the page says it
const WIDTH = 460, HEIGHT = 190; // of a chart; its card scales it
let number = 0, followed = true, shownGrid = "", timer = 0;

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  if (hours) return `${hours} h ${minutes} min`;
  return whole >= 60 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

function progressOf(run) {
  const parts = [`${short(run.images)} of ${run.images_in_all ? short(run.images_in_all) : "an unknown number of"} images`];
  if (run.share !== null) parts.unshift(`${Math.floor(100 * run.share)} %`);
  if (run.g_updates) parts.push(counted(Math.round(run.g_updates), "generator update"));
  if (run.seconds) parts.push(`${duration(run.seconds)} elapsed`);
  if (run.left !== null) parts.push(`about ${duration(run.left)} left`);
  if (run.state === "running" && run.quiet > QUIET) parts.push(`no new values for ${duration(run.quiet)}`);
  if (run.state !== "running" && run.why) parts.push(run.why);
  if (run.state === "finished") return `Trained on ${short(run.images)} images, ${counted(Math.round(run.g_updates ?? 0), "generator update")}, in ${duration(run.seconds)}`;
  return parts.join(" · ");
}

function showGrid(run) {
  const slider = byId("epochs"), last = run.grids.length - 1;
  byId("grid").hidden = slider.hidden = last < 0;
  byId("no-grid").hidden = last >= 0;
  byId("no-grid").textContent = run.state === "running" ? "No samples yet." : "This run has no samples.";
  if (last < 0) return;
  slider.max = last;
  if (followed) slider.value = last;
  const grid = run.grids[slider.value];
  byId("epoch").textContent = `epoch ${Number(grid.split("_")[1])}`;
  const wanted = `${number} ${grid}`;
  if (wanted === shownGrid) return;
  byId("grid").src = addressOf("/api/grid.png", { run: number, grid: slider.value });
  shownGrid = wanted;
}

function showMeasures(run) {
  const measured = Object.keys(run.measured).length > 0;
  const values = measured ? run.measured
    : Object.fromEntries(Object.entries(run.latest).map(([name, value]) => [name.replace("quality/", ""), value]));
  const rows = Object.entries(run.titles).filter(([name]) => typeof values[name] === "number")
    .map(([name, title]) => element("tr", {}, element("th", { scope: "row" }, title), element("td", {}, short(values[name]))));
  if (!rows.length) return byId("measures").replaceChildren();
  const caption = measured ? "measured by gan evaluate" : "measured during training, with fewer images";
  byId("measures").replaceChildren(element("table", {}, element("caption", { class: "quiet" }, caption), ...rows));
}

// chart: from /api/run; end: total number of images, or null.
function chartOf(chart, end) {
  const curves = chart.lines.map((line, index) => ({ ...line, colour: index, dash: 0 }));
  const last = Math.max(1, ...curves.map(({ x }) => x.at(-1) ?? 0), end ?? 0);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${chart.title} over images seen` });
  drawChart(svg, WIDTH, HEIGHT, curves, { ...chart, xs: [0, last] });
  const legend = curves.map(({ name, y, colour }) =>
    element("span", { class: `c${colour}` }, `${name} ${short(y.findLast((value) => value !== null))}`));
  return element("figure", { class: "card" }, element("h2", {}, chart.title), svg, element("figcaption", {}, ...legend));
}

let latest = null;

function show(run) {
  latest = run;
  document.title = `${run.share === null ? "" : `${Math.floor(100 * run.share)} % `}${run.name}`;
  byId("name").textContent = `${run.name} on ${run.data}`;
  byId("state").textContent = run.state;
  byId("state").className = `badge ${run.state}`;
  byId("state").hidden = byId("run").hidden = false;
  byId("bar").style.width = `${100 * (run.share ?? 0)}%`;
  byId("bar").className = run.state;
  byId("progress").textContent = progressOf(run);
  byId("command").textContent = run.command;
  byId("alarms").replaceChildren(...run.alarms.map((alarm) => element("p", { class: "alarm" }, alarm)));
  showGrid(run);
  showMeasures(run);
  byId("charts").replaceChildren(...run.charts.map((chart) => chartOf(chart, run.images_in_all)));
}

async function look() {
  clearTimeout(timer);
  let wait = OFTEN;
  const asked = number;
  try {
    const run = await json("/api/run", { run: asked });
    if (asked !== number) return; // another one was chosen since, and is asked for
    show(run);
    byId("message").hidden = true;
    if (run.state !== "running") wait = SELDOM;
  } catch (error) {
    byId("message").textContent = error.message;
    byId("message").hidden = false;
  }
  timer = setTimeout(look, wait);
}

byId("epochs").oninput = () => {
  followed = byId("epochs").value === byId("epochs").max;
  if (latest) showGrid(latest);
};
byId("runs").onchange = () => { number = Number(byId("runs").value); followed = true; look(); };

json("/api/pages").then(({ runs }) => {
  byId("runs").replaceChildren(...runs.map((run, index) => element("option", { value: index }, run)));
  byId("runs").hidden = runs.length < 2;
}).catch(() => {});
look();
