// The charts of `gan report`, and tables that sort by a click on their head. No library, nothing fetched.
// A module, which chart.js stands before in the page.
(() => {
  // The index of the point that is nearest to x; xs ascend.
  function nearest(xs, x) {
    let low = 0, high = xs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
  }

  class ChartView {
    constructor(place, chart, lines) {
      Object.assign(this, { chart, lines, log: false, zoom: null, cursor: null, drag: null });
      const caption = place.querySelector("figcaption");
      this.plot = element("svg", { class: "plot", tabindex: 0, role: "img",
        "aria-label": `${chart.title} over images seen; arrow keys read values, the table below has the numbers` });
      this.readout = element("div", { class: "readout", "aria-live": "polite" });
      const tools = element("div", { class: "tools" });
      this.logButton = element("button", { type: "button", "aria-pressed": "false" }, tools, "log");
      this.resetButton = element("button", { type: "button", hidden: "" }, tools, "whole range");
      element("span", {}, tools, "drag to zoom");
      this.readout.style.height = `${1.6 * Math.min(5, 1 + Math.ceil(chart.curves.length / 4))}em`; // nothing moves
      caption.after(tools, this.plot, this.readout);
      this.logButton.onclick = () => {
        this.log = !this.log;
        this.logButton.setAttribute("aria-pressed", this.log);
        this.draw();
      };
      this.resetButton.onclick = () => this.zoomTo(null);
      this.plot.addEventListener("pointermove", (event) => this.moved(event));
      this.plot.addEventListener("pointerleave", () => { if (!this.drag) this.read(null); });
      this.plot.addEventListener("pointerdown", (event) => {
        if (!this.x) return;
        this.drag = this.imagesAt(event); this.plot.setPointerCapture(event.pointerId);
      });
      this.plot.addEventListener("pointerup", (event) => this.released(event));
      this.plot.addEventListener("pointercancel", () => { this.drag = null; });
      this.plot.addEventListener("dblclick", () => this.zoomTo(null));
      this.plot.addEventListener("keydown", (event) => this.pressed(event));
      new ResizeObserver(() => this.draw()).observe(this.plot);
    }

    visible() {
      return this.chart.curves.map((curve) => ({ ...curve, ...this.lines[curve.line] })).filter(({ shown }) => shown);
    }

    zoomTo(range) { this.zoom = range; this.resetButton.hidden = !range; this.draw(); }

    imagesAt(event) {
      const box = this.plot.getBoundingClientRect();
      const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
      return this.x[0] + Math.min(1, Math.max(0, share)) * (this.x[1] - this.x[0]);
    }

    moved(event) {
      if (!this.x) return;
      const x = this.imagesAt(event);
      this.read(x);
      if (this.drag !== null) {
        const [left, right] = [this.toX(Math.min(x, this.drag)), this.toX(Math.max(x, this.drag))];
        this.box.setAttribute("x", left); this.box.setAttribute("width", right - left);
      }
    }

    released(event) {
      if (this.drag === null) return;
      const range = [this.drag, this.imagesAt(event)].sort((a, b) => a - b);
      this.drag = null; this.box.setAttribute("width", 0);
      if (this.toX(range[1]) - this.toX(range[0]) > 8) this.zoomTo(range);
    }

    pressed(event) {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.zoomTo(null);
      if (!way || !this.x) return;
      event.preventDefault();
      const width = this.x[1] - this.x[0], from = this.cursor === null ? this.x[0] : this.cursor + way * width / 40;
      this.read(Math.min(this.x[1], Math.max(this.x[0], from)));
    }

    // What the curves say at x: a line in the plot, and the values below it.
    read(x) {
      this.cursor = x;
      this.readout.replaceChildren();
      this.hair.setAttribute("visibility", x === null ? "hidden" : "visible");
      if (x === null) return;
      this.hair.setAttribute("x1", this.toX(x)); this.hair.setAttribute("x2", this.toX(x));
      element("span", {}, this.readout, `${short(Math.round(x), DIGITS)} ${Math.round(x) === 1 ? "image" : "images"}`);
      for (const curve of this.visible()) {
        const entry = element("span", {}, this.readout);
        entry.append(sample(curve), ` ${curve.name}: ${short(curve.y[nearest(curve.x, x)], DIGITS)}`);
      }
    }

    draw() {
      const width = this.plot.clientWidth, height = this.plot.clientHeight;
      if (!width) return; // folded away
      const found = drawChart(this.plot, width, height, this.visible(), { log: this.log, xs: this.zoom });
      this.x = found && found.xs;
      this.toX = found && found.toX;
      this.box = element("rect", { y: MARGIN.top, height: height - MARGIN.top - MARGIN.bottom, width: 0,
        fill: "currentColor", "fill-opacity": 0.12 }, this.plot);
      this.hair = element("line", { y1: MARGIN.top, y2: height - MARGIN.bottom, stroke: "currentColor",
        "stroke-opacity": 0.5, visibility: "hidden" }, this.plot);
    }
  }

  function sample(line) {
    const drawing = element("svg", { width: 22, height: 8, class: `c${line.colour}`, "aria-hidden": "true" });
    element("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: "currentColor", "stroke-width": 2.5,
      "stroke-dasharray": DASHES[line.dash] }, drawing);
    return drawing;
  }

  function legend(place, lines, redraw) {
    const buttons = lines.map((line) => {
      const button = element("button", { type: "button", class: "run" });
      button.append(sample(line), `${line.name} ${line.label}`);
      button.title = line.label;
      button.onclick = () => show([line], !line.shown);
      return button;
    });
    const press = () => buttons.forEach((button, index) => { button.setAttribute("aria-pressed", lines[index].shown); });
    const show = (changed, shown) => { changed.forEach((line) => { line.shown = shown; }); press(); redraw(); };
    for (const [text, shown] of [["all", true], ["none", false]]) {
      element("button", { type: "button" }, place, text).onclick = () => show(lines, shown);
    }
    place.append(...buttons);
    press();
  }

  function sortable(table) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    const value = (row, column) => {
      const text = row.cells[column].textContent;
      if (!heads[column].classList.contains("number")) return text; // a name can begin with digits
      const number = parseFloat(text.replaceAll(",", ""));
      return isNaN(number) ? text : number;
    };
    heads.forEach((head, column) => {
      const button = element("button", { type: "button" }, null, head.textContent);
      head.replaceChildren(button);
      button.onclick = () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const before = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
        body.append(...[...body.rows].sort((a, b) => before(value(a, column), value(b, column)) * (up ? 1 : -1)));
      };
    });
  }

  // A button beside a command that copies it. Without permission for the clipboard, the command is selected instead.
  function copyable(box) {
    const code = box.querySelector("code");
    const button = element("button", { type: "button", "aria-label": `Copy: ${code.textContent}` }, box, "Copy");
    const said = element("span", { role: "status" }, box);
    said.className = "hidden";
    button.onclick = async () => {
      let text = "Copied";
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        if (!document.execCommand("copy")) text = "Selected";
      }
      button.textContent = said.textContent = text;
      setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2000);
    };
  }

  const stored = document.getElementById("curves");
  if (stored) {
    const { lines, charts } = JSON.parse(stored.textContent);
    const views = [...document.querySelectorAll(".chart")].map(
      (place) => new ChartView(place, charts[place.dataset.chart], lines));
    legend(document.getElementById("legend"), lines, () => views.forEach((view) => view.draw()));
  }
  document.querySelectorAll(".command").forEach(copyable);
  document.querySelectorAll("table").forEach((table) => { if (table.tBodies[0].rows.length > 1) sortable(table); });
})();
