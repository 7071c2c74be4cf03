// Settings: how the page looks, how the daemon behaves, who may talk to it, what left the machine, what it runs on.
import { h } from "../element.js";
import { t } from "../words.js";
import { about } from "./about.js";
import { appearance } from "./appearance.js";
import { arenaSettings } from "./arena.js";
import { clients } from "./clients.js";
import { connections } from "./connections.js";
import { daemonSettings } from "./daemon-settings.js";
import { machine } from "./machine.js";
import { pairing } from "./pairing.js";
import { signedIn } from "./signed-in.js";

/** @type {Record<string, (app: any, signal: AbortSignal) => HTMLElement>} */
const SECTIONS = {
  appearance,
  daemon: daemonSettings,
  pairing,
  clients,
  signed_in: signedIn,
  arena: arenaSettings,
  connections,
  machine,
  about,
};

export function mount(main, app, signal) {
  const parts = Object.entries(SECTIONS).map(([name, build]) => section(name, build(app, signal)));
  const index = Object.keys(SECTIONS).map((name) =>
    h("button", { class: "quiet", onclick: () => jump(name) }, t(`settings_${name}`)),
  );
  main.append(
    h(
      "div",
      { class: "page settings" },
      h("header", { class: "page-head" }, h("h1", {}, t("view_settings"))),
      h(
        "div",
        { class: "with-index" },
        h("nav", { class: "index", "aria-label": t("sections") }, index),
        h("div", { class: "stack large" }, parts),
      ),
    ),
  );
}

function section(name, content) {
  return h(
    "section",
    { class: "card section", id: `settings-${name}`, "aria-labelledby": `settings-${name}-title`, tabindex: -1 },
    h("h2", { id: `settings-${name}-title` }, t(`settings_${name}`)),
    content,
  );
}

function jump(name) {
  const place = /** @type {HTMLElement} */ (document.getElementById(`settings-${name}`));
  place.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  place.focus({ preventScroll: true });
}
