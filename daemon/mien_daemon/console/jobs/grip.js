// The handle by which a waiting job or group is put elsewhere in the queue: dragged, or moved with the arrow keys.
import { announce, attempt } from "../announce.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { t } from "../words.js";
import { beforeAt, keyOf, orderFor } from "./order.js";

const EDGE_PX = 56; // so near to the edge of the list the page scrolls along
const SCROLL_PX = 14;

/** `item` is the job or the group. */
export function grip(app, item) {
  const handle = h("button", { class: "bare grip", "data-deed": "grip", title: t("move_hint") }, icon("grip"));
  const order = () => orderFor(app.groups.all, app.jobs.all, item);
  handle.addEventListener("keydown", (event) => {
    const place = placeFor(event.key, order().stops, keyOf(item));
    if (place === null) return;
    event.preventDefault();
    moveTo(app, item, order(), place);
  });
  handle.addEventListener("pointerdown", (event) => event.button === 0 && drag(app, handle, event, item, order));
  return handle;
}

/** Where a key puts what is known by `me`, counted from 0; null for a key that moves nothing. */
export function placeFor(key, stops, me) {
  const at = stops.findIndex((stop) => stop.key === me);
  const place = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: stops.length - 1 }[key];
  return place === undefined || at < 0 || place < 0 || place >= stops.length || place === at ? null : place;
}

async function moveTo({ groups, jobs }, item, order, place) {
  const before = beforeAt(order, keyOf(item), place);
  const move = async () => {
    if (!item.id) return groups.post(item.group, "move", { before });
    await jobs.post(`/v1/jobs/${item.id}/move`, { before });
    return groups.load(); // the places of all are counted anew
  };
  if (!(await attempt(async () => (await move(), true)))) return;
  announce(t("moved_to", { place: place + 1, total: order.stops.length }));
}

function drag(app, handle, event, item, order) {
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
    /** @type {any} */
    const under = document.elementFromPoint(clientX, clientY)?.closest(".row");
    const found = under && order().stops.some(({ key }) => key === keyOf(under.dataset)) ? under : null;
    const box = found?.getBoundingClientRect();
    mark(found, box && clientY > box.top + box.height / 2);
  };
  const end = (drop) => {
    const target = over;
    mark(null, false);
    row.removeAttribute("data-dragged");
    handle.onpointermove = handle.onpointerup = handle.onpointercancel = handle.onlostpointercapture = null;
    if (drop && target) dropAt(app, item, order(), target);
  };
  handle.setPointerCapture(event.pointerId);
  row.setAttribute("data-dragged", "");
  move(event);
  handle.onpointermove = move;
  handle.onpointerup = () => end(true);
  handle.onpointercancel = handle.onlostpointercapture = () => end(false);
}

function dropAt(app, item, order, { row, after }) {
  const me = keyOf(item);
  const others = order.stops.filter(({ key }) => key !== me);
  const place = others.findIndex(({ key }) => key === keyOf(row.dataset)) + (after ? 1 : 0);
  if (place !== order.stops.findIndex(({ key }) => key === me)) moveTo(app, item, order, place);
}
