// The popup: how the connection is, whose face, what is running, what came out.

import { isOver } from "../src/jobs.js";
import { problemOf, remedyFor, wordsFor } from "../src/problem.js";
import { progressOf } from "../src/progress.js";
import { startOn } from "../src/system.js";
import { showAddFace } from "./add-face.js";
import { showFaces } from "./face-grid.js";
import { showPairing } from "./pairing-panel.js";
import { byId, engineName, localise, make, makeApp, say, showNotice, tell } from "./parts.js";

const { chrome, settings, connection } = makeApp();
const RECENT = 8;
const AGAIN_MS = 2000;
const SAVED_MS = 60_000; // the browser has read a file by then; it does not say when
let waitedFor = new Set();
const openOptions = () => chrome.runtime.openOptionsPage();

localise();
byId("settings").addEventListener("click", openOptions);
byId("open").addEventListener("click", openConsole);
byId("which").addEventListener("change", ({ target }) => settings.change({ faces: target.value }));
byId("engine").addEventListener("change", ({ target }) => settings.change({ engine: target.value || null }));
chrome.storage.session.onChanged.addListener(showJobs);
tell({ do: "resume" });
showJobs();
sayNotice();
connect();

async function connect() {
  const { state } = await connection.state();
  byId("state").className = `state ${state}`;
  byId("state").textContent = say(`state_${state}`);
  byId("choices").hidden = byId("foot").hidden = state !== "paired";
  byId("pairing").hidden = state !== "unpaired";
  byId("help").hidden = state === "paired" || state === "unpaired";
  if (state === "unpaired") return showPairing(byId("pairing"), connect);
  if (state === "paired")
    return showChoices().catch((error) => showNotice(byId("notice"), wordsFor(problemOf(error), chrome.i18n)));
  return state === "unreachable" ? waitForDaemon() : showHelp(state, "", "remedy_options", openOptions);
}

/** How Mien is started on this system; as soon as it answers the popup goes on by itself. */
async function waitForDaemon() {
  const { words, command } = await startOn(chrome);
  showHelp("unreachable", say(words), "remedy_retry", connect);
  byId("help-command").hidden = !command;
  byId("help-command").firstElementChild.textContent = command ?? "";
  const daemon = await connection.stranger();
  const isThere = await daemon.hello().then(
    () => true,
    () => false,
  );
  if (isThere) await connect();
  else setTimeout(() => byId("help").hidden || waitForDaemon(), AGAIN_MS);
}

function showHelp(state, start, label, act) {
  byId("help-words").textContent = say(`help_${state}`);
  byId("help-start").textContent = start;
  byId("help-act").textContent = say(label);
  byId("help-act").onclick = act;
}

async function showChoices() {
  const [references, engines] = await connection.call((daemon) =>
    Promise.all([daemon.references(), daemon.engines().catch(() => [])]),
  );
  await settings.reconcile(references);
  const { reference, engine, faces } = await settings.all();
  const onChoose = (chosen) => settings.choose(chosen);
  const onAdd = () => addFace(backToChoices);
  showFaces(byId("faces"), { references, chosenId: reference?.id, connection, onChoose, onAdd });
  byId("face").hidden = true;
  byId("choices").hidden = !references.length;
  if (!references.length) addFace(null);
  byId("which").value = faces;
  const named = engines.map(({ name, state }) =>
    make("option", { value: name, disabled: state !== "ready" }, engineName(name)),
  );
  byId("engine").replaceChildren(make("option", { value: "" }, say("engine_default")), ...named);
  byId("engine").value = engine ?? "";
  showJobs();
}

/** The form in the popup itself; Firefox shuts a popup as soon as a file is looked for, so it gets a window. */
function addFace(onCancel) {
  byId("face").hidden = false;
  byId("choices").hidden = true;
  const onFile = "browser" in globalThis ? () => tell({ do: "addFace" }) : null;
  const onCamera = () => tell({ do: "addFace", camera: true });
  showAddFace(byId("face"), { connection, onFile, onAdded, onCamera, onCancel });
  byId("choose-file").focus();
}

async function backToChoices() {
  await showChoices();
  byId("add-face").focus();
}

async function onAdded(reference) {
  await settings.choose(reference);
  byId("told").textContent = say("face_added", reference.name);
  await showChoices();
  byId("faces").querySelector("input:checked")?.focus();
}

async function showJobs() {
  /** @type {Record<string, any>} */
  const kept = await chrome.storage.session.get(null);
  const jobs = Object.entries(kept).flatMap(([name, job]) => (name.startsWith("job:") ? [job] : []));
  jobs.sort((one, other) => other.createdAt - one.createdAt);
  const listed = jobs.filter((job) => !isOver(job) || job.state === "failed");
  const done = jobs.filter(({ state }) => state === "done").slice(0, RECENT);
  const focused = byId("main").querySelector("[data-key]:focus-within")?.dataset.key;
  byId("running").hidden = !listed.length;
  byId("jobs").replaceChildren(...listed.map(jobLine));
  byId("recent").hidden = !done.length;
  byId("results").replaceChildren(...done.map(resultTile));
  byId("hint").hidden = byId("choices").hidden || jobs.length > 0;
  announce(jobs);
  if (focused) byId("main").querySelector(`[data-key="${focused}"] button`)?.focus();
}

/** What was running when it was last looked at and is done now is said, and named by the title. */
function announce(jobs) {
  const done = jobs.find(({ key, state }) => state === "done" && waitedFor.has(key));
  waitedFor = new Set(jobs.flatMap((job) => (isOver(job) ? [] : [job.key])));
  if (!done) return;
  const words = say("popup_done", done.reference?.name ?? "");
  document.title = words;
  byId("told").textContent = words;
}

function jobLine(job) {
  const failed = job.state === "failed";
  const { words, left, fraction } = failed
    ? { words: wordsFor(job.problem, chrome.i18n), left: "" }
    : progressOf(job, chrome.i18n);
  const bar = make("progress", { max: 1, ...(fraction === null ? {} : { value: fraction ?? 0 }) });
  bar.setAttribute("aria-label", words);
  const line = make("div", { className: "line" }, make("span", {}, words), make("span", { className: "left" }, left));
  const what = make("div", { className: "what" }, line, failed ? null : bar);
  const retry = failed && remedyFor(job.problem) === "retry";
  const key = { key: job.key };
  const act = failed
    ? smallButton(retry ? "remedy_retry" : "close", () => tell({ do: retry ? "retry" : "remove", ...key }))
    : smallButton("cancel", () => tell({ do: "cancel", ...key }));
  const item = make("li", { className: `job ${job.state}` }, thumbnail(job.thumbnail), what, act);
  item.dataset.key = job.key;
  return item;
}

function resultTile({ key, daemonJob, resultThumbnail, reference }) {
  const save = make("button", {}, say("save"));
  save.setAttribute("aria-label", say("popup_save_named", reference?.name ?? ""));
  save.addEventListener("click", () => saveResult(daemonJob));
  const tile = make("li", { className: "result" }, thumbnail(resultThumbnail), save);
  tile.dataset.key = key;
  return tile;
}

function thumbnail(url) {
  return url ? make("img", { className: "thumb", src: url, alt: "" }) : make("span", { className: "thumb" });
}

function smallButton(key, act) {
  const button = make("button", { className: "plain" }, say(key));
  button.addEventListener("click", act);
  return button;
}

async function saveResult(daemonJob) {
  try {
    const { blob, name } = await connection.call((daemon) => daemon.resultFile(daemonJob));
    const href = URL.createObjectURL(blob);
    make("a", { href, download: name ?? "" }).click();
    setTimeout(() => URL.revokeObjectURL(href), SAVED_MS);
  } catch (error) {
    showNotice(byId("notice"), wordsFor(problemOf(error), chrome.i18n));
  }
}

async function sayNotice() {
  const { notice } = await chrome.storage.session.get("notice");
  if (!notice) return;
  showNotice(byId("notice"), wordsFor(notice, chrome.i18n));
  await chrome.storage.session.remove("notice");
  await chrome.action.setBadgeText({ text: "" });
}

async function openConsole() {
  await tell({ do: "openConsole" });
  window.close();
}
