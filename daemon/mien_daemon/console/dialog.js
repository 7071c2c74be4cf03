// Modal questions. The browser's own <dialog> keeps the focus inside and gives it back.
import { h } from "./element.js";
import { icon } from "./icon.js";
import { t } from "./words.js";

/** Show a dialog; resolves with what `close(value)` was given, or undefined when it was dismissed. */
export function ask(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    let answer;
    const close = (value) => {
      answer = value;
      dialog.close();
    };
    const heading = h("h2", { id: "dialog-title" }, title);
    const dismiss = h("button", { class: "bare", "aria-label": t("close"), onclick: () => close() }, icon("close"));
    const dialog = h("dialog", { class: wide ? "wide" : null, "aria-labelledby": "dialog-title" });
    dialog.append(h("header", {}, heading, dismiss), build(close));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Yes or no, with the deed as the name of the button. */
export function confirm(title, text, deed) {
  return ask(title, (close) =>
    h(
      "div",
      { class: "dialog-body" },
      h("p", {}, text),
      h(
        "footer",
        {},
        h("button", { autofocus: true, onclick: () => close(false) }, t("cancel")),
        h("button", { class: "danger", onclick: () => close(true) }, deed),
      ),
    ),
  );
}
