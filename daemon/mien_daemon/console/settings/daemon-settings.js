// Every setting of the daemon with its meaning; a change is kept at once.
import { attempt } from "../announce.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { t } from "../words.js";
import { inGroups } from "./groups.js";
import { setting } from "./setting.js";

export function daemonSettings({ api }, signal) {
  const place = h("div", {});
  const build = ([{ settings }, { engines }]) => {
    const names = engines.map(({ name }) => name);
    const row = (each) => setting(each, names, (value) => change(each.name, value, engines));
    const groups = inGroups(settings).map(([name, some]) => group(name, some.map(row)));
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
function group(name, rows) {
  const list = h("div", { class: "settings-rows" }, rows);
  if (name === "daemon") return list;
  const words = h("h3", { id: `settings-${name}-title` }, t(`settings_${name}`));
  const hint = name === "notifications" ? h("p", { class: "hint" }, t("setting_notify_finished_hint")) : null;
  return h("div", { class: "settings-group", role: "group", "aria-labelledby": words.id }, words, hint, list);
}
