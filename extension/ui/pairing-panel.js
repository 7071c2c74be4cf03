// Pairing as the person sees it: open the window over there, press Pair here, compare six digits on both sides.

import { pair } from "../src/pairing.js";
import { problemOf, wordsFor } from "../src/problem.js";
import { byId, say, showNotice } from "./parts.js";

const { chrome } = globalThis;
const PANELS = ["unpaired", "comparing", "approving", "paired"];

export async function showPairing(app) {
  byId("pair").onclick = () => start(app);
  byId("unpair").onclick = () => unpair(app);
  await showState(app);
}

async function showState({ connection, keychain }) {
  const pairing = await keychain.load();
  const { state } = await connection.state().catch(() => ({ state: "unreachable" }));
  byId("state").className = `state ${state}`;
  byId("state").textContent = say(`state_${state}`);
  const revoked = pairing && state === "unpaired";
  open(pairing && !revoked ? "paired" : "unpaired");
  if (!pairing) return;
  const since = new Intl.DateTimeFormat(chrome.i18n.getUILanguage(), { dateStyle: "long", timeStyle: "short" });
  byId("paired-since").textContent = say("pairing_since", since.format(pairing.pairedAt));
}

async function start(app) {
  const { connection, keychain, onPaired } = app;
  byId("pairing-notice").hidden = true;
  byId("pair").disabled = true;
  const leaving = new AbortController();
  addEventListener("pagehide", () => leaving.abort(), { once: true });
  try {
    const daemon = await connection.stranger();
    await pair({ daemon, keychain, name: nameOfBrowser(), compare: askPerson, signal: leaving.signal });
    await connection.proved();
    await onPaired();
  } catch (error) {
    showNotice(byId("pairing-notice"), wordsFor(problemOf(error), chrome.i18n));
  }
  byId("pair").disabled = false;
  await showState(app);
}

/** @returns {Promise<boolean>} what the person says of the digits. */
function askPerson(digits) {
  byId("digits").textContent = `${digits.slice(0, 3)} ${digits.slice(3)}`;
  byId("digits").setAttribute("aria-label", [...digits].join(" "));
  open("comparing");
  byId("same").focus();
  return new Promise((resolve) => {
    byId("same").onclick = () => {
      open("approving");
      resolve(true);
    };
    byId("differ").onclick = () => resolve(false);
  });
}

async function unpair(app) {
  await app.connection.forget();
  await showState(app);
}

function open(panel) {
  for (const name of PANELS) byId(name).hidden = name !== panel;
}

/** What the list of clients will call this browser: ASCII, as the protocol wants it. */
function nameOfBrowser() {
  /** @type {any} Chromium alone has it, and no standard */
  const { userAgentData } = navigator;
  const brands = userAgentData?.brands.map(({ brand }) => brand) ?? [];
  const known = ["Microsoft Edge", "Brave", "Opera", "Google Chrome", "Chromium"];
  const browser =
    known.find((name) => brands.includes(name)) ?? (navigator.userAgent.includes("Firefox") ? "Firefox" : "Browser");
  const system =
    /Windows|Mac OS|Android|Linux/.exec(navigator.userAgent)?.[0].replace("Mac OS", "macOS") ?? "this machine";
  return `${browser} on ${system}`;
}
