// How Mien is started on this system, in the words of the popup.

const SYSTEMS = new Set(["win", "mac", "linux"]);

/**
 * The key of the sentence, and a command where the system has one.
 * @returns {Promise<{ words: string, command: string | null }>}
 */
export async function startOn(chrome) {
  const { os } = await chrome.runtime.getPlatformInfo();
  const system = SYSTEMS.has(os) ? os : "linux";
  return { words: `help_start_${system}`, command: system === "linux" ? "mien tray" : null };
}
