// A moment of a clip as players write it.

/** 65.25 is "1:05.2", 3600 is "1:00:00.0"; what is cut off is no moment that has come. @param {number} seconds */
export function clock(seconds) {
  const tenths = Math.floor(10 * Math.max(0, seconds) + 1e-6);
  const [hours, minutes, rest] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, tenths % 600];
  const two = (value) => String(value).padStart(2, "0");
  const start = hours ? `${hours}:${two(minutes)}` : String(minutes);
  return `${start}:${two(Math.floor(rest / 10))}.${rest % 10}`;
}
