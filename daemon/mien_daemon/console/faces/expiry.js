// Until when a consent counts.
import { field, select } from "../control.js";
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { duration, moment, t } from "../words.js";

const DAY = 86_400;
export const SPANS = [30 * DAY, 90 * DAY, 365 * DAY];

/** A moment so many seconds from now, as the API writes it; null is never. */
export function from(seconds) {
  return seconds ? new Date(Date.now() + seconds * 1000).toISOString() : null;
}

export function expirySelect(onchange) {
  return select(
    [...SPANS.map((span) => [String(span), duration(span)]), ["0", t("never")]],
    String(SPANS.at(-1)),
    (value) => onchange(Number(value)),
  );
}

/** A new expiry; undefined when the person thought better of it. */
export function askExpiry(until) {
  return ask(t("expiry"), (close) => {
    const chosen = { seconds: SPANS.at(-1) };
    const form = h("form", {
      class: "dialog-body",
      onsubmit: (event) => (event.preventDefault(), close(from(chosen.seconds))),
    });
    form.append(
      h("p", { class: "hint" }, until ? moment(Date.parse(until) / 1000) : t("never_expires")),
      field(
        t("consent_until"),
        expirySelect((seconds) => (chosen.seconds = seconds)),
      ),
      h(
        "footer",
        {},
        h("button", { type: "button", onclick: () => close() }, t("cancel")),
        h("button", { class: "primary" }, t("save")),
      ),
    );
    return form;
  });
}
