// Every setting of the daemon with its meaning; a change is kept at once.
import { attempt } from "../announce.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { t } from "../words.js";
import { inGroups } from "./groups.js";
import { setting } from "./setting.js";

export function daemonSettings({ api, health }, signal) {
  const place = h("div", {});
  const open = new Set(); // groups that a person opened, kept when a change builds them anew
  const build = ([{ settings }, { engines }]) => {
    const devices = (health.current?.workers ?? []).map(({ device }) => device);
    const known = { engines: engines.map(({ name }) => name), devices };
    const row = (each) => setting(each, known, (value) => change(each.name, value, engines));
    const groups = inGroups(settings).map(([name, some]) => group(name, some.map(row), open));
    return h("div", { class: "stack large" }, groups);
  };
  const change = (name, value, engines) =>
    attempt(async () => {
      place.replaceChildren(build([await api.put("/v1/settings", { [name]: value }), { engines }]));
      place.querySelector(`[data-setting=${name}] :is(input, select)`).focus();
    });
  fillWhenLoaded(place, () => Promise.all([api.get("/v1/settings"), api.get("/v1/engines")]), build, signal);
  return place;
}

/** What the card is called after has no heading of its own. */
function group(name, rows, open) {
  const list = h("div", { class: "settings-rows" }, rows);
  if (name === "daemon") return list;
  if (name === "limits") return drawer(name, list, open);
  const words = h("h3", { id: `settings-${name}-title` }, t(`settings_${name}`));
  const hint = name === "notifications" ? h("p", { class: "hint" }, t("setting_notify_finished_hint")) : null;
  return h("div", { class: "settings-group", role: "group", "aria-labelledby": words.id }, words, hint, list);
}

/** What few people change, behind a line that opens. */
function drawer(name, list, open) {
  const details = h("details", {
    class: "settings-group drawer",
    open: open.has(name),
    ontoggle: () => (details.open ? open.add(name) : open.delete(name)),
  });
  details.append(h("summary", {}, t(`settings_${name}`)), list);
  return details;
}
