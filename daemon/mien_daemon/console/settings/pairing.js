// Letting a browser in: the window, the digits that both sides show, and the person's yes or no.
import { announce, attempt } from "../announce.js";
import { button } from "../control.js";
import { ask } from "../dialog.js";
import { fill, h } from "../element.js";
import { icon } from "../icon.js";
import { duration, t } from "../words.js";

const QUESTION = "pairing-question";

/** Ask over whatever view is shown; the question goes when the window has shut. */
export async function askToPair(app, ended) {
  if (document.getElementById(QUESTION)) return;
  const over = new AbortController();
  await ask(t("pairing_title"), (close) =>
    h(
      "div",
      { class: "dialog-body", id: QUESTION, "data-by-hand": "" }, // no key says that digits were compared
      pairing(app, AbortSignal.any([over.signal, ended]), (window) => {
        if (window.state !== "shown") close();
        if (window.state === "approved") announce(t("pairing_done", { name: window.name }));
      }),
    ),
  );
  over.abort();
}

export function pairing({ api, session, events }, signal, onWindow = (_window) => {}) {
  const place = h("div", { class: "stack", "aria-live": "polite" });
  if (!session.may("local")) return h("p", { class: "hint" }, t("pairing_elsewhere"));
  const show = (window) => {
    fill(place, content(window, act));
    onWindow(window);
  };
  const look = () => attempt(async () => show(await api.get("/v1/pair/window", { signal })));
  const act = (method, path) => attempt(async () => (await api.json(method, path), await look()));
  events.addEventListener("on:pairing", look, { signal });
  countDown(place, look, signal);
  look();
  return place;
}

/** After an approval the daemon keeps the window a while for the browser to fetch it: for the person it is over. */
function content(window, act) {
  if (window.state === "approved")
    return [h("p", { class: "lead ok" }, icon("check"), t("pairing_done", { name: window.name })), shut(act)];
  return window.seconds_left > 0 ? open(window, act) : shut(act);
}

function shut(act) {
  return [
    h("p", { class: "hint" }, t("pairing_hint")),
    h(
      "div",
      {},
      button(t("pair_browser"), "browser", () => act("POST", "/v1/pair/window"), { class: "primary", id: "pair" }),
    ),
  ];
}

function open({ state, digits, name, origin, id, seconds_left: left }, act) {
  const close = button(t("stop_pairing"), "close", () => act("DELETE", "/v1/pair/window"));
  const timer = h("p", { class: "hint", "data-left": left }, leftWords(left));
  if (state !== "shown")
    return [
      h("p", { class: "waiting" }, h("span", { class: "spinner" }), t("pairing_waiting")),
      timer,
      h("div", {}, close),
    ];
  return [
    h("p", { class: "lead" }, icon("browser"), t("pairing_asks", { name })),
    h(
      "p",
      { class: "digits", "aria-label": t("pairing_digits", { digits: [...digits].join(" ") }) },
      digits.slice(0, 3),
      " ",
      digits.slice(3),
    ),
    h("p", { class: "hint" }, t("pairing_compare"), " ", h("code", {}, origin)),
    timer,
    h(
      "div",
      { class: "row-actions wrap" },
      button(t("pairing_same"), "check", () => act("POST", `/v1/pair/${id}/approve`), {
        class: "primary",
        id: "approve",
      }),
      button(t("pairing_other"), "close", () => act("POST", `/v1/pair/${id}/refuse`), { class: "danger" }),
    ),
  ];
}

function leftWords(seconds) {
  return t("time_left", { time: duration(seconds) });
}

/** The time that is left, each second; at the end the window is asked for again. */
function countDown(place, look, signal) {
  const clock = setInterval(() => {
    const timer = /** @type {HTMLElement | null} */ (place.querySelector("[data-left]"));
    if (!timer) return;
    const left = Math.max(0, Number(timer.dataset.left) - 1);
    timer.dataset.left = String(left);
    timer.textContent = leftWords(left);
    if (left === 0) look();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(clock));
}
