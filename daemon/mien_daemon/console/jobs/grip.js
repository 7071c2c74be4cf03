// The handle by which a waiting job is put elsewhere in the queue: dragged, or moved with the arrow keys.
import { announce, attempt } from "../announce.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { t } from "../words.js";
import { beforeAt } from "./order.js";

const EDGE_PX = 56; // so near to the edge of the list the page scrolls along
const SCROLL_PX = 14;

/** `order()` gives the waiting jobs as they will run. */
export function grip(app, id, order) {
  const handle = h("button", { class: "bare grip", "data-deed": "grip", title: t("move_hint") }, icon("grip"));
  handle.addEventListener("keydown", (event) => {
    const place = placeFor(event.key, order(), id);
    if (place === null) return;
    event.preventDefault();
    moveTo(app, id, order(), place);
  });
  handle.addEventListener("pointerdown", (event) => event.button === 0 && drag(app, handle, event, id, order));
  return handle;
}

/** Where a key puts the job, counted from 0; null for a key that moves nothing. */
export function placeFor(key, waiting, id) {
  const at = waiting.findIndex((job) => job.id === id);
  const place = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: waiting.length - 1 }[key];
  return place === undefined || at < 0 || place < 0 || place >= waiting.length || place === at ? null : place;
}

async function moveTo(app, id, waiting, place) {
  const moved = await attempt(() => app.jobs.post(`/v1/jobs/${id}/move`, { before: beforeAt(waiting, id, place) }));
  if (moved) announce(t("moved_to", { place: place + 1, total: waiting.length }));
}

function drag(app, handle, event, id, order) {
  const row = handle.closest(".row");
  const page = row.closest("main");
  /** @type {any} */
  let over = null;
  const mark = (next, after) => {
    over?.row.removeAttribute("data-drop");
    over = next && next !== row ? { row: next, after } : null;
    over?.row.setAttribute("data-drop", after ? "after" : "before");
  };
  const move = ({ clientX, clientY }) => {
    row.style.setProperty("--moved", `${clientY - event.clientY}px`);
    const { top, bottom } = page.getBoundingClientRect();
    if (clientY < top + EDGE_PX) page.scrollTop -= SCROLL_PX;
    if (clientY > bottom - EDGE_PX) page.scrollTop += SCROLL_PX;
    const found = document.elementFromPoint(clientX, clientY)?.closest(".row[data-state=queued][data-id]");
    const box = found?.getBoundingClientRect();
    mark(found, box && clientY > box.top + box.height / 2);
  };
  const end = (drop) => {
    const target = over;
    mark(null, false);
    row.removeAttribute("data-dragged");
    handle.onpointermove = handle.onpointerup = handle.onpointercancel = handle.onlostpointercapture = null;
    if (drop && target) dropAt(app, id, order(), target);
  };
  handle.setPointerCapture(event.pointerId);
  row.setAttribute("data-dragged", "");
  move(event);
  handle.onpointermove = move;
  handle.onpointerup = () => end(true);
  handle.onpointercancel = handle.onlostpointercapture = () => end(false);
}

function dropAt(app, id, waiting, { row, after }) {
  const others = waiting.filter((job) => job.id !== id);
  const place = others.findIndex((job) => job.id === row.dataset.id) + (after ? 1 : 0);
  if (place !== waiting.findIndex((job) => job.id === id)) moveTo(app, id, waiting, place);
}
