// A small menu beside what was pressed: arrow keys, Escape, and the focus goes back where it was.
import { iconButton } from "./control.js";
import { h, setVars } from "./element.js";
import { icon } from "./icon.js";
import { t } from "./words.js";

const EDGE = 12;

/**
 * @typedef {{ label: string, picture?: Node, icon?: string, chosen?: boolean, danger?: boolean, run: () => any }} Entry
 * @param {string} label
 * @param {HTMLElement} anchor
 * @param {Entry[]} entries
 */
export function openMenu(label, anchor, entries) {
  const menu = /** @type {HTMLDialogElement} */ (h("dialog", { class: "picker", "aria-label": label }));
  menu.append(...entries.map((entry) => row(entry, () => menu.close())));
  anchor.setAttribute("aria-expanded", "true");
  menu.addEventListener("close", () => {
    menu.remove();
    anchor.removeAttribute("aria-expanded");
    anchor.focus();
  });
  menu.addEventListener("click", (event) => event.target === menu && menu.close());
  menu.addEventListener("keydown", (event) => step(menu, event));
  document.body.append(menu);
  menu.showModal();
  place(menu, anchor);
  /** @type {HTMLElement} */ (menu.querySelector("[aria-pressed=true]") ?? menu.querySelector("button")).focus();
}

/**
 * The button of what is done seldom, or to many at once; `list` is asked each time it opens.
 * @param {() => Entry[]} list
 */
export function menuButton(list, props = {}) {
  const open = () => openMenu(t("more_actions"), button, list());
  const button = iconButton("more", t("more_actions"), open, { "aria-haspopup": "dialog", ...props });
  return button;
}

/** @param {Entry} entry @param {() => void} close */
function row({ label, picture, icon: name, chosen, danger, run }, close) {
  return h(
    "button",
    {
      class: danger ? "pick danger" : "pick",
      "aria-pressed": chosen === undefined ? null : String(chosen),
      onclick: () => {
        close();
        run();
      },
    },
    h("span", { class: "pick-image" }, picture ?? (name ? icon(name) : null)),
    h("span", {}, label),
  );
}

function step(menu, event) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const all = [...menu.querySelectorAll("button")];
  all.at((all.indexOf(document.activeElement) + way) % all.length).focus();
}

/** Beside what was pressed; where there is no room, below it, so that nothing else of its row is covered. */
function place(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const isBeside = at.right + EDGE + width < innerWidth;
  const isBelow = !isBeside && at.bottom + EDGE + height < innerHeight;
  const beside = isBeside ? at.right + EDGE : at.left - width - EDGE;
  const x = Math.max(EDGE, isBelow ? Math.min(at.right, innerWidth - EDGE) - width : beside);
  const y = Math.max(EDGE, Math.min(isBelow ? at.bottom + EDGE / 2 : at.top, innerHeight - height - EDGE));
  setVars(menu, { x: `${x}px`, y: `${y}px` });
}
