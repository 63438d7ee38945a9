// Requests from the pages to the server.

export { counted, element, newestOnly } from "./elements.js";

async function answer(response) {
  if (response.ok) return response;
  const content = await response.json().catch(() => ({}));
  throw new Error(content.error || `The server responded with status ${response.status}.`);
}

async function fetched(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("The server does not respond. Start gan demo, gan watch or gan play again.");
  }
  return answer(response);
}

export function addressOf(path, parameters) {
  return `${path}?${new URLSearchParams(parameters)}`;
}

export async function json(path, parameters = {}) {
  return (await fetched(addressOf(path, parameters))).json();
}

export async function file(path, parameters = {}) {
  return (await fetched(addressOf(path, parameters))).blob();
}

// How the picture comes along is shown and ended in local_requests.js alone.
export async function picture(path, parameters = {}) {
  return createImageBitmap(await file(path, parameters));
}

export async function send(path, parameters, body) {
  return (await fetched(addressOf(path, parameters), { method: "POST", body })).json();
}
