// A folder of pictures: each becomes a job of one group, with the first reference and the options that are set.
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
 * `folder` gets `sent`, `refused`, `states` and `jobs` on the way; `told` is called after each picture.
 */
export async function sendFolder(folder, { pictures, post, references = [], wait = pause, told, signal }) {
  folder.states = new Map(); // of each file: "sent" or "refused"
  folder.jobs = new Map(); // of each file that was sent: its job
  for (const file of folder.files) {
    if (signal.aborted) return;
    try {
      const target = await pictures.put(file, signal);
      const label = { target: file.name.slice(0, LONGEST_FILE), references };
      const body = { kind: "swap", target, group: folder.group, label, ...folder.ask };
      const job = await patiently(() => post(body), wait, signal);
      folder.jobs.set(file, job?.id);
      folder.sent += 1;
      folder.states.set(file, "sent");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!error.document || error.code === "unpaired") throw error;
      folder.refused.push({ file, name: file.name, problem: error.document });
      folder.states.set(file, "refused");
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
