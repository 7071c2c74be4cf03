// Every setting of the daemon with its meaning; a change is kept at once.
import { attempt } from "../announce.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { setting } from "./setting.js";

// What a person changes comes first; limits and the port come last, and what this page has not heard of in between.
const FIRST = ["paused", "offline", "keep_results_s", "idle_unload_s", "default_engine"];
const LAST = ["devices", "port", "max_queued", "max_blob_bytes", "max_clip_bytes", "max_pixels"];
const rank = ({ name }) => (FIRST.includes(name) ? FIRST.indexOf(name) - 100 : LAST.indexOf(name) + 1);

export function daemonSettings({ api }, signal) {
  const place = h("div", {});
  const build = ([{ settings }, { engines }]) =>
    h(
      "div",
      { class: "settings-rows" },
      settings
        .toSorted((one, other) => rank(one) - rank(other))
        .map((each) =>
          setting(
            each,
            engines.map(({ name }) => name),
            (value) => change(each.name, value, engines),
          ),
        ),
    );
  const change = (name, value, engines) =>
    attempt(async () => {
      place.replaceChildren(build([await api.put("/v1/settings", { [name]: value }), { engines }]));
      place.querySelector(`[data-setting=${name}] :is(input, select)`).focus();
    });
  fillWhenLoaded(place, () => Promise.all([api.get("/v1/settings"), api.get("/v1/engines")]), build, signal);
  return place;
}
