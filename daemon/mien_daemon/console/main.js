// Everything the page is made of, in the order in which it starts.
import { fetcher, hoped, opened, session, spoken } from "./boot.js";
import { Api } from "./api.js";
import { Arena } from "./arena.js";
import { Bin } from "./bin.js";
import { Draft } from "./swap/draft.js";
import { tellOfCompletion } from "./completion.js";
import { Events } from "./events.js";
import { Health, showHealth } from "./health.js";
import { GroupList } from "./group-list.js";
import { isOver, JobList } from "./job-list.js";
import { People } from "./people.js";
import { Pictures } from "./pictures.js";
import { Router } from "./router.js";
import { badge, shell, VIEWS } from "./shell.js";
import { h } from "./element.js";
import { empty } from "./notice.js";
import { t } from "./words.js";

const place = /** @type {HTMLElement} */ (document.getElementById("app"));

async function start() {
  const [hope] = await Promise.all([hoped, spoken]);
  place.removeAttribute("aria-busy");
  session.addEventListener("renewed", () => location.reload());
  if (hope || (await opened)) run();
  else place.replaceChildren(sessionOver());
}

function run() {
  const api = new Api(fetcher, session);
  const events = new Events(api);
  const jobs = new JobList(api, events);
  const router = new Router(location, window, "swap");
  const health = new Health(api);
  const app = {
    api,
    session,
    events,
    jobs,
    groups: new GroupList(api, events),
    router,
    health,
    people: new People(api, events),
    pictures: new Pictures(api),
    // Where one was in the gallery and what it showed, for the way back; whom one looks for in the library.
    seen: { result: "", filter: null, faces: { words: "", order: "name" } },
    bin: new Bin(api, jobs, localStorage),
    arena: new Arena(localStorage),
    draft: new Draft(api, sessionStorage, localStorage),
  };
  const frame = shell(router);
  const ending = new AbortController();
  place.replaceChildren(frame.element);
  const end = () => {
    ending.abort();
    place.replaceChildren(sessionOver());
  };
  session.addEventListener("ended", end);
  addEventListener("pagehide", () => app.bin.leave(), { signal: ending.signal });
  opened.then((open) => (open ? app.bin.sweep().catch(ignoreRefusal) : end()));
  showConnection(events, frame.banner);
  tellOfCompletion(app, ending.signal);
  health.addEventListener("change", () => showHealth(frame.status, health.current));
  jobs.addEventListener("change", () => {
    const waiting = jobs.all.filter((job) => !isOver(job)).length;
    badge(frame.links.get("jobs"), waiting, t("jobs_waiting", { count: waiting }));
  });
  events.addEventListener(
    "on:pairing",
    (/** @type {any} */ { detail }) =>
      detail.state === "shown" &&
      session.may("local") &&
      router.place.view !== "settings" &&
      askToPair(app, ending.signal),
  );
  events.addEventListener("on:job-deleted", (/** @type {any} */ { detail }) =>
    app.pictures.forget(`/v1/jobs/${detail.id}/`),
  );
  health.watch(ending.signal, events);
  events.listen(ending.signal);
  showViews(app, frame.main, ending.signal);
}

/** A browser waits at the door, whatever the person does here now. */
async function askToPair(app, ended) {
  const pairing = await import("./settings/pairing.js");
  await pairing.askToPair(app, ended);
}

/** One view at a time; leaving one aborts what it still waits for. */
function showViews(app, main, ended) {
  let leaving = new AbortController();
  const show = async () => {
    leaving.abort();
    leaving = new AbortController();
    const signal = AbortSignal.any([leaving.signal, ended]);
    const { view: wanted, item } = app.router.place;
    const name = VIEWS.includes(wanted) ? wanted : "swap";
    const view = await import(`./${name}/view.js`);
    if (name !== "swap") await opened; // what another view shows depends on what the session allows
    if (signal.aborted) return;
    document.title = `${t(`view_${name}`)} · Mien`;
    main.replaceChildren();
    main.dataset.view = name;
    view.mount(main, app, signal, item);
  };
  let shown = app.router.place.view;
  app.router.addEventListener("change", async () => {
    await show();
    const isLost = document.activeElement === document.body; // it was on what is no longer there
    if (isLost || shown !== app.router.place.view) main.focus({ preventScroll: true });
    shown = app.router.place.view;
  });
  show();
}

/** The bin is swept by the next page again. */
function ignoreRefusal(error) {
  if (!error.document) throw error;
}

function showConnection(events, banner) {
  events.addEventListener("down", () => {
    banner.textContent = t("daemon_gone");
    banner.hidden = false;
  });
  events.addEventListener("up", () => (banner.hidden = true));
}

/** No session: how to get one. */
function sessionOver() {
  const command = h("code", {}, "mien open");
  const mark = h("img", { src: "/console/mien.svg", alt: "Mien", width: 36, height: 36 });
  return h("main", { class: "session-over" }, mark, empty("lock", t("session_over"), t("session_over_hint"), command));
}

// A code that arrives in a tab that is open already.
window.addEventListener("hashchange", () => location.hash.startsWith("#code=") && location.reload());
start();
