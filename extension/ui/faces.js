// Choosing a face: for the picture that waits in `?for=`, or as the one to use from now on.

import { wordsFor } from "../src/problem.js";
import { openPairing } from "../src/windows.js";
import { showFaces } from "./face-grid.js";
import { byId, localise, make, makeApp, say, showNotice, tell } from "./parts.js";

const { chrome, settings, connection } = makeApp();
const key = new URLSearchParams(location.search).get("for");
let chosen = null;

localise();
document.title = say("faces_title");
byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await tell({ do: "chosen", key, reference: chosen });
  window.close();
});
byId("form").addEventListener("keydown", ({ key: pressed }) => pressed === "Escape" && window.close());
byId("add").addEventListener("click", () => tell({ do: "openConsole", view: "faces" }));
show();

async function show() {
  try {
    const references = await connection.call((daemon) => daemon.references());
    await settings.reconcile(references);
    const { reference } = await settings.all();
    choose(reference);
    showFaces(byId("faces"), { references, chosenId: reference?.id, connection, onChoose: choose });
    byId("no-faces").hidden = references.length > 0;
    const first = byId("faces").querySelector("input:checked") ?? byId("faces").querySelector("input");
    first?.focus();
  } catch (error) {
    showNotice(byId("notice"), wordsFor(error, chrome.i18n), remedy(error));
  }
}

function choose(reference) {
  chosen = reference;
  byId("choose").disabled = !reference;
}

function remedy({ code }) {
  const [label, act] =
    code === "unpaired" ? ["remedy_pair", () => openPairing(chrome)] : ["remedy_retry", () => location.reload()];
  const button = make("button", { type: "button" }, say(label));
  button.addEventListener("click", act);
  return button;
}
