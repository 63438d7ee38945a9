// The parts of the page without a server: the model cards.

import { byId, element } from "./elements.js";

// These replace files.js and served.js: this page has no server.
function openFiles() {}
function offerServed() {}

// The blocks of a model card (Markdown), as texts.
function* blocksOf(text) {
  const lines = text.split("\n");
  while (lines.length > 0) {
    const line = lines.shift(), rest = (start) => [line, ...lines.splice(0, ((n) => (n < 0 ? lines.length : n))(lines.findIndex((next) => !next.startsWith(start))))];
    if (line.startsWith("#")) yield element("h2", {}, plain(line.replace(/^#+ /, "")));
    else if (/^`{3,}/.test(line)) {
      const fence = line.match(/^`+/)[0], end = lines.findIndex((next) => next === fence);
      yield element("pre", { tabindex: 0 }, lines.splice(0, end < 0 ? lines.length : end + 1).slice(0, end < 0 ? undefined : -1).join("\n"));
    } else if (line.startsWith("|")) {
      const [names, , ...rows] = rest("|").map((row) => row.split(/(?<!\\)\|/).slice(1, -1).map((cell) => plain(cell.trim())));
      const row = (cells, kind) => element("tr", {}, ...cells.map((cell) => element(kind, {}, cell)));
      yield element("table", {}, row(names, "th"), ...rows.map((cells) => row(cells, "td")));
    } else if (line.startsWith("- ")) yield element("ul", {}, ...rest("- ").map((item) => element("li", {}, plain(item.slice(2)))));
    else if (line.trim() && !line.startsWith("![")) yield element("p", {}, plain(line));
  }
}

// Text without what Markdown and HTML escape.
function plain(text) {
  return text.replaceAll(/\\([!-/:-@[-`{-~])/g, "$1").replaceAll(/`([^`]*)`/g, "$1").replaceAll(/&(?:#(\d+)|lt|gt|amp);/g,
    (found, code) => (code ? String.fromCharCode(code) : { "&lt;": "<", "&gt;": ">", "&amp;": "&" }[found]));
}

document.querySelector("h1").textContent = document.title;
document.querySelector("header").append(element("p", { class: "quiet" }, "The generator runs in this browser. No data is loaded or sent."));
byId("message").after(element("p", { id: "status", class: "quiet", role: "status" }, "Generating images …"));
local.forEach(({ name, card }) => {
  const title = local.length > 1 ? `Model card: ${name}` : "Model card";
  document.body.append(element("details", { class: "panel about" }, element("summary", {}, title), ...blocksOf(card)));
});
