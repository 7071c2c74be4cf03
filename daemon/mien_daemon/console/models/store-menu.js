// What concerns the store as a whole: verify everything, take models from a folder, copy them to one.
import { announce, attempt } from "../announce.js";
import { button, field } from "../control.js";
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { t } from "../words.js";

export function storeMenu(list) {
  const verify = () =>
    attempt(async () => (await list.post("/v1/model-store/verify", {}), announce(t("verify_begun"))));
  const take = async () => {
    const path = await askFolder(t("import_models"), t("import_hint"), t("import"));
    if (path) await attempt(() => list.post("/v1/model-store/import", { path }));
  };
  const give = async () => {
    const path = await askFolder(t("export_models"), t("export_hint"), t("export"));
    const names = [...list.models.values()].filter(({ state }) => state === "ready").map(({ name }) => name);
    if (path) await attempt(() => list.post("/v1/model-store/export", { names, path }));
  };
  return h(
    "div",
    { class: "group wrap" },
    button(t("verify_all"), "shield", verify, { class: "quiet" }),
    button(t("import"), "upload", take, { class: "quiet" }),
    button(t("export"), "download", give, { class: "quiet" }),
  );
}

function askFolder(title, hint, deed) {
  return ask(title, (close) => {
    const input = h("input", {
      type: "text",
      required: true,
      autofocus: true,
      spellcheck: "false",
      placeholder: "/media/stick/mien",
    });
    const form = h("form", {
      class: "dialog-body",
      onsubmit: (event) => (event.preventDefault(), close(input.value.trim())),
    });
    form.append(
      field(t("folder"), input, hint),
      h(
        "footer",
        {},
        h("button", { type: "button", onclick: () => close() }, t("cancel")),
        h("button", { class: "primary" }, deed),
      ),
    );
    return form;
  });
}
