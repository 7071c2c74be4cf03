// A list on the page that follows a list of values: elements are kept, moved and updated, never rebuilt.

const REACHABLE = "a[href], button:not(:disabled), input:not(:disabled), [tabindex]";

/**
 * `show(items)` makes the children of `parent` match; `show(items, false)` where those that are there say the same as
 * before, and only others come or go. A focus that was in an element which goes moves to its neighbour.
 * `create(item)` returns `{element, update(item)}`; `keyOf(item)` says which element is whose. Of a long list `atOnce`
 * elements are made in a frame, so that the page answers meanwhile.
 */
export function rows(parent, keyOf, create, atOnce = Infinity) {
  const known = new Map();
  const state = { wanted: [], isDue: false };
  return show;

  function show(items, isChange = true) {
    state.wanted = items;
    const focused = parent.contains(document.activeElement) ? document.activeElement : null;
    const at = focused ? [...parent.children].findIndex((child) => child.contains(focused)) : -1;
    const wanted = new Set(items.map(keyOf));
    for (const [key, row] of known) {
      if (!wanted.has(key)) {
        row.element.remove();
        known.delete(key);
      }
    }
    // Now, however late its turn in the order is.
    if (isChange) for (const item of items) known.get(keyOf(item))?.update(item);
    arrange(items);
    if (focused instanceof HTMLElement) keepFocus(parent, focused, at);
  }

  function arrange(items) {
    let place = parent.firstElementChild;
    let room = atOnce;
    for (const item of items) {
      const isNew = !known.has(keyOf(item));
      if (isNew && room-- <= 0) return goOnSoon();
      const row = isNew ? remember(item) : known.get(keyOf(item));
      if (row.element === place) place = place.nextElementSibling;
      else parent.insertBefore(row.element, place);
    }
  }

  /** The rest in the next frame, as it is wanted then, and nothing else; nothing once the list is off the page. */
  function goOnSoon() {
    if (state.isDue) return;
    state.isDue = true;
    requestAnimationFrame(() => {
      state.isDue = false;
      if (parent.isConnected) arrange(state.wanted);
    });
  }

  function remember(item) {
    const row = create(item);
    row.update(item);
    known.set(keyOf(item), row);
    return row;
  }
}

/**
 * A moved element gets its focus back. The focus of a removed one goes to the element in its place, where a list in the
 * list has not found a nearer one.
 */
function keepFocus(parent, focused, at) {
  if (focused === document.activeElement) return;
  if (focused.isConnected) focused.focus();
  else if (!parent.contains(document.activeElement)) nearest(parent, at)?.focus({ preventScroll: true });
}

function nearest(parent, at) {
  const row = parent.children[Math.min(at, parent.children.length - 1)];
  return row ? (row.matches(REACHABLE) ? row : row.querySelector(REACHABLE)) : parent.closest("main");
}
