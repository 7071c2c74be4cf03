// The part of a clip that is meant: pictures of it in a row with a handle at each end, and the same in seconds.
import { field } from "../control.js";
import { fill, h, setText, setVars } from "../element.js";
import { clock } from "../viewer/clock.js";
import { t } from "../words.js";

const PICTURES = 8;
const STEP_S = 0.1;
const SIDE = 160;

/**
 * `seek` follows a handle or a press on the row, `change` is told when a handle is let go; `play` stands before it.
 * @typedef {{ begin?: number, end?: number }} Part
 * @typedef {{ seek: (at: number) => void, change: (part: Part) => any, play: Node | null }} Uses
 * @param {any} app
 * @param {any} target
 * @param {Uses} uses
 */
export function clipTrim(app, target, { seek, change, play }) {
  const handles = ["begin", "end"].map((edge) => handle(edge));
  const [begin, end] = ["begin", "end"].map((edge) =>
    seconds(`clip-${edge === "begin" ? "from" : "to"}`, target[edge]),
  );
  const frames = h("div", { class: "trim-frames", "aria-hidden": "true" });
  const said = h("p", {});
  const strip = h("div", { class: "trim-strip" }, frames, h("div", { class: "trim-window" }));
  strip.append(h("div", { class: "trim-head" }), ...handles);
  const part = h("div", { class: "clip-part" }, field(t("clip_from"), begin), said, field(t("clip_to"), end));
  const element = h("div", { class: "trim", role: "group", "aria-label": t("clip_part") });
  element.append(h("div", { class: "trim-row" }, play, strip), part);
  frames.addEventListener("pointerdown", ({ clientX }) => {
    const { left, width } = frames.getBoundingClientRect();
    if (target.length) seek(((clientX - left) / width) * target.length);
  });
  let pictured = "";

  const read = () => ({ begin: Number(begin.value) || undefined, end: Number(end.value) || undefined });
  const commit = () => {
    const chosen = read();
    if (chosen.begin !== target.begin || chosen.end !== target.end) change(chosen);
  };
  for (const input of [begin, end]) input.addEventListener("change", () => (show(), commit()));
  handles.forEach((input, at) => {
    input.addEventListener("input", () => {
      const all = target.length;
      const [from, to] = handles.map(({ value }) => Number(value));
      const value = at === 0 ? Math.min(from, to - STEP_S) : Math.max(to, from + STEP_S);
      const isWhole = at === 0 ? value <= 0 : value >= all - STEP_S / 2;
      [begin, end][at].value = isWhole ? "" : value.toFixed(1);
      show();
      seek(value);
    });
    input.addEventListener("change", commit);
  });
  return {
    element,
    show,
    head: (/** @type {number} */ at) => target.length && setVars(strip, { head: at / target.length }),
  };

  function show() {
    const all = target.length;
    strip.hidden = said.hidden = !all;
    if (!all) return;
    const { begin: from = 0, end: to = all } = read();
    handles.forEach((input, at) => {
      input.max = all;
      input.value = [from, to][at];
      input.setAttribute("aria-valuetext", clock([from, to][at]));
    });
    begin.placeholder = "0.0";
    end.placeholder = all.toFixed(1);
    setVars(strip, { begin: from / all, end: Math.min(1, to / all) });
    setText(said, t("clip_part_of", { part: clock(Math.min(to, all) - from), all: clock(all) }));
    if (pictured === target.digest || !target.digest) return;
    pictured = target.digest;
    fill(
      frames,
      Array.from({ length: PICTURES }, (_, at) => picture(app, target, ((at + 0.5) / PICTURES) * all)),
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

function seconds(id, value) {
  return h("input", { id, type: "number", min: "0", step: "0.1", inputmode: "decimal", value: value ?? "" });
}
