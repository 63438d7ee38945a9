// The training images that are nearest to a chosen image.

import { element } from "./elements.js";
import { json } from "./requests.js";

export const HINT = "Click on an image to see the training images that are nearest to it.";

export async function showChosen(panel, place, index) {
  place.replaceChildren(element("p", { class: "quiet" }, "Searching the training images…"));
  const found = await panel.guarded(() => json("/api/nearest", { ...panel.parameters, index }));
  if (panel.chosen !== index) return;
  place.replaceChildren(...(found ? neighbours(found) : []));
}

function neighbours({ image, neighbours: found, usual, origin }) {
  const nearest = found[0].distance;
  let verdict = `The nearest has a distance of ${nearest.toFixed(3)} (root mean square of the pixel differences).`;
  if (usual) {
    verdict += ` For comparison, ${usual.images} real images that were not used in training: the median distance is ${usual.median.toFixed(3)},`
      + ` and 1 % are nearer than ${usual.least.toFixed(3)}. `
      + (nearest < usual.least ? "This image may be a copy." : "No sign of a copy.");
  }
  const shown = (source, caption) => element("figure", {},
    element("img", { src: source, alt: caption }), element("figcaption", {}, caption));
  return [
    element("p", { class: "quiet" }, `The ${found.length} nearest training images, with their distances${found[0].class ? " and classes" : ""}:`),
    element("div", { class: "neighbours" }, shown(image, "this image"),
      ...found.map((one) => shown(one.image, `${one.distance.toFixed(3)}${one.class ? ` · ${one.class}` : ""}`))),
    element("p", { class: nearest < (usual?.least ?? 0) ? "warned" : "" }, verdict),
    element("p", { class: "quiet" }, origin),
  ];
}
