// The part of a clip that is meant: pictures of it in a row with a handle at each end, and the same as moments to type.
import { field } from "../control.js";
import { fill, h, setText, setVars } from "../element.js";
import { clock } from "../viewer/clock.js";
import { t } from "../words.js";
import { momentField, stepOf } from "./moment-field.js";
import { stripZoom } from "./strip-zoom.js";

const PICTURES = 8; // in sight
const STEP_S = 0.1;
const SIDE = 160;
const KEYS_S = { ArrowRight: 0.1, ArrowUp: 0.1, ArrowLeft: -0.1, ArrowDown: -0.1, PageUp: 10, PageDown: -10 };

/**
 * `seek` follows a handle or a press on the row, `change` is told when a part is meant; `play` stands before it.
 * @typedef {{ begin?: number, end?: number }} Part
 * @typedef {{ seek: (at: number) => void, change: (part: Part) => any, play: Node | null }} Uses
 * @param {any} app
 * @param {any} target
 * @param {Uses} uses
 * @param {AbortSignal} signal
 */
export function clipTrim(app, target, { seek, change, play }, signal) {
  const handles = ["begin", "end"].map((edge) => handle(edge));
  const moments = ["begin", "end"].map((edge, at) =>
    momentField({
      id: at === 0 ? "clip-from" : "clip-to",
      value: target[edge],
      changed: () => (show(), lookAt(at)),
      meant: commit,
    }),
  );
  const frames = h("div", { class: "trim-frames", "aria-hidden": "true" });
  const said = h("p", {});
  const strip = h("div", { class: "trim-strip" }, frames, h("div", { class: "trim-window" }));
  strip.append(h("div", { class: "trim-head" }), ...handles);
  const zoom = stripZoom(strip, signal, (times) => draw(times));
  const element = h("div", { class: "trim", role: "group", "aria-label": t("clip_part") });
  const [from, to] = moments.map(({ input }, at) => field(t(at === 0 ? "clip_from" : "clip_to"), input));
  element.append(
    h("div", { class: "trim-row" }, play, zoom.element, zoom.buttons),
    h("div", { class: "clip-part" }, from, said, to),
  );
  frames.addEventListener("pointerdown", ({ clientX }) => {
    const { left, width } = frames.getBoundingClientRect();
    if (target.length) seek(((clientX - left) / width) * target.length);
  });
  handles.forEach((input, at) => {
    input.addEventListener("input", () => move(at, Number(input.value)));
    for (const name of ["change", "blur"]) input.addEventListener(name, commit); // keys change it without either
    input.addEventListener("keydown", (event) => stepHandle(event, at));
  });
  let drawn = "";
  let head = 0;
  return { element, show, head: showHead };

  /** The part, as long as the clip is all of it. */
  function read() {
    const [begin = 0, end = Infinity] = moments.map((moment) => moment.read());
    const isAll = end >= (target.length ?? Infinity) - STEP_S / 2;
    const first = Math.max(0, Math.min(begin, (isAll ? (target.length ?? Infinity) : end) - STEP_S));
    return { begin: first || undefined, end: isAll ? undefined : end };
  }

  function commit() {
    const chosen = read();
    if (chosen.begin !== target.begin || chosen.end !== target.end) change(chosen);
  }

  /** A handle to a moment; neither passes the other. */
  function move(at, seconds) {
    const { begin = 0, end = target.length } = read();
    const value =
      Math.round(10 * (at === 0 ? Math.min(seconds, end - STEP_S) : Math.max(seconds, begin + STEP_S))) / 10;
    const isWhole = at === 0 ? value <= 0 : value >= target.length - STEP_S / 2;
    moments[at].write(isWhole ? undefined : Math.max(0, value));
    show();
    lookAt(at);
  }

  function stepHandle(event, at) {
    const step = stepOf(event, KEYS_S);
    if (event.key === "Enter") commit();
    if (!step) return;
    event.preventDefault();
    move(at, Number(handles[at].value) + step);
    zoom.reveal(Number(handles[at].value) / target.length);
  }

  function lookAt(at) {
    const { begin = 0, end = target.length ?? 0 } = read();
    seek(at === 0 ? begin : Math.max(begin, end - STEP_S));
  }

  function showHead(/** @type {number} */ at) {
    head = at;
    if (target.length) setVars(strip, { head: at / target.length });
  }

  function show() {
    const all = target.length;
    strip.hidden = said.hidden = !all;
    if (!all) return;
    const { begin = 0, end = all } = read();
    handles.forEach((input, at) => {
      input.max = all;
      input.value = String([begin, end][at]);
      input.setAttribute("aria-valuetext", clock([begin, end][at]));
    });
    moments.forEach(({ input }, at) => (input.placeholder = clock([0, all][at])));
    setVars(strip, { begin: begin / all, end: Math.min(1, end / all) });
    setText(said, t("clip_part_of", { part: clock(Math.min(end, all) - begin), all: clock(all) }));
    zoom.fit(all, () => head / all);
    draw(zoom.times());
  }

  /** As many pictures as the row is longer than its place. */
  function draw(times) {
    const key = `${target.digest} ${times}`;
    if (drawn === key || !target.digest || !target.length) return;
    drawn = key;
    const count = PICTURES * times;
    fill(
      frames,
      Array.from({ length: count }, (_, at) => picture(app, target, ((at + 0.5) / count) * target.length)),
    );
  }
}

function handle(edge) {
  const label = t(edge === "begin" ? "clip_begin" : "clip_end");
  return h("input", { type: "range", min: 0, max: 1, step: "any", value: edge === "end" ? 1 : 0, "aria-label": label });
}

function picture({ pictures }, { digest }, at) {
  const img = h("img", { alt: "" });
  pictures.lazily(img, `/v1/blobs/${digest}/preview?side=${SIDE}&at=${at.toFixed(2)}`);
  return img;
}
