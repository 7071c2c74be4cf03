// How far each group of jobs is, as the daemon counts it: a group may have more jobs than this page has seen.
const WAIT_MS = 400; // a group of hundreds tells of every job

export class GroupList extends EventTarget {
  constructor(api, events, wait = (work) => setTimeout(work, WAIT_MS)) {
    super();
    this.api = api;
    this.wait = wait;
    this.all = [];
    this.asked = false;
    events.addEventListener("up", () => this.load());
    events.addEventListener("on:reset", () => this.load());
    events.addEventListener("on:job", ({ detail }) => detail.group && this.loadSoon());
    events.addEventListener("on:queue", () => this.all.some(({ next }) => next) && this.loadSoon());
    events.addEventListener("on:job-deleted", () => this.all.length > 0 && this.loadSoon());
  }

  /** At most once in a while, however many events come. */
  loadSoon() {
    if (this.asked) return;
    this.asked = true;
    this.wait(() => {
      this.asked = false;
      this.load();
    });
  }

  async load() {
    const answer = await this.api.get("/v1/groups").catch(ignoreRefusal);
    if (!answer) return;
    this.all = answer.groups;
    this.dispatchEvent(new Event("change"));
  }

  /** Cancel, try again or move every job of a group. */
  async post(name, deed, body) {
    await this.api.post(`/v1/groups/${encodeURIComponent(name)}/${deed}`, body);
    await this.load();
  }
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
  return null;
}
