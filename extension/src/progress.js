// A job's state in the words of the overlay and of the popup.

/**
 * What is said of a job; `fraction` is null while it cannot be known.
 * @returns {{words: string, left: string, fraction: number | null}}
 */
export function progressOf({ state, stage, progress, etaS, host }, i18n) {
  const say = (key, ...words) => i18n.getMessage(key, words);
  if (state === "choosing") return { words: say("stage_choosing"), left: "", fraction: null };
  if (state === "asking") return { words: say("stage_asking"), left: say("stage_asking_hint", host), fraction: null };
  if (state === "sending") return { words: say("stage_reading"), left: "", fraction: null };
  if (state === "queued") return { words: say("stage_queued"), left: "", fraction: null };
  if (state === "waiting") return { words: say("stage_waiting"), left: say("stage_waiting_hint"), fraction: null };
  return {
    words: say(`stage_${String(stage).replaceAll("-", "_")}`) || say("stage_running"),
    left: etaS >= 1 ? timeLeft(etaS, say) : "",
    fraction: progress ?? null,
  };
}

function timeLeft(seconds, say) {
  if (seconds < 60) return say("seconds_left", String(Math.round(seconds)));
  return say("minutes_left", String(Math.ceil(seconds / 60)));
}
