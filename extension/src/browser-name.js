// What the daemon's list of clients calls this browser.

/** "Chromium on Linux": ASCII, as the protocol wants it. */
export function nameOfBrowser({ userAgent, userAgentData }) {
  const brands = userAgentData?.brands.map(({ brand }) => brand) ?? [];
  const known = ["Microsoft Edge", "Brave", "Opera", "Google Chrome", "Chromium"];
  const browser =
    known.find((name) => brands.includes(name)) ?? (userAgent.includes("Firefox") ? "Firefox" : "Browser");
  const system = /Windows|Mac OS|Android|Linux/.exec(userAgent)?.[0].replace("Mac OS", "macOS") ?? "this machine";
  return `${browser} on ${system}`;
}
