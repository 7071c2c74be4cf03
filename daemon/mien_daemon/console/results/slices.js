// A gallery of many tiles comes on the page some at a time, so that the page answers meanwhile.
import { batched } from "../pace.js";

const AT_ONCE = 20; // tiles that are made in a frame of 16 ms

/**
 * Show some of many, and more each frame until all are there; at once as far as the one that a person comes back to.
 * `show(some, isChange)`: without a change there are only more of them. `end` is away meanwhile, so that nothing
 * further down is asked for. The `pictures` of the first come before further tiles.
 */
export function inSlices(show, end, pictures, signal) {
  let shown = [];
  let room = AT_ONCE;
  const put = (isChange) => {
    show(shown.slice(0, room), isChange);
    end.hidden = room < shown.length;
    if (room < shown.length) grow();
  };
  const grow = batched(async () => {
    if (room === AT_ONCE) await pictures.rest();
    if (signal.aborted) return;
    room += AT_ONCE;
    put(false);
  });
  return (all, seen) => {
    shown = all;
    room = Math.max(room, all.findIndex(({ id }) => id === seen) + 1);
    put(true);
  };
}
