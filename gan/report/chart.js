// Curves over the images seen as SVG: the one drawing of the report's charts and of the live page's.

const SVG = "http://www.w3.org/2000/svg";
export const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
export const MARGIN = { left: 54, right: 24, top: 8, bottom: 22 };
export const DIGITS = 4;

export function element(name, attributes, parent, text) {
  const made = name === "svg" || parent instanceof SVGElement
    ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text; // never innerHTML: names are a user's
  if (parent) parent.append(made);
  return made;
}

export function short(value, digits = 3, more = 0) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value), rounded = (number) => +number.toPrecision(digits + more);
  if (size >= 1e6) return `${rounded(value / 1e6)} M`;
  if (size >= 1e4) return `${rounded(value / 1e3)} k`;
  return size < 1e-3 ? value.toExponential(1 + more) : String(rounded(value));
}

// About as many as are wanted, from low to high; of a count (whole) only integers.
export function ticks(low, high, wanted, whole = false) {
  const raw = (high - low) / wanted, power = 10 ** Math.max(whole ? 0 : -Infinity, Math.floor(Math.log10(raw)));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power).filter((step) => !whole || Number.isInteger(step));
  const step = steps.find((one) => one >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9), count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => (first + index) * step);
}

// These marks, each with its text: with more digits than usual where two would read the same.
export function labelled(values, digits = 3) {
  for (let more = 0; ; more++) {
    const texts = values.map((value) => short(value, digits, more));
    if (more === 12 || new Set(texts).size === values.length) return values.map((value, index) => [value, texts[index]]);
  }
}

function logTicks(low, high) {
  const found = [], factors = Math.log10(high / low) < 2 ? [1, 2, 5] : [1];
  const every = Math.ceil(Math.log10(high / low) / 6) || 1;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += every) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found.length > 1 ? found : [low, high];
}

// The values that are drawn of these curves, with some room: where they are not given, and of a zoom (xs) inside it.
function ranges(curves, { log, low, high, xs }) {
  let across = [Infinity, -Infinity], ys = [Infinity, -Infinity];
  for (const { x, y } of curves) {
    x.forEach((at, index) => {
      if (xs && (at < xs[0] || at > xs[1])) return;
      across = [Math.min(across[0], at), Math.max(across[1], at)];
      if (y[index] !== null && (!log || y[index] > 0)) ys = [Math.min(ys[0], y[index]), Math.max(ys[1], y[index])];
    });
  }
  if (!isFinite(across[0]) || !isFinite(ys[0])) return null;
  if (across[0] === across[1]) across = [across[0] - 1, across[1] + 1];
  if (log) ys = ys[0] === ys[1] ? [ys[0] / 2, ys[1] * 2] : ys;
  else { const room = (ys[1] - ys[0]) * 0.04 || Math.abs(ys[0]) * 0.1 || 1; ys = [ys[0] - room, ys[1] + room]; }
  return [xs || across, [low ?? ys[0], high ?? ys[1]]];
}

// Fills an SVG element of this size. curves: { x, y, name, colour, dash }, where y is null there is a gap; how:
// { log, low, high, line, xs }, all of which may be missing. Returns the images drawn, and where they are: { xs, toX };
// null where there is nothing to draw.
export function drawChart(svg, width, height, curves, how) {
  svg.replaceChildren();
  const found = ranges(curves, how);
  if (!found) {
    element("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, svg,
      curves.length ? "nothing to draw: no positive, finite value" : "no run is selected");
    return null;
  }
  const [xs, ys] = found, scale = how.log ? Math.log : (value) => value;
  const wide = width - MARGIN.left - MARGIN.right, high = height - MARGIN.top - MARGIN.bottom;
  const toX = (x) => MARGIN.left + (x - xs[0]) / (xs[1] - xs[0]) * wide;
  const toY = (y) => MARGIN.top + (1 - (scale(y) - scale(ys[0])) / (scale(ys[1]) - scale(ys[0]))) * high;
  const across = (y, look) => element("line",
    { x1: MARGIN.left, x2: width - MARGIN.right, y1: toY(y), y2: toY(y), stroke: "currentColor", ...look }, svg);
  for (const [y, text] of labelled(how.log ? logTicks(...ys) : ticks(...ys, 5), DIGITS)) {
    across(y, { "stroke-opacity": 0.13 });
    element("text", { x: MARGIN.left - 6, y: toY(y) + 4, "text-anchor": "end" }, svg, text);
  }
  for (const [x, text] of labelled(ticks(...xs, Math.max(2, Math.floor(width / 75)), true), DIGITS)) {
    element("text", { x: toX(x), y: height - 6, "text-anchor": "middle" }, svg, text);
  }
  if (how.line != null) across(how.line, { "stroke-opacity": 0.6, "stroke-dasharray": "3 3" });
  const inside = { x: MARGIN.left, y: 0, width: wide, height, viewBox: `${MARGIN.left} 0 ${wide} ${height}` };
  const frame = element("svg", inside, svg); // cuts off what is outside
  const drawn = (y) => y !== null && (!how.log || y > 0);
  for (const { x, y, name, colour, dash } of curves) {
    const look = { class: `c${colour}`, stroke: "currentColor", fill: "none", "stroke-width": 1.5,
      "stroke-dasharray": DASHES[dash], "stroke-linejoin": "round" };
    let path = "", open = false;
    x.forEach((at, index) => {
      if (drawn(y[index])) path += `${open ? "L" : "M"}${toX(at).toFixed(1)},${toY(y[index]).toFixed(1)}`;
      open = drawn(y[index]);
    });
    element("title", {}, element("path", { ...look, d: path }, frame), name);
    if (x.length <= 40) {
      x.forEach((at, index) => {
        if (drawn(y[index])) element("circle", { class: look.class, cx: toX(at), cy: toY(y[index]), r: 2.2, fill: "currentColor" }, frame);
      });
    }
  }
  return { xs, toX };
}
