// The background: every listener, registered at once, so that the browser can wake us for any of them.

import { countOnBadge, noteOnBadge } from "./badge.js";
import { Connection } from "./connection.js";
import { buildMenu, menusOf, readRequest } from "./context-menu.js";
import { askFor, patternsBeyond } from "./hosts.js";
import { isOver, Jobs } from "./jobs.js";
import { Keychain } from "./keychain.js";
import { Page } from "./page.js";
import { nameOfBrowser } from "./browser-name.js";
import { PairingRun } from "./pairing-run.js";
import { problemOf, viewFor } from "./problem.js";
import { Settings } from "./settings.js";
import { offerFor } from "./sites.js";
import { Swaps } from "./swap-image.js";
import { openFace, openFirst, openPairing, openPermission } from "./windows.js";
import { PendingRequests } from "./pending-requests.js";

const { chrome } = globalThis;
const fetch = globalThis.fetch.bind(globalThis);
const settings = new Settings(chrome);
const keychain = new Keychain(globalThis.indexedDB);
const connection = new Connection({ chrome, fetch, settings, keychain });
const jobs = new Jobs({
  chrome,
  connection,
  onChange: async (job, before) => {
    swaps.onChange(job);
    if (job.state !== before.state) await countOnBadge(chrome, jobs); // progress alone changes no number
  },
  onResult: (job) => swaps.onResult(job),
});
const pendingRequests = new PendingRequests(chrome);
const swaps = new Swaps({ chrome, fetch, settings, connection, jobs, pendingRequests });
const name = nameOfBrowser(/** @type {any} */ (globalThis.navigator));
const pairing = new PairingRun({ chrome, connection, keychain, name, onPaired: () => swaps.afterPairing() });
const menu = { building: Promise.resolve() };

function rebuildMenu() {
  menu.building = menu.building.catch(() => {}).then(async () => buildMenu(chrome, await settings.all()));
  return menu.building;
}

const resume = () => jobs.attach((job) => swaps.send(job));

/**
 * Where a request comes from, and what it says of the picture.
 * @param {chrome.tabs.Tab} tab
 * @param {{ frameId?: number, srcUrl?: string, targetElementId?: number }} said
 */
function describePlace(tab, { frameId = 0, ...hint } = {}) {
  return { tabId: tab.id, frameId, windowId: tab.windowId, tabUrl: tab.url, hint };
}

chrome.runtime.onInstalled.addListener(async ({ reason }) => {
  rebuildMenu();
  if (reason === "install" && !(await keychain.load())) await openFirst(chrome);
});
chrome.runtime.onStartup.addListener(rebuildMenu);

chrome.storage.onChanged.addListener((changes, area) => {
  if (area === "local" && changes.recentReferences) rebuildMenu();
});

menusOf(chrome).onClicked.addListener((info, tab) => {
  const request = readRequest(info);
  const { targetElementId, frameId, frameUrl } = info;
  // Of a video its page reads the frame that is shown: nothing is fetched, and no host is asked for.
  const srcUrl = info.mediaType === "video" ? undefined : info.srcUrl;
  const where = describePlace(tab, { srcUrl, targetElementId, frameId });
  if (request.do === "open") return openConsole();
  if (request.do === "restore") return new Page(chrome, where).ask({ do: "restore", hint: where.hint });
  // Asked for here, before anything is awaited, or the browser would not take it for the person's own request.
  const granted = askFor(chrome, patternsBeyond(tab.url, frameId ? frameUrl : null, srcUrl));
  return startSwap({ ...where, ask: request.ask, referenceId: request.referenceId }, granted);
});

chrome.commands.onCommand.addListener((command, tab) => {
  if (command === "swap-last" && tab) startSwap(describePlace(tab));
});

async function startSwap(request, granted) {
  if (request.frameId) await granted; // the frame of another site cannot be read before
  try {
    await swaps.start(request, granted);
  } catch (error) {
    await noteOnBadge(chrome, problemOf(error)); // there is no overlay to say it on
  }
}

async function openConsole(view) {
  try {
    await chrome.tabs.create({ url: await connection.consoleUrl(view) });
  } catch (error) {
    await noteOnBadge(chrome, problemOf(error)); // another program has the daemon's port
  }
}

const fromPages = {
  async cancel(job) {
    await jobs.cancel(job.key);
  },
  async face(job, { reference }) {
    if (job.state === "choosing") await swaps.chosen(job.key, reference);
  },
  async dismiss(job) {
    await jobs.remove(job.key);
  },
  async act(job, { action }) {
    const acts = {
      pair: () => openPairing(chrome),
      options: () => chrome.runtime.openOptionsPage(),
      faces: () => swaps.chooseAgain(job),
      add: () => openFace(chrome, { key: job.key }),
      allow: () => openPermission(chrome, job.key, job.problem.fields.host),
      open: () => openConsole(viewFor(job.problem)),
      retry: () => swaps.again(job),
    };
    await acts[action]?.();
  },
};

const fromOurPages = {
  cancel: ({ key }) => jobs.cancel(key),
  remove: ({ key }) => jobs.remove(key),
  retry: async ({ key }) => {
    const job = await jobs.get(key);
    if (job) await swaps.again(job);
  },
  chosen: ({ key, reference }) => swaps.chosen(key, reference),
  openConsole: ({ view }) => openConsole(view),
  resume: () => resume(),
  pair: async () => void pairing.start(),
  compared: async ({ same }) => pairing.compared(same),
  stopPairing: async () => pairing.stop(),
  addFace: ({ camera }) => openFace(chrome, { camera }),
};

chrome.runtime.onMessage.addListener((message, sender, respond) => {
  if (sender.id !== chrome.runtime.id) return false;
  const ours = sender.url?.startsWith(chrome.runtime.getURL("")) ?? false;
  const work = ours ? fromOurPages[message.do]?.(message) : hearPage(message, sender);
  if (!work) return false;
  work.then(
    () => respond({ done: true }),
    () => respond({ done: false }),
  );
  return true;
});

/**
 * A page's script speaks only of the pictures of its own frame.
 * @param {any} message
 * @param {chrome.runtime.MessageSender} sender
 */
async function hearPage(message, { tab, frameId }) {
  if (!tab) return;
  if (message.do === "picked") {
    const request = await pendingRequests.take(message.request);
    if (request?.tabId === tab.id && request.frameId === frameId) await swaps.take(request, message);
    return;
  }
  const job = await jobs.find({ tabId: tab.id, frameId, pictureId: message.pictureId });
  if (job) await fromPages[message.do]?.(job, message);
}

chrome.tabs.onRemoved.addListener(async (tabId) => {
  const { whenTabCloses } = await settings.all();
  await cancelIn(tabId, (job) => whenTabCloses === "cancel" || job.state === "choosing");
});

async function cancelIn(tabId, isMeant) {
  const left = (await jobs.all()).filter((job) => job.tabId === tabId && !isOver(job) && isMeant(job));
  await Promise.all(left.map(({ key }) => jobs.cancel(key)));
}

chrome.tabs.onActivated.addListener(({ tabId }) => offerFor({ chrome, settings }, tabId));
chrome.tabs.onUpdated.addListener((tabId, { url, status }) => {
  if (url) offerFor({ chrome, settings }, tabId);
  if (status === "loading") cancelIn(tabId, (job) => job.state === "choosing"); // its plate went with the page
});

chrome.alarms.onAlarm.addListener(resume);
resume();
pairing.recover();
