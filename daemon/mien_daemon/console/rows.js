// A list on the page that follows a list of values: elements are kept, moved and updated, never rebuilt.

/**
 * `show(items)` makes the children of `parent` match.
 * `create(item)` returns `{element, update(item)}`; `keyOf(item)` says which element is whose.
 */
export function rows(parent, keyOf, create) {
  const known = new Map();
  return function show(items) {
    const focused = parent.contains(document.activeElement) ? document.activeElement : null;
    const wanted = new Set(items.map(keyOf));
    for (const [key, row] of known) {
      if (!wanted.has(key)) {
        row.element.remove();
        known.delete(key);
      }
    }
    let place = parent.firstElementChild;
    for (const item of items) {
      const row = known.get(keyOf(item)) ?? remember(item);
      row.update(item);
      if (row.element === place) place = place.nextElementSibling;
      else parent.insertBefore(row.element, place);
    }
    // An element that is moved loses the focus.
    if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) focused.focus();
  };

  function remember(item) {
    const row = create(item);
    known.set(keyOf(item), row);
    return row;
  }
}
