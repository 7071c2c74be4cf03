// What a person does in the gallery with pointer and keys: look, choose, star, save, compare, delete.
import { remove, save, star } from "./deeds.js";
import { hideOriginal, showOriginal } from "./tile.js";

const HOVER_MS = 140; // a pointer that only passes asks for nothing

/**
 * @param {HTMLElement} element holds the tiles
 * @param {{ app: any, selection: import("./selection.js").Selection, listed: () => any[], signal: AbortSignal }} scene
 */
export function gallery(element, scene) {
  const { app, selection, listed, signal } = scene;
  const on = (name, work) => element.addEventListener(name, work, { signal });
  const shotOf = shotAt;
  const order = () => listed().map(({ id }) => id);
  on("click", (event) => {
    const day = event.target.closest(".day-pick");
    if (day) return selection.toggleAll(idsOf(day.closest("section")));
    const shot = shotOf(event.target);
    if (!shot) return;
    const { id } = shot.dataset;
    if (event.target.closest(".shot-star")) star(app, [app.jobs.get(id)]);
    else if (event.target.closest("a") && (event.shiftKey || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (event.shiftKey) selection.extend(id, order());
      else selection.toggle(id);
    } else if (event.target.closest("a") && selection.size > 0) {
      event.preventDefault();
      selection.toggle(id);
    }
  });
  on("change", (event) => selection.toggle(shotOf(event.target).dataset.id));
  on("focusin", (event) => shotOf(event.target) && makeCurrent(element, shotOf(event.target), app.seen));
  hover(element, shotOf, app, signal);
  document.addEventListener("keydown", (event) => press(event, element, scene), { signal });
  selection.addEventListener("change", () => mark(element, selection), { signal });
  const refresh = () => element.querySelector(".shot [tabindex='0']") ?? makeReachable(element.querySelector(".shot"));
  return { refresh, arrive: () => focusOn(element, app.seen.result) };
}

/** One tile is reached with the tabulator, the others from there with the arrows. */
function makeCurrent(element, shot, seen) {
  seen.result = shot.dataset.id;
  for (const each of element.querySelectorAll(".shot [tabindex='0']")) each.tabIndex = -1;
  makeReachable(shot);
}

function makeReachable(shot) {
  for (const each of shot?.querySelectorAll("a, input, button") ?? []) each.tabIndex = 0;
}

function mark(element, selection) {
  element.toggleAttribute("data-choosing", selection.size > 0);
  for (const shot of element.querySelectorAll(".shot")) {
    const chosen = selection.has(shot.dataset.id);
    shot.toggleAttribute("data-chosen", chosen);
    shot.querySelector("input").checked = chosen;
  }
  markDays(element, selection);
}

/** A day is chosen when all of its results are. */
export function markDays(element, selection) {
  for (const day of element.querySelectorAll(".day-pick")) {
    const isChosen = selection.size > 0 && idsOf(day.closest("section")).every((id) => selection.has(id));
    day.setAttribute("aria-pressed", String(isChosen));
  }
}

const idsOf = (section) => [...section.querySelectorAll(".shot")].map((/** @type {any} */ shot) => shot.dataset.id);

function focusOn(element, id) {
  const shot = id ? element.querySelector(`.shot[data-id="${CSS.escape(id)}"]`) : null;
  shot?.querySelector("a").focus();
  shot?.scrollIntoView({ block: "nearest" });
}

function hover(element, shotOf, app, signal) {
  let timer;
  let over = null;
  const leave = () => {
    clearTimeout(timer);
    if (over) hideOriginal(over);
    over = null;
  };
  element.addEventListener(
    "pointerover",
    (event) => {
      const shot = event.pointerType === "mouse" ? shotOf(event.target) : null;
      if (shot === over) return;
      leave();
      over = shot;
      const job = shot && app.jobs.get(shot.dataset.id);
      if (job) timer = setTimeout(() => over === shot && showOriginal(app, shot, job), HOVER_MS);
    },
    { signal },
  );
  element.addEventListener("pointerleave", leave, { signal });
  signal.addEventListener("abort", leave);
}

function press(event, element, scene) {
  const target = /** @type {HTMLElement} */ (event.target);
  const { app, selection, listed } = scene;
  if (event.altKey || target.closest("dialog, select, input:not([type=checkbox])")) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "a" || listed().length === 0) return;
    event.preventDefault();
    return selection.addAll(listed().map(({ id }) => id));
  }
  const current = shotAt(target)?.dataset.id;
  const chosen = listed().filter(({ id }) => (selection.size > 0 ? selection.has(id) : id === current));
  const deed = {
    ArrowLeft: () => step(element, target, -1, event, scene),
    ArrowRight: () => step(element, target, 1, event, scene),
    ArrowUp: () => step(element, target, -columnsAt(target), event, scene),
    ArrowDown: () => step(element, target, columnsAt(target), event, scene),
    " ": () => current && target.matches("a") && selection.toggle(current),
    s: () => chosen.length > 0 && save(app, chosen),
    c: () => compareChosen(app, chosen),
    Delete: () => chosen.length > 0 && (remove(app, chosen), true),
    Escape: () => selection.size > 0 && (selection.clear(), true),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (deed?.()) event.preventDefault();
}

/** Two that are chosen stand side by side; one is compared with its original, in its own view. */
export function compareChosen({ router }, chosen) {
  if (chosen.length !== 1 && chosen.length !== 2) return false;
  router.go("results", chosen.map(({ id }) => id).join(","));
  return true;
}

/** To the tile so many places on; with Shift everything on the way is chosen. */
function step(element, target, places, { shiftKey }, { selection, listed }) {
  /** @type {any[]} */
  const shots = [...element.querySelectorAll(".shot")];
  const at = shots.indexOf(shotAt(target));
  const next = shots[at < 0 ? 0 : Math.min(shots.length - 1, Math.max(0, at + places))];
  if (!next) return false;
  next.querySelector("a").focus();
  if (shiftKey)
    selection.extend(
      next.dataset.id,
      listed().map(({ id }) => id),
    );
  return true;
}

/** The tile that something is in. @returns {any} */
function shotAt(target) {
  return target.closest?.(".shot") ?? null;
}

function columnsAt(target) {
  const list = target.closest?.(".gallery") ?? document.querySelector(".gallery");
  return list ? getComputedStyle(list).gridTemplateColumns.split(" ").length : 1;
}
