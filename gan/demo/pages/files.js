// Send bundles that are opened or dropped on the page to the server.

import { byId } from "./elements.js";
import { send } from "./requests.js";

// added({models, model}): called with the names of all models and the number of the new one. failed(message): with an error.
export function openFiles(added, failed) {
  const open = async (file) => {
    if (!file) return;
    try {
      await added(await send("/api/models", { name: file.name.slice(0, 200) }, file));
    } catch (error) { failed(error.message); }
  };
  byId("open").onclick = () => byId("file").click();
  byId("file").onchange = () => { open(byId("file").files[0]); byId("file").value = ""; };
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => { event.preventDefault(); open(event.dataTransfer.files[0]); };
}
