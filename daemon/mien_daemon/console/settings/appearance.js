// How the page looks and which language it speaks; kept in this browser.
import { field, segmented, select } from "../control.js";
import { h } from "../element.js";
import { chooseLanguage, chosenLanguage } from "../language.js";
import { setTheme, theme, THEMES } from "../theme.js";
import { LANGUAGES, t } from "../words.js";

export function appearance() {
  const themes = THEMES.map((name) => [name, t(`look_${name}`)]);
  const languages = [["", t("language_auto")], ...Object.entries(LANGUAGES)];
  return h(
    "div",
    { class: "settings-rows" },
    h(
      "div",
      { class: "setting" },
      h("span", { class: "label" }, t("look")),
      segmented(t("look"), themes, theme(), setTheme),
    ),
    h("div", { class: "setting" }, field(t("language"), select(languages, chosenLanguage(), chooseLanguage))),
  );
}
