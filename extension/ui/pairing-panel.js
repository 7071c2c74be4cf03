// Pairing as the person sees it, in the popup and in the options: press, compare six digits, say yes on both sides. The
// background does it; this shows how it stands, and may be shut and opened again meanwhile.

import { wordsFor } from "../src/problem.js";
import { pairingPicture } from "./pairing-picture.js";
import { make, say, showNotice, tell } from "./parts.js";

const { chrome } = globalThis;

/**
 * Fill `box` with how the pairing stands; calls `onPaired` when it is done.
 * @param {HTMLElement} box
 * @param {() => Promise<any>} onPaired
 */
export function showPairing(box, onPaired) {
  let before = null;
  const show = async () => {
    /** @type {Record<string, any>} */
    const { pairing = null } = await chrome.storage.session.get("pairing");
    const step = pairing?.state ?? "unpaired";
    if (step === before) return;
    box.replaceChildren(...STEPS[step](pairing));
    const first = /** @type {HTMLElement | null} */ (box.querySelector("button.first"));
    if (before) first?.focus();
    if (before && !pairing) await onPaired();
    before = step;
  };
  chrome.storage.session.onChanged.addListener((changes) => "pairing" in changes && show());
  return show();
}

const STEPS = {
  unpaired: () => [
    pairingPicture(),
    make("p", {}, say("pairing_words")),
    make("p", { className: "soft small" }, say("pairing_ask_hint")),
    press("pair", "remedy_pair", { do: "pair" }, "first"),
  ],
  asking: () => [make("p", { role: "status" }, say("pairing_asking"))],
  comparing: ({ digits, watched }) => [
    make("p", {}, say("pairing_compare")),
    shown(digits),
    ...where(watched),
    make(
      "div",
      { className: "row", id: "comparing" },
      press("same", "pairing_same", { do: "compared", same: true }, "first"),
      press("differ", "pairing_differ", { do: "compared", same: false }, "danger"),
    ),
  ],
  approving: ({ digits, watched }) => [
    make("p", { role: "status" }, say("pairing_approving")),
    shown(digits),
    ...where(watched),
    press("stop", "cancel", { do: "stopPairing" }, "plain"),
  ],
  failed: ({ problem }) => {
    const notice = make("div", { className: "notice", id: "pairing-notice" });
    notice.setAttribute("role", "alert");
    showNotice(notice, wordsFor(problem, chrome.i18n));
    return [notice, press("pair", "remedy_retry", { do: "pair" }, "first")];
  },
};

/** Where the same digits are to be seen; with nothing open that shows them there is the terminal. */
function where(watched) {
  if (watched) return [make("p", { className: "soft small" }, say("pairing_where"))];
  return [make("p", { className: "soft small" }, say("pairing_unwatched"), " ", make("code", {}, "mien pair"))];
}

function shown(digits) {
  const output = make("output", { className: "digits", id: "digits" }, `${digits.slice(0, 3)} ${digits.slice(3)}`);
  output.setAttribute("aria-label", [...digits].join(" "));
  return output;
}

function press(id, words, message, className) {
  const button = make("button", { id, className, type: "button" }, say(words));
  button.addEventListener("click", () => {
    button.disabled = true;
    tell(message);
  });
  return button;
}
