// Settings: how the page looks, how the daemon behaves, who may talk to it, what left the machine, what it runs on.
import { assign, h } from "../element.js";
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
  const links = Object.keys(SECTIONS).map((name) =>
    h("button", { class: "quiet", onclick: () => jump(name) }, t(`settings_${name}`)),
  );
  const index = h("nav", { class: "index", "aria-label": t("sections") }, links);
  main.append(
    h(
      "div",
      { class: "page settings" },
      h("header", { class: "page-head" }, h("h1", {}, t("view_settings"))),
      h("div", { class: "with-index" }, index, h("div", { class: "stack large" }, parts)),
    ),
  );
  markShown(main, parts, links, index, signal);
}

const NEAR_PX = 120;

/** The index says which section is read: the last whose head has come near the top. */
function markShown(main, parts, links, index, signal) {
  const mark = () => {
    const line = main.getBoundingClientRect().top + NEAR_PX;
    const isAtEnd = main.scrollTop + main.clientHeight >= main.scrollHeight - 2 && main.scrollTop > 0;
    const passed = parts.filter((part) => part.getBoundingClientRect().top <= line).length;
    const at = isAtEnd ? parts.length - 1 : Math.max(0, passed - 1);
    links.forEach((link, place) => assign(link, { "aria-current": place === at && "true" }));
    const { offsetLeft, offsetWidth } = links[at];
    index.scrollLeft = offsetLeft - (index.clientWidth - offsetWidth) / 2; // where it lies, it is one line
  };
  main.addEventListener("scroll", mark, { signal, passive: true });
  requestAnimationFrame(mark);
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
