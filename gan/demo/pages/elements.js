// Functions that the scripts of the pages share.

export const byId = (id) => document.getElementById(id);

export function counted(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

// Calls one at a time: while one is under way only the newest of the others is kept. The last argument of a call is the
// signal that another waits.
export function newestOnly(call) {
  let busy = null, waiting = null;
  return async function asked(...given) {
    if (busy) { waiting = given; busy.abort(); return; }
    busy = new AbortController();
    try { await call(...given, busy.signal); } finally {
      busy = null;
      if (waiting) { const next = waiting; waiting = null; asked(...next); }
    }
  };
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children); // texts, never markup: names come from users
  return made;
}

// Save a blob as a file of the visitor.
export function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
