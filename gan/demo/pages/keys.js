// Keys that move the focus among elements: the roving tabindex of the WAI-ARIA practices for a grid and a toolbar.

// The index that a key moves to, which may be outside of the elements; undefined for every other key.
export function target({ key, ctrlKey, altKey, metaKey }, index, count, columns) {
  const ends = key === "Home" || key === "End", row = index - index % columns;
  if (altKey || metaKey || (ctrlKey && !ends)) return undefined; // shortcuts of the browser, as Alt and ArrowLeft: back
  const [first, last] = ctrlKey || columns === 1 ? [0, count - 1] : [row, Math.min(row + columns, count) - 1];
  return { ArrowLeft: index - 1, ArrowRight: index + 1, ArrowUp: index - columns, ArrowDown: index + columns,
    Home: first, End: last }[key];
}

// One of the elements is in the Tab order, and the keys move from it to the others. The page does not scroll meanwhile.
export function rove(elements, { columns = 1, start = 0 } = {}) {
  elements.forEach((one, index) => {
    one.tabIndex = index === start ? 0 : -1;
    one.addEventListener("focus", () => elements.forEach((other) => { other.tabIndex = other === one ? 0 : -1; }));
    one.addEventListener("keydown", (event) => {
      const to = target(event, index, elements.length, columns);
      if (to === undefined) return;
      event.preventDefault();
      elements[to]?.focus();
    });
  });
}
