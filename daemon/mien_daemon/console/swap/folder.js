// A folder of pictures: each becomes a job of one group, with the first reference and the options that are set.
import { bar, button, setBar } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { sentence } from "../problem.js";
import { t } from "../words.js";

const TRY_AGAIN_S = 5;
const FULL = new Set(["queue-full", "too-many-requests"]);
const LONGEST_NAME = 60;
const LONGEST_FILE = 255; // a picture's name, as the API takes it

/** The name of a new group: the folder's, and when it was sent. The API takes no control characters and no `/\\?#%`. */
export function nameGroup(folder, now = new Date()) {
  const clean = folder
    .replace(/[\p{C}/\\?#%]/gu, " ")
    .trim()
    .slice(0, LONGEST_NAME);
  const time = now.toISOString().replace("T", " ").slice(0, 19);
  return `${clean || "folder"} ${time}`;
}

/**
 * Send every picture and ask for its job. A full queue is waited for; a picture that is refused is noted and passed.
 * `folder` gets `sent` and `refused` on the way; `told` is called after each picture.
 */
export async function sendFolder(folder, { pictures, post, references = [], wait = pause, told, signal }) {
  for (const file of folder.files) {
    if (signal.aborted) return;
    try {
      const target = await pictures.put(file, signal);
      const label = { target: file.name.slice(0, LONGEST_FILE), references };
      await patiently(() => post({ kind: "swap", target, group: folder.group, label, ...folder.ask }), wait, signal);
      folder.sent += 1;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!error.document || error.code === "unpaired") throw error;
      folder.refused.push({ name: file.name, problem: error.document });
    }
    told();
  }
}

/** Send the pictures of the draft's folder one after the other, whichever view is shown meanwhile. */
export async function sendWhole(draft, ask, group, how) {
  const { folder } = draft;
  const sending = new AbortController();
  Object.assign(folder, { ask, group, sending });
  const stay = (event) => event.preventDefault();
  addEventListener("beforeunload", stay);
  draft.changed();
  try {
    await sendFolder(folder, { ...how, told: () => draft.changed(), signal: sending.signal });
  } finally {
    removeEventListener("beforeunload", stay);
    folder.sending = null;
    draft.changed();
  }
}

async function patiently(work, wait, signal) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!FULL.has(error.code)) throw error;
      await wait(1000 * (error.document.retry_after_s ?? TRY_AGAIN_S), signal);
      signal.throwIfAborted();
    }
  }
}

/** @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** What the stage shows while a folder is chosen or on its way. */
export function folderCard(app) {
  const { draft } = app;
  const figures = h("p", { class: "count", role: "status" });
  const track = bar(0, t("progress"));
  const refused = h("ul", { class: "refused" });
  const see = h("a", { class: "button primary", href: "#/jobs" }, t("folder_see"));
  const stop = button(t("folder_stop"), "close", () => draft.folder.sending.abort());
  const takeBack = button(t("folder_take_back"), "close", () => draft.takeFolder(null));
  // They stay in the page while pictures are sent: a click and the focus outlast a refresh.
  const actions = h("div", { class: "row-actions wrap" }, see, stop, takeBack);
  const element = h(
    "div",
    { class: "drop folder", "data-drop": "target" },
    icon("folder"),
    h("h2", {}, draft.folder.name),
    figures,
    track,
    h("p", { class: "hint" }, t("folder_hint")),
    refused,
    actions,
  );
  return { element, refresh };

  function refresh() {
    const { folder } = draft;
    if (!folder) return;
    const total = folder.files.length;
    figures.textContent = folder.group
      ? t("folder_sending", { sent: folder.sent, total })
      : t("pictures_count", { count: total });
    track.hidden = !folder.group;
    setBar(track, total ? (folder.sent + folder.refused.length) / total : 1);
    refused.hidden = folder.refused.length === 0;
    refused.replaceChildren(
      h("li", {}, t("folder_refused", { count: folder.refused.length })),
      ...folder.refused.map(({ name, problem }) => h("li", {}, `${name}: ${sentence(problem)}`)),
    );
    see.hidden = !folder.group;
    stop.hidden = !folder.sending;
    takeBack.hidden = Boolean(folder.sending);
  }
}
