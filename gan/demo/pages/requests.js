// What the pages ask the server for.

async function answer(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Error(told.error || `the server answered ${response.status}`);
}

async function fetched(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("the server does not answer: has it been ended?");
  }
  return answer(response);
}

export function counted(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

export function addressOf(path, parameters) {
  return `${path}?${new URLSearchParams(parameters)}`;
}

export async function json(path, parameters = {}) {
  return (await fetched(addressOf(path, parameters))).json();
}

export async function picture(path, parameters = {}) {
  return createImageBitmap(await (await fetched(addressOf(path, parameters))).blob());
}

export async function send(path, parameters, body) {
  return (await fetched(addressOf(path, parameters), { method: "POST", body })).json();
}

// Calls one at a time: while one is under way only the newest of the others is kept.
export function newestOnly(call) {
  let busy = false, waiting = null;
  return async function asked(...given) {
    if (busy) { waiting = given; return; }
    busy = true;
    try { await call(...given); } finally {
      busy = false;
      if (waiting) { const next = waiting; waiting = null; asked(...next); }
    }
  };
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children); // texts, never markup: names are other people's
  return made;
}
