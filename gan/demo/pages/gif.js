// Save the interpolation of a panel as an animated GIF, which the server makes.

import { download } from "./elements.js";
import { file } from "./requests.js";

const STEPS = 24; // frames from one seed to the next, at most

export function offerGif(panel) {
  const button = panel.root.querySelector(".gif");
  button.onclick = async () => {
    if (!panel.model) return;
    const asked = panel.asked(), to = asked.seed + 1, steps = Math.min(STEPS, Math.floor(panel.model.most.walked / asked.count));
    button.disabled = true;
    button.textContent = "Saving…";
    const made = await panel.guarded(() => file("/api/walk.gif", { ...asked, to, steps, fps: panel.controls.range("speed") }));
    button.disabled = false;
    button.textContent = "Save GIF";
    if (document.activeElement === document.body) button.focus(); // a disabled button loses it
    if (made) download(made, `seed-${asked.seed}-to-${to}.gif`);
  };
}
