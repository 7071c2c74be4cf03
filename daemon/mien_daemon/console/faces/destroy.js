// Before faces are destroyed: whether what was made with them goes too.
import { checkbox } from "../control.js";
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { t } from "../words.js";

/** `{results}` when the person means it, undefined when they thought better of it. */
export function askToDestroy(title, text, deed) {
  return ask(title, (close) => {
    const chosen = { results: true };
    return h(
      "div",
      { class: "dialog-body" },
      h("p", {}, text),
      checkbox(t("forget_results_too"), true, (checked) => (chosen.results = checked)),
      h(
        "footer",
        {},
        h("button", { autofocus: true, onclick: () => close() }, t("cancel")),
        h("button", { class: "danger", onclick: () => close(chosen) }, deed),
      ),
    );
  });
}
