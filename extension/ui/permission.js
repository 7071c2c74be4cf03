// Asking for one host, with the reason, where the browser wants a click on a page of ours.

import { byId, localise, say, tell } from "./parts.js";

const { chrome } = globalThis;
const asked = new URLSearchParams(location.search);
const host = asked.get("host");

localise();
document.title = say("permission_title");
byId("host").textContent = host;
byId("refuse").addEventListener("click", () => window.close());
byId("allow").addEventListener("click", async () => {
  const granted = await chrome.permissions.request({ origins: [`http://${host}/*`, `https://${host}/*`] });
  if (granted) await tell({ do: "retry", key: asked.get("for") });
  window.close();
});
byId("allow").focus();
