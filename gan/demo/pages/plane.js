// The plane of `gan play`: D's surface, real points, G's samples, and the gradients that G receives.

import { short } from "./chart.js";

export const LAYERS = { surface: "D's surface", real: "real points", fake: "G's samples", arrows: "gradients for G" };
const LONGEST = 0.22; // of an arrow, in units of normalised points
const dark = matchMedia("(prefers-color-scheme: dark)");

// Each logit between -1, certainly fake, and 1, certainly real.
function certainties({ logits, logistic, boundary }) {
  if (logistic) return logits.map((logit) => 2 / (1 + Math.exp(-logit)) - 1);
  const low = Math.min(...logits), high = Math.max(...logits), middle = boundary ?? (low + high) / 2;
  const most = Math.max(high - middle, middle - low) || 1;
  return logits.map((logit) => (logit - middle) / most);
}

export function surfaceText({ logits, logistic, boundary }) {
  const low = short(Math.min(...logits)), high = short(Math.max(...logits)), middle = dark.matches ? "black" : "white";
  const means = logistic ? `${middle}: D(x) = 1/2` : boundary === null ? "only differences matter" : `${middle}: logit ${boundary}`;
  return `D's surface: blue for real, orange for fake; logits from ${low} to ${high}, ${means}.`;
}

function drawSurface(context, size, surface) {
  const { cells } = surface, small = new OffscreenCanvas(cells, cells), inside = small.getContext("2d");
  const picture = inside.createImageData(cells, cells);
  const middle = dark.matches ? [24, 27, 31] : [255, 255, 255];
  const ends = dark.matches ? [[196, 106, 0], [0, 114, 178]] : [[240, 150, 50], [60, 140, 210]];
  certainties(surface).forEach((value, index) => {
    const column = index % cells, row = cells - 1 - Math.floor(index / cells); // y upwards
    const end = ends[value > 0 ? 1 : 0], part = Math.min(1, Math.abs(value));
    const colour = middle.map((from, channel) => from + part * (end[channel] - from));
    picture.data.set([...colour, 255], 4 * (row * cells + column));
  });
  inside.putImageData(picture, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, size, size);
}

// reach: half the width of the plane; state: as the server has it; layers: names of what is drawn; cursor: [x, y] or null.
export function drawPlane(canvas, reach, state, layers, cursor = null) {
  const context = canvas.getContext("2d"), size = canvas.width, unit = size / (2 * reach);
  const toX = (x) => (x + reach) * unit, toY = (y) => size - (y + reach) * unit;
  const text = dark.matches ? "#f2f4f6" : "#101316", edge = dark.matches ? "#000" : "#fff";
  context.fillStyle = dark.matches ? "#181b1f" : "#fff";
  context.fillRect(0, 0, size, size);
  if (layers.has("surface") && state.surface) drawSurface(context, size, state.surface);
  if (layers.has("real")) {
    context.fillStyle = text;
    for (const [x, y] of state.real) context.fillRect(toX(x) - 3, toY(y) - 3, 6, 6); // squares
  }
  if (layers.has("fake")) {
    context.fillStyle = "#b5127c";
    context.strokeStyle = edge;
    for (const [x, y] of state.fake) {
      context.beginPath();
      context.arc(toX(x), toY(y), 6, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
  if (layers.has("arrows")) for (const arrow of state.arrows) drawArrow(context, arrow, toX, toY, text);
  if (cursor) {
    context.strokeStyle = text;
    context.lineWidth = 2;
    context.strokeRect(toX(cursor[0]) - 10, toY(cursor[1]) - 10, 20, 20);
  }
}

// Longer for a stronger gradient, up to a limit, which it half reaches at 1: weak gradients show as dots.
function drawArrow(context, [x, y, dx, dy], toX, toY, colour) {
  const size = Math.hypot(dx, dy);
  if (size === 0) return;
  const length = LONGEST / (1 + size), [fromX, fromY] = [toX(x), toY(y)];
  const [endX, endY] = [toX(x + dx * length), toY(y + dy * length)], angle = Math.atan2(endY - fromY, endX - fromX);
  const head = Math.min(9, Math.hypot(endX - fromX, endY - fromY) / 2);
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(endX, endY);
  for (const turn of [2.6, -2.6]) {
    context.moveTo(endX, endY);
    context.lineTo(endX + head * Math.cos(angle + turn), endY + head * Math.sin(angle + turn));
  }
  context.stroke();
}
