// Light, dark, or as the system has it.
export const THEMES = ["auto", "light", "dark"];

export function theme() {
  return document.documentElement.dataset.theme ?? "auto";
}

export function setTheme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("mien.theme", name);
}
