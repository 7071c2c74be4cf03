// The options page: every setting saves itself when it is changed.

import { siteFrom } from "../src/sites.js";
import { showPairing } from "./pairing-panel.js";
import { byId, engineName, localise, make, makeApp, say } from "./parts.js";

const { chrome, settings, keychain, connection } = makeApp();
/** @type {NodeListOf<HTMLInputElement>} what becomes of swaps when their tab is closed */
const radios = document.querySelectorAll("input[name=closes]");

localise();
document.title = say("options_title");
showPairing(byId("unpaired"), showConnection);
byId("unpair").addEventListener("click", async () => {
  await connection.forget();
  await showConnection();
});
showConnection();
showSettings();
showSites();
showHosts();
showEngines();
showShortcut();

async function showConnection() {
  const pairing = await keychain.load();
  const { state } = await connection.state().catch(() => ({ state: "unreachable" }));
  byId("state").className = `state ${state}`;
  byId("state").textContent = say(`state_${state}`);
  const isPaired = pairing && state !== "unpaired";
  byId("paired").hidden = !isPaired;
  byId("unpaired").hidden = Boolean(isPaired);
  if (!isPaired) return;
  const since = new Intl.DateTimeFormat(chrome.i18n.getUILanguage(), { dateStyle: "long", timeStyle: "short" });
  byId("paired-since").textContent = say("pairing_since", since.format(pairing.pairedAt));
  await showEngines();
}

async function showSettings() {
  const { faces, whenTabCloses, port } = await settings.all();
  byId("which").value = faces;
  byId("port").value = port;
  for (const radio of radios) radio.checked = radio.value === whenTabCloses;
}

byId("which").addEventListener("change", ({ target }) => settings.change({ faces: target.value }));
byId("engine").addEventListener("change", ({ target }) => settings.change({ engine: target.value || null }));
byId("port").addEventListener(
  "change",
  ({ target }) => target.reportValidity() && settings.change({ port: target.valueAsNumber }),
);
for (const radio of radios) {
  radio.addEventListener("change", () => settings.change({ whenTabCloses: radio.value }));
}

async function showEngines() {
  const { engine } = await settings.all();
  const engines = await connection.call((daemon) => daemon.engines()).catch(() => []);
  const names = engines.map(({ name }) => name);
  const listed = engine && !names.includes(engine) ? [engine, ...names] : names;
  const options = listed.map((name) => make("option", { value: name }, engineName(name)));
  byId("engine").replaceChildren(make("option", { value: "" }, say("engine_default")), ...options);
  byId("engine").value = engine ?? "";
}

async function showSites() {
  const { excludedSites } = await settings.all();
  byId("sites").replaceChildren(
    ...excludedSites.map((site) =>
      removable(site, () => changeSites((sites) => sites.filter((other) => other !== site))),
    ),
  );
}

async function changeSites(change) {
  const { excludedSites } = await settings.all();
  await settings.change({ excludedSites: [...new Set(change(excludedSites))].sort() });
  await showSites();
}

byId("add-site").addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = chrome.permissions.request({ permissions: ["tabs"] }); // first: it takes the person's own click
  const site = siteFrom(byId("site").value);
  byId("site").setCustomValidity(site ? "" : say("options_site_example"));
  if (!byId("site").reportValidity()) return;
  await asked.catch(() => false); // without it the menu still shows there, and does nothing
  await changeSites((sites) => [...sites, site]);
  byId("add-site").reset();
});
byId("site").addEventListener("input", ({ target }) => target.setCustomValidity(""));

async function showHosts() {
  const { origins = [] } = await chrome.permissions.getAll();
  const asked = origins.filter((origin) => !origin.includes("//127.0.0.1/"));
  byId("no-hosts").hidden = asked.length > 0;
  byId("hosts").replaceChildren(
    ...asked.map((origin) =>
      removable(origin.replace(/\/\*$/, ""), async () => {
        await chrome.permissions.remove({ origins: [origin] });
        await showHosts();
      }),
    ),
  );
}

function removable(name, remove) {
  const button = make("button", { className: "plain", type: "button" }, say("remove"));
  button.setAttribute("aria-label", say("options_remove_named", name));
  button.addEventListener("click", remove);
  return make("li", {}, make("span", {}, name), button);
}

async function showShortcut() {
  const commands = await chrome.commands.getAll();
  byId("shortcut").textContent = commands.find(({ name }) => name === "swap-last")?.shortcut || "–";
}

let sure = false; // pressed once; leaving the button takes it back
byId("delete").addEventListener("blur", () => askAgain(false));
byId("delete").addEventListener("click", async () => {
  if (!sure) return askAgain(true);
  askAgain(false);
  await connection.forget();
  await chrome.storage.local.clear();
  await chrome.storage.session.clear();
  const { origins = [] } = await chrome.permissions.getAll();
  const optional = origins.filter((origin) => !origin.includes("//127.0.0.1/"));
  if (optional.length) await chrome.permissions.remove({ origins: optional });
  await Promise.all([showSettings(), showSites(), showHosts(), showEngines()]);
  await showConnection();
  byId("deleted").textContent = say("options_deleted");
});

function askAgain(asking) {
  sure = asking;
  byId("delete").textContent = say(asking ? "options_delete_again" : "options_delete_act");
}
