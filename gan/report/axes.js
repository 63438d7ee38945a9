// Where the marks of an axis are, and what stands at them: of the report's charts and of the live page's.

export function short(value, digits = 3, more = 0) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value), rounded = (number) => +number.toPrecision(digits + more);
  if (size >= 1e6) return `${rounded(value / 1e6)} M`;
  if (size >= 1e4) return `${rounded(value / 1e3)} k`;
  return size < 1e-3 ? value.toExponential(1 + more) : String(rounded(value));
}

// About as many as are wanted, from low to high; of a count (whole) only whole numbers.
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
