// The training images that are nearest to a chosen image.

import { element } from "./elements.js";
import { json } from "./requests.js";

export const HINT = "Click on an image: which training images are nearest?";

export async function showChosen(panel, place, index) {
  place.replaceChildren(element("p", { class: "quiet" }, "Looking through the training images…"));
  const found = await panel.guarded(() => json("/api/nearest", { ...panel.parameters, index }));
  if (panel.chosen !== index) return;
  place.replaceChildren(...(found ? neighbours(found) : []));
}

function neighbours({ image, neighbours: found, usual, origin }) {
  const nearest = found[0].distance;
  let verdict = `The nearest is ${nearest.toFixed(3)} away (root mean square of the pixels' difference).`;
  if (usual) {
    verdict += ` Of ${usual.images} real images that were never trained on, half are nearer than ${usual.median.toFixed(3)}`
      + ` to theirs, and 1 % nearer than ${usual.least.toFixed(3)}: `
      + (nearest < usual.least ? "this one may be a copy." : "no sign of a copy.");
  }
  const shown = (source, caption) => element("figure", {},
    element("img", { src: source, alt: caption }), element("figcaption", {}, caption));
  return [
    element("div", { class: "neighbours" }, shown(image, "generated"),
      ...found.map((one) => shown(one.image, `${one.distance.toFixed(3)}${one.class ? ` · ${one.class}` : ""}`))),
    element("p", { class: nearest < (usual?.least ?? 0) ? "warned" : "" }, verdict),
    element("p", { class: "quiet" }, origin),
  ];
}
