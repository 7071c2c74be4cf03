// The heading of each setting, and the order of the settings.

// What a person changes comes first; limits and the port come last, behind what this page has not heard of.
const FIRST = ["paused", "offline", "keep_results_s", "idle_unload_s", "default_engine"];
const LAST = ["devices", "port", "max_queued", "max_blob_bytes", "max_clip_bytes", "max_pixels"];
const PROGRAMS = ["reactor_door", "openai_door", "metrics"];
const GROUPS = ["daemon", "notifications", "programs", "limits"];

const rank = ({ name }) => (FIRST.includes(name) ? FIRST.indexOf(name) - 100 : LAST.indexOf(name) + 1);

/**
 * `[name, settings]` of each heading that has any.
 * @template {{ name: string }} Setting
 * @param {Setting[]} settings
 * @returns {[string, Setting[]][]}
 */
export function inGroups(settings) {
  const inOrder = settings.toSorted((one, other) => rank(one) - rank(other));
  /** @type {[string, Setting[]][]} */
  const groups = GROUPS.map((group) => [group, inOrder.filter((each) => groupOf(each) === group)]);
  return groups.filter(([, some]) => some.length > 0);
}

function groupOf({ name }) {
  if (FIRST.includes(name)) return "daemon";
  if (name.startsWith("notify_")) return "notifications";
  return PROGRAMS.includes(name) ? "programs" : "limits";
}
