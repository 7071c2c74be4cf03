// The words of a licence, to be read before they are accepted.
import { ask } from "../dialog.js";
import { attempt } from "../announce.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { moment, t } from "../words.js";

/** Show the licence of a model; true when it is accepted, now or before. */
export async function readLicence(app, list, name) {
  const leaving = new AbortController();
  const accepted = await ask(
    t("licence_of", { name: list.models.get(name).title }),
    (close) => {
      const place = h("div", { class: "dialog-body" });
      fillWhenLoaded(
        place,
        () => app.api.get(`/v1/models/${name}/licence`, { signal: leaving.signal }),
        (licence) => words(app, name, licence, close),
        leaving.signal,
      );
      return place;
    },
    { wide: true },
  );
  leaving.abort();
  if (accepted) await list.load();
  return Boolean(accepted);
}

function words({ api }, name, licence, close) {
  const accept = () =>
    attempt(async () => {
      await api.post(`/v1/models/${name}/licence`, { sha256: licence.sha256 });
      close(true);
    });
  const page = h("a", { href: licence.url, target: "_blank", rel: "noreferrer" }, licence.url);
  const open = licence.must_accept && !licence.accepted_at;
  return h(
    "div",
    { class: "stack" },
    h("p", {}, h("strong", {}, licence.name), " · ", t(licence.commercial ? "commercial_yes" : "commercial_no")),
    licence.note ? h("p", { class: "caution" }, licence.note) : null,
    h("p", { class: "hint" }, page),
    licence.text
      ? h("pre", { class: "licence", tabindex: 0, "aria-label": licence.name }, licence.text)
      : h("p", {}, t("licence_elsewhere")),
    licence.accepted_at
      ? h("p", { class: "hint" }, t("licence_accepted_at", { when: moment(Date.parse(licence.accepted_at) / 1000) }))
      : null,
    h(
      "footer",
      {},
      h("button", { onclick: () => close(false) }, t(open ? "licence_refuse" : "close")),
      open
        ? h(
            "button",
            { class: "primary", id: "accept-licence", disabled: !licence.sha256, onclick: accept },
            t("licence_accept"),
          )
        : null,
    ),
  );
}
