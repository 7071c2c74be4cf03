// Elements from plain values. Text goes in as text; nothing here reads markup.

/** `h("button", {class: "quiet", onclick: save, disabled: false}, "Save")` */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  assign(element, props);
  element.append(...present(children));
  return element;
}

/** Set attributes, listeners and, under `vars`, custom properties. */
export function assign(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") setVars(element, value);
    else if (name === "value") element.value = value;
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

/** Custom properties, through CSSOM: the policy allows no style attributes. */
export function setVars(element, vars) {
  for (const [name, value] of Object.entries(vars)) element.style.setProperty(`--${name}`, value);
}

/** Another text; the same one is no change for the browser, which would lay out what holds it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/** The same for controls that take one another's place: a focus that was among them stays there. */
export function refill(element, ...children) {
  const focused = element.contains(document.activeElement);
  fill(element, ...children);
  if (focused) element.querySelector("button")?.focus();
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
