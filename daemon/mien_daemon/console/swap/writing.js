// How a picture is written, and how well where its format loses something; a clip is what its encoder makes.
import { field, select, slider } from "../control.js";
import { fill, h } from "../element.js";
import { number, t } from "../words.js";

const FORMATS = ["jpeg", "png", "webp", "avif", "tiff"];
const LOSSLESS = new Set(["png", "tiff"]);
const LEAST = 40; // below, a face falls into blocks

/** What each has where no quality is chosen. */
export const USUAL = { jpeg: 95, webp: 92, avif: 85 };

export function writing(draft) {
  const place = h("div", { class: "quality" });
  const show = () => fill(place, LOSSLESS.has(draft.options.format) ? null : qualitySlider(draft));
  const formats = [["", t("format_target")], ...FORMATS.map((name) => [name, name.toUpperCase()])];
  const choose = (name) => (draft.set({ format: name }), show());
  show();
  return [field(t("format"), select(formats, draft.options.format, choose)), place];
}

/** The usual quality is not asked for by its number: each program that writes knows its own. */
function qualitySlider(draft) {
  const usual = USUAL[draft.options.format] ?? USUAL.jpeg; // which most targets are
  const value = draft.options.quality || usual;
  const scale = { min: LEAST, max: 100, step: 1, value, usual, hint: t("option_quality_hint"), show: number };
  return slider(t("option_quality"), scale, (chosen) => draft.set({ quality: chosen === usual ? 0 : chosen }));
}
