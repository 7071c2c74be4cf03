// The language of the page: chosen in the settings, else the browser's.
import { preferred, speak } from "./words.js";

const KEY = "mien.language";

export function chosenLanguage() {
  return localStorage.getItem(KEY) ?? "";
}

export function chooseLanguage(language) {
  if (language) localStorage.setItem(KEY, language);
  else localStorage.removeItem(KEY);
  location.reload();
}

export async function loadWords(fetch) {
  const language = preferred(chosenLanguage(), navigator.languages);
  const response = await fetch(`/console/locales/${language}.json`);
  speak(language, await response.json());
  document.documentElement.lang = language.replace("_", "-");
}
