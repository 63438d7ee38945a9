// The settings of the page, in the fragment of its address: #seed=5&class=7. A link shows the same images.

const PAUSE = 400; // milliseconds between two changes of the address: Safari refuses more than 100 in 30 seconds

// A number in its range; undefined for a text that is not a number.
export function numberOf(text, least, most, whole) {
  const pattern = whole ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/;
  return pattern.test(text ?? "") ? Math.min(most, Math.max(least, Number(text))) : undefined;
}

// Settings that differ from their defaults. A text is checked when it is used; a damaged one counts as absent.
export class Settings {
  // changed(): called when another address was opened in the same tab.
  constructor(changed) {
    this.read();
    addEventListener("hashchange", () => { this.read(); changed(); });
  }

  read() { this.texts = new URLSearchParams(location.hash.slice(1)); }

  text(name) { return this.texts.get(name) ?? ""; }

  number(name, least, most, otherwise) { return numberOf(this.text(name), least, most, false) ?? otherwise; }

  whole(name, least, most, otherwise) { return numberOf(this.text(name), least, most, true) ?? otherwise; }

  // "" and undefined: the default.
  set(name, value = "") {
    if (value === "") this.texts.delete(name);
    else this.texts.set(name, value);
    this.timer ??= setTimeout(() => { this.timer = null; this.write(); }, PAUSE);
  }

  write() {
    this.texts.sort(); // the same settings have the same address
    if (location.hash.slice(1) !== String(this.texts)) history.replaceState(null, "", `#${this.texts}`);
  }
}
