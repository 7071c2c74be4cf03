// Browsers that open this page without a code, and the end of that.
import { attempt } from "../announce.js";
import { button } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { fillWhenLoaded } from "../notice.js";
import { ago, t } from "../words.js";

export function signedIn({ api, session }, signal) {
  const place = h("div", {});
  const show = () =>
    fillWhenLoaded(
      place,
      async () => ({ own: await session.key.id(), ...(await api.get("/v1/sessions", { signal })) }),
      ({ own, browsers }) => build(browsers, own, signOut),
      signal,
    );
  const signOut = (id, isOwn) =>
    attempt(async () => {
      if (isOwn) await session.key.forget(); // first: the page shall not sign itself in again
      await api.delete(`/v1/sessions/${id}`);
      if (isOwn) session.end();
      else show();
    });
  show();
  return place;
}

const SHOWN = 5;

/** The ones used last, and all of them when asked. */
function build(browsers, own, signOut) {
  const rows = browsers.map((browser) => row(browser, browser.id === own, signOut));
  const list = h("ul", { class: "rows" }, rows.slice(0, SHOWN));
  const more = button(t("show_all", { total: rows.length }), "down", () => {
    list.append(...rows.slice(SHOWN));
    more.remove();
  });
  return h(
    "div",
    { class: "stack" },
    h("p", { class: "hint" }, t("signed_in_hint")),
    rows.length ? list : h("p", { class: "hint" }, t("signed_in_none")),
    rows.length > SHOWN ? h("div", {}, more) : null,
  );
}

function row({ id, name, last_used: used }, isOwn, signOut) {
  const out = button(t("sign_out"), "lock", () => signOut(id, isOwn), { "aria-label": `${t("sign_out")}: ${name}` });
  return h(
    "li",
    { class: "row client", "data-browser": id },
    icon("browser"),
    h(
      "div",
      { class: "row-main" },
      h("p", {}, h("strong", {}, name), isOwn ? h("span", { class: "chip" }, t("signed_in_here")) : null),
      h("p", { class: "hint" }, t("last_seen", { when: ago(Date.parse(used) / 1000) })),
    ),
    h("div", { class: "row-actions" }, out),
  );
}
