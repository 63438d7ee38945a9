// A chart of a few lines over the images seen, as SVG.

import { labelled, short, ticks } from "./axes.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 460, HEIGHT = 190, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22;

function drawn(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) found.push(factor * 10 ** power);
  }
  const inside = found.filter((value) => value >= low && value <= high);
  return inside.length > 6 ? inside.filter((value) => Number.isInteger(Math.round(1e6 * Math.log10(value)) / 1e6)) : inside;
}

function range(chart) {
  const values = chart.lines.flatMap(({ y }) => y).filter((value) => value !== null && (!chart.log || value > 0));
  let low = chart.low ?? Math.min(...values), high = chart.high ?? Math.max(...values);
  if (!values.length) [low, high] = chart.log ? [0.1, 1] : [0, 1];
  if (low >= high) [low, high] = chart.log ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
  return [low, high];
}

// chart: as /api/run has it; end: images in all, or null.
export function chartOf(chart, end) {
  const figure = document.createElement("figure");
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${chart.title} over images seen` });
  const [low, high] = range(chart);
  const last = Math.max(1, ...chart.lines.map(({ x }) => x.at(-1) ?? 0), end ?? 0);
  const scaled = (value) => (chart.log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  const atX = (images) => LEFT + images / last * (WIDTH - LEFT - RIGHT);
  const atY = (value) => HEIGHT - BOTTOM - Math.max(0, Math.min(1, scaled(value))) * (HEIGHT - TOP - BOTTOM);
  for (const [value, text] of labelled(chart.log ? logTicks(low, high) : ticks(low, high, 4))) {
    drawn("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: atY(value), y2: atY(value), class: "rule" }, svg);
    drawn("text", { x: LEFT - 6, y: atY(value) + 4, "text-anchor": "end" }, svg, text);
  }
  for (const [images, text] of labelled(ticks(0, last, 4, true))) {
    drawn("text", { x: atX(images), y: HEIGHT - 6, "text-anchor": images > 0.95 * last ? "end" : "middle" }, svg, text);
  }
  if (chart.line !== null) drawn("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: atY(chart.line), y2: atY(chart.line), class: "coin" }, svg);
  const legend = document.createElement("figcaption");
  chart.lines.forEach(({ name, x, y }, index) => {
    let path = "", open = false;
    y.forEach((value, at) => {
      const shown = value !== null && (!chart.log || value > 0);
      if (shown) path += `${open ? "L" : "M"}${atX(x[at]).toFixed(1)} ${atY(value).toFixed(1)}`;
      open = shown;
    });
    drawn("path", { d: path, class: `curve c${index % 5}` }, svg);
    if (y.length < 12) {
      y.forEach((value, at) => { if (value !== null) drawn("circle", { cx: atX(x[at]), cy: atY(value), r: 2.5, class: `c${index % 5}` }, svg); });
    }
    const entry = document.createElement("span");
    entry.className = `c${index % 5}`;
    entry.textContent = `${name} ${short(y.findLast((value) => value !== null))}`;
    legend.append(entry);
  });
  const title = document.createElement("h2");
  title.textContent = chart.title;
  figure.append(title, svg, legend);
  figure.className = "card";
  return figure;
}
