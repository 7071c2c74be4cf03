// A moment of a clip as players write it.

/** 65.25 is "1:05.2", 3600 is "1:00:00.0"; what is cut off is no moment that has come. @param {number} seconds */
export function clock(seconds) {
  const tenths = Math.floor(10 * Math.max(0, seconds) + 1e-6);
  const [hours, minutes, rest] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, tenths % 600];
  const two = (value) => String(value).padStart(2, "0");
  const start = hours ? `${hours}:${two(minutes)}` : String(minutes);
  return `${start}:${two(Math.floor(rest / 10))}.${rest % 10}`;
}

/** The seconds of "1:05.2", "65,2" or "1:00:00", as people type them; null of anything else. */
export function readClock(text) {
  const told = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?)$/.exec(text.trim());
  if (!told) return null;
  const [, hours = 0, minutes = 0, seconds] = told;
  return 3600 * Number(hours) + 60 * Number(minutes) + Number(seconds.replace(",", "."));
}
