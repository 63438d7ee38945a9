// The chosen image, enlarged; replaces nearest.js.

import { element } from "./elements.js";
import { GAP } from "./panel.js";

export const HINT = "Click on an image to enlarge it.";

export function showChosen(panel, place, index) {
  const { columns, seed } = panel.parameters, { shape: [, height, width] } = panel.model;
  const one = element("canvas", { width, height, role: "img" });
  one.getContext("2d").drawImage(panel.canvas, index % columns * (width + GAP), Math.floor(index / columns) * (height + GAP),
    width, height, 0, 0, width, height);
  const text = `Seed ${seed}, ${panel.nameOf(index)}`, button = element("button", {}, "Save this image");
  one.setAttribute("aria-label", text);
  button.onclick = () => panel.save(one, `seed-${seed}-image-${index + 1}.png`);
  place.replaceChildren(element("figure", { class: "enlarged" },
    one, element("div", { class: "row" }, element("span", { class: "quiet grow" }, text), button)));
}
