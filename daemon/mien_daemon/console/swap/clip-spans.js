// When a person is seen in a clip: in words, and as marks on a line that is as long as the looked-at part.
import { h } from "../element.js";
import { clock } from "../viewer/clock.js";
import { t } from "../words.js";

const SAID = 2; // spans; more are a number

/**
 * @param {[number, number][]} spans seconds from the part's beginning
 * @param {{ begin?: number, duration?: number }} clip
 */
export function seenWhen(spans, { begin = 0, duration = 0 }) {
  const marks = spans.map(([from, to]) => {
    const vars = { from: from / (duration || 1), share: (to - from) / (duration || 1) };
    return h("i", { vars });
  });
  return [
    h("span", { class: "seen-track", "aria-hidden": "true" }, marks),
    h("span", { class: "seen-when" }, spanWords(spans, begin)),
  ];
}

/** "0:00.0–0:02.1, 0:03.0–0:03.3" or, of many, from the first to the last. @param {[number, number][]} spans */
export function spanWords(spans, begin) {
  const said = ([from, to]) => `${clock(begin + from)}–${clock(begin + to)}`;
  if (spans.length <= SAID) return spans.map(said).join(", ");
  return t("spans_count", { count: spans.length, whole: said([spans[0][0], spans[spans.length - 1][1]]) });
}
