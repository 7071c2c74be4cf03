// Every picture of a folder as a small one, with what became of it; a press opens it, before and after.
import { h } from "../element.js";
import { icon } from "../icon.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { failedFirst, stateOf, wordOf } from "./folder-states.js";

const AT_ONCE = 40; // tiles that are made in a frame
const MARKS = { done: "check", failed: "warning", refused: "warning", cancelled: "close", running: "retry" };

/** `show()` follows the folder and its jobs. @param {any} app @param {any} folder @param {AbortSignal} signal */
export function folderSheet(app, folder, signal) {
  const element = h("ul", { class: "contact-sheet" });
  const seen = lazyPictures(signal);
  const tiles = rows(
    element,
    (file) => file,
    (file) => tile(app, folder, file, seen),
    AT_ONCE,
  );
  return { element, show: () => tiles(failedFirst(folder, app.jobs)) };
}

/** What the browser cannot show, a clip or a HEIC, is an empty tile. */
function tile(app, folder, file, seen) {
  const img = h("img", { alt: "", decoding: "async" });
  img.addEventListener("error", () => img.remove(), { once: true });
  const mark = h("span", { class: "sheet-mark" });
  const open = h("button", { class: "sheet-tile", onclick: () => look(app, folder, file) }, icon("results"), img, mark);
  const element = h("li", {}, open);
  seen(img, file);
  let known = "";
  return { element, update };

  function update() {
    const state = stateOf(folder, file, app.jobs);
    if (state === known) return;
    known = element.dataset.state = state;
    mark.replaceChildren(...(MARKS[state] ? [icon(MARKS[state])] : []));
    open.setAttribute("aria-label", `${file.name}: ${t(wordOf(state))}`);
    open.title = open.getAttribute("aria-label") ?? "";
  }
}

async function look(app, folder, file) {
  const { openFile } = await import("./folder-picture.js");
  await openFile(app, folder, file);
}

/** Decoding all of a thousand pictures would hold up the page: each when it comes into sight. */
function lazyPictures(signal) {
  const files = new WeakMap();
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        watch.unobserve(target);
        const url = URL.createObjectURL(files.get(target));
        /** @type {HTMLImageElement} */ (target).src = url;
        signal.addEventListener("abort", () => URL.revokeObjectURL(url));
      }
    },
    { rootMargin: "200px" },
  );
  signal.addEventListener("abort", () => watch.disconnect());
  return (img, file) => {
    files.set(img, file);
    watch.observe(img);
  };
}
