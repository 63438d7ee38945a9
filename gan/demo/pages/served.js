// The buttons of a panel that need the server: the interpolation as an animation, and the command that makes the picture.

import { download } from "./elements.js";
import { file } from "./requests.js";

const STEPS = 24; // frames from one seed to the next, at most

export function offerServed(panel) {
  const [gif, command] = [".gif", ".command"].map((name) => panel.root.querySelector(name));
  gif.onclick = async () => {
    if (!panel.model) return;
    const asked = panel.asked(), to = asked.seed + 1, steps = Math.min(STEPS, Math.floor(panel.model.most.walked / asked.count));
    gif.disabled = true;
    gif.textContent = "Saving…";
    const made = await panel.guarded(() => file("/api/walk.gif", { ...asked, to, steps, fps: panel.controls.range("speed") }));
    gif.disabled = false;
    gif.textContent = "Save GIF";
    if (document.activeElement === document.body) gif.focus(); // a disabled button loses it
    if (made) download(made, `seed-${asked.seed}-to-${to}.gif`);
  };
  command.onclick = async () => {
    const text = panel.model && await panel.guarded(() => sampleCommand(panel.model, panel.asked()));
    if (!text) return;
    try {
      await navigator.clipboard.writeText(text);
      command.textContent = "Copied";
      setTimeout(() => { command.textContent = "Copy command"; }, 2000);
    } catch { prompt("The command that makes this picture:", text); } // no permission for the clipboard
  };
}

// The command of the shell that makes the picture.
function sampleCommand({ command, classes }, { seed, count, columns, class: asked, truncation, ...moved }) {
  if ([moved.directions, moved.continuous, moved.categorical].some((positions) => /\d/.test(positions))) {
    throw new Error("gan sample has no directions and no codes: reset them to copy the command");
  }
  const words = [command, "--n", count, "--grid", `${count / columns}x${columns}`, "--seed", seed];
  if (asked) words.push("--class", classes.indexOf(asked)); // a number needs no quotes
  if (truncation !== 1) words.push("--truncation", truncation);
  return [...words, "--out", `seed-${seed}.png`].join(" ");
}
