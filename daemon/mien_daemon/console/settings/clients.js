// Paired browsers and tokens: who they are, what they may do, and the end of it.
import { announce, attempt } from "../announce.js";
import { button, checkbox, field, iconButton, select } from "../control.js";
import { ask, confirm } from "../dialog.js";
import { fill, h } from "../element.js";
import { icon } from "../icon.js";
import { fillWhenLoaded } from "../notice.js";
import { ago, t } from "../words.js";

export function clients({ api, events, session }, signal) {
  const place = h("div", {});
  const show = () =>
    fillWhenLoaded(
      place,
      () => api.get("/v1/clients"),
      (found) => build({ api, session }, found.clients, show),
      signal,
    );
  events.addEventListener("on:pairing", show, { signal });
  show();
  return place;
}

function build(app, list, again) {
  const rows = list.map((client) => row(app, client, again));
  return h(
    "div",
    { class: "stack" },
    rows.length ? h("ul", { class: "rows" }, rows) : h("p", { class: "hint" }, t("no_clients")),
    h(
      "div",
      {},
      button(t("new_token"), "key", () => newToken(app.api, again)),
    ),
  );
}

/** A browser's right to open this page is a switch of its own; only this user's own programs may turn it on. */
const SWITCHED = "console";

function row({ api, session }, { id, name, scopes, origin, last_seen: seen }, again) {
  const mayOpen = scopes.includes(SWITCHED);
  const allow = (allowed) => attempt(() => api.patch(`/v1/clients/${id}`, { console: allowed })).then(again);
  const opens = origin && (session.may("local") || mayOpen) ? checkbox(t("allow_console"), mayOpen, allow) : null;
  const revoke = () =>
    attempt(async () => {
      if (!(await confirm(t("revoke_title", { name }), t("revoke_text"), t("revoke")))) return;
      await api.delete(`/v1/clients/${id}`);
      again();
    });
  const rename = () =>
    attempt(async () => {
      const chosen = await askName(t("rename"), name);
      if (chosen) await api.patch(`/v1/clients/${id}`, { name: chosen });
      again();
    });
  const last = seen ? t("last_seen", { when: ago(Date.parse(seen) / 1000) }) : t("never_seen");
  return h(
    "li",
    { class: "row client", "data-client": id },
    icon(origin ? "browser" : "key"),
    h(
      "div",
      { class: "row-main" },
      h(
        "p",
        {},
        h("strong", {}, name),
        scopes.filter((scope) => scope !== SWITCHED).map((scope) => h("span", { class: "chip" }, t(`scope_${scope}`))),
      ),
      h("p", { class: "hint" }, last),
      opens,
    ),
    h(
      "div",
      { class: "row-actions" },
      iconButton("pencil", `${t("rename")}: ${name}`, rename),
      iconButton("trash", `${t("revoke")}: ${name}`, revoke),
    ),
  );
}

export function askName(title, value) {
  return ask(title, (close) => {
    const input = h("input", { type: "text", required: true, maxlength: 60, autofocus: true, value });
    const form = h("form", {
      class: "dialog-body",
      onsubmit: (event) => (event.preventDefault(), close(input.value.trim())),
    });
    form.append(
      field(t("name"), input),
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

/** A token is told once; afterwards only its hash is known. */
async function newToken(api, again) {
  await ask(t("new_token"), (close) => {
    const body = h("div", { class: "dialog-body" });
    const name = h("input", { type: "text", required: true, maxlength: 60, autofocus: true });
    const scope = select(
      ["swap", "models", "admin"].map((each) => [each, t(`scope_${each}`)]),
      "swap",
      () => {},
    );
    const make = (event) =>
      attempt(async () => {
        event.preventDefault();
        const made = await api.post("/v1/tokens", { name: name.value.trim(), scope: scope.value });
        fill(body, told(made.token, close));
      });
    fill(
      body,
      h(
        "form",
        { class: "stack", onsubmit: make },
        field(t("name"), name),
        field(t("may"), scope),
        h("footer", {}, h("button", { class: "primary" }, t("create"))),
      ),
    );
    return body;
  });
  again();
}

function told(token, close) {
  const copy = () => attempt(async () => (await navigator.clipboard.writeText(token), announce(t("copied"))));
  return [
    h("p", {}, t("token_once")),
    h("code", { class: "token" }, token),
    h(
      "footer",
      {},
      button(t("copy"), "copy", copy),
      h("button", { class: "primary", onclick: () => close() }, t("close")),
    ),
  ];
}
