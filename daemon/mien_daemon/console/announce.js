// Short messages at the head of the page, read out by screen readers; they leave by themselves.
import { h } from "./element.js";
import { icon } from "./icon.js";
import { sentence } from "./problem.js";
import { t } from "./words.js";

const SHOWN_MS = 6000;
const MOST = 3; // more would lie over what they are about
const region = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

export function toasts() {
  return region;
}

/**
 * @param {string} text
 * @param {"info" | "bad"} kind
 * @param {{ label: string, run: () => any }} [action] such as taking it back
 * @param {boolean} isSeen whether the page shows it by itself, so that it is only read out
 */
export function announce(text, kind = "info", action, isSeen = false) {
  const close = h("button", { class: "bare", "aria-label": t("close"), onclick: () => toast.remove() }, icon("close"));
  const toast = h(
    "div",
    { class: isSeen ? "unseen" : "toast", "data-kind": kind },
    icon(kind === "bad" ? "warning" : "check"),
    h("p", {}, text),
    action ? h("button", { class: "link", onclick: () => (toast.remove(), action.run()) }, action.label) : null,
    isSeen ? null : close,
  );
  region.append(toast);
  while (region.childElementCount > MOST) region.firstElementChild?.remove();
  setTimeout(() => toast.remove(), SHOWN_MS);
}

/** Run something a person asked for; what is refused is said, not swallowed. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (!error.document) throw error;
    announce(sentence(error.document), "bad");
    return undefined;
  }
}
