// Short messages at the head of the page, read out by screen readers; they leave by themselves.
import { h } from "./element.js";
import { icon } from "./icon.js";
import { sentence } from "./problem.js";
import { t } from "./words.js";

const SHOWN_MS = 6000;
export const UNDO_MS = 10_000; // something can be taken back: to be read, and reached
const MOST = 3; // more would lie over what they are about
const region = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

export function toasts() {
  return region;
}

/**
 * @param {string} text
 * @param {"info" | "bad"} kind
 * @param {{ label: string, run: () => any, gone?: () => any }} [action] such as taking it back; `gone` is called when
 *   the message has left and it was not done
 * @param {boolean} isSeen whether the page shows it by itself, so that it is only read out
 * @returns {() => void} takes it away, as the action does
 */
export function announce(text, kind = "info", action, isSeen = false) {
  const leave = () => toast.dispatchEvent(new Event("leave"));
  const close = h("button", { class: "bare", "aria-label": t("close"), onclick: leave }, icon("close"));
  const toast = h(
    "div",
    { class: isSeen ? "unseen" : "toast", "data-kind": kind },
    icon(kind === "bad" ? "warning" : "check"),
    h("p", {}, text),
    action ? h("button", { class: "link", onclick: () => (toast.remove(), action.run()) }, action.label) : null,
    isSeen ? null : close,
  );
  toast.addEventListener("leave", () => {
    if (!toast.isConnected) return;
    toast.remove();
    action?.gone?.();
  });
  region.append(toast);
  while (region.childElementCount > MOST) region.firstElementChild?.dispatchEvent(new Event("leave"));
  leaveUnlessHeld(toast, leave, action ? UNDO_MS : SHOWN_MS);
  return () => toast.remove();
}

/** It stays while one points at it, or has the focus in it. */
function leaveUnlessHeld(toast, leave, after) {
  let timer = setTimeout(leave, after);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"])
    toast.addEventListener(name, () => {
      clearTimeout(timer);
      timer = setTimeout(leave, after);
    });
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
