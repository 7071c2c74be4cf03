// The frame: navigation, what the daemon is doing, and the place where a view goes.
import { toasts } from "./announce.js";
import { iconButton } from "./control.js";
import { assign, fill, h } from "./element.js";
import { icon } from "./icon.js";
import { setTheme, theme, THEMES } from "./theme.js";
import { t } from "./words.js";

export const VIEWS = ["swap", "jobs", "results", "faces", "models", "settings"];
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };

export function shell(router) {
  const main = h("main", { id: "main", tabindex: -1 });
  const links = new Map(VIEWS.map((view) => [view, link(view)]));
  const status = h("div", { class: "daemon" });
  const banner = h("div", { class: "banner", role: "alert", hidden: true });
  const skip = h(
    "a",
    { class: "skip", href: "#main", onclick: (event) => (event.preventDefault(), main.focus()) },
    t("skip"),
  );
  const side = h(
    "nav",
    { class: "side", "aria-label": t("navigation") },
    h(
      "div",
      { class: "brand" },
      h("img", { src: "/console/mien.svg", alt: "", width: 28, height: 28 }),
      h("span", {}, "Mien"),
    ),
    h(
      "ul",
      {},
      [...links.values()].map((a) => h("li", {}, a)),
    ),
    h("div", { class: "side-foot" }, status, themeButton()),
  );
  const mark = () => {
    for (const [view, a] of links) assign(a, { "aria-current": view === router.place.view && "page" });
  };
  router.addEventListener("change", mark);
  mark();
  return {
    element: h("div", { class: "frame" }, skip, side, h("div", { class: "body" }, banner, main), toasts()),
    main,
    status,
    banner,
    links,
  };
}

function link(view) {
  const name = t(`view_${view}`);
  return h(
    "a",
    { href: `#/${view}`, title: name },
    icon(view),
    h("span", {}, name),
    h("b", { class: "badge", hidden: true }),
  );
}

/** The number beside a view's name. */
export function badge(a, count, words) {
  const mark = a.querySelector(".badge");
  mark.hidden = count === 0;
  mark.textContent = count > 99 ? "99+" : count;
  mark.title = words;
}

function themeButton() {
  const place = h("div", { class: "theme" });
  const show = () => fill(place, iconButton(THEME_ICONS[theme()], t(`theme_${theme()}`), next));
  const next = () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    show();
    place.firstElementChild.focus();
  };
  show();
  return place;
}
