// What comparing the digits looks like: the browser with the popup, Mien's notification, the same number on both.

const SVG = "http://www.w3.org/2000/svg";
const DIGITS = "417 093"; // as an example

/** @returns {SVGSVGElement} for the eye alone: the words beside it say the same. */
export function pairingPicture() {
  const browser = [
    pane(4, 8, 116, 88),
    shape("path", { d: "M4 24h116" }),
    ...[12, 19, 26].map((cx) => shape("circle", { cx, cy: 16, r: 1.5 })),
    pane(38, 30, 76, 58, "front"),
    number(76, 58),
    shape("rect", { x: 48, y: 70, width: 56, height: 10, rx: 4, class: "yes" }),
  ];
  const screen = [
    pane(180, 8, 116, 74),
    shape("path", { d: "M226 82v10M250 82v10M214 95h48" }),
    pane(214, 18, 76, 44, "front"),
    shape("rect", { x: 222, y: 25, width: 10, height: 10, rx: 3, class: "yes" }),
    number(252, 51),
  ];
  const equal = shape("path", { d: "M143 46h14M143 54h14", class: "equal" });
  return shape("svg", { viewBox: "0 0 300 100", class: "how", "aria-hidden": "true" }, ...browser, equal, ...screen);
}

function pane(x, y, width, height, name = "") {
  return shape("rect", { x, y, width, height, rx: 7, class: name });
}

function number(x, y) {
  const text = shape("text", { x, y, "text-anchor": "middle" });
  text.textContent = DIGITS;
  return text;
}

/** @returns {any} */
function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}
