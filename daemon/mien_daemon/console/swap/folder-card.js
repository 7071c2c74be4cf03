// What the stage shows while a folder is chosen or on its way: its pictures, how many were sent, and what is next.
import { bar, button, setBar } from "../control.js";
import { h, setText } from "../element.js";
import { icon } from "../icon.js";
import { sentence } from "../problem.js";
import { number, t } from "../words.js";

const SHOWN = 12; // pictures of the folder; decoding all of a thousand would hold up the page

export function folderCard(app, _now, signal) {
  const { draft } = app;
  const figures = h("p", { class: "count", role: "status" });
  const track = bar(0, t("progress"));
  const hint = h("p", { class: "hint" });
  const refused = h("ul", { class: "refused" });
  const sheet = contactSheet(draft.folder.files, signal);
  const see = h("a", { class: "button primary", href: "#/jobs" }, t("folder_see"));
  const stop = button(t("folder_stop"), "close", () => draft.folder.sending.abort());
  const leave = () => draft.takeFolder(null);
  const takeBack = button(t("folder_take_back"), "close", leave);
  const next = button(t("folder_next"), "plus", leave, { id: "folder-next" });
  // They stay in the page while pictures are sent: a click and the focus outlast a refresh.
  const actions = h("div", { class: "row-actions wrap" }, see, stop, takeBack, next);
  const title = h("h2", {}, icon("folder"), draft.folder.name);
  const element = h("div", { class: "drop folder", "data-drop": "target" });
  element.append(title, figures, track, sheet.element, hint, refused, actions);
  return { element, refresh };

  function refresh() {
    const { folder } = draft;
    if (!folder) return;
    const total = folder.files.length;
    const isSent = Boolean(folder.group) && !folder.sending;
    setText(
      figures,
      folder.group ? t("folder_sending", { sent: folder.sent, total }) : t("pictures_count", { count: total }),
    );
    track.hidden = !folder.group || isSent;
    setBar(track, total ? (folder.sent + folder.refused.length) / total : 1);
    setText(hint, t(isSent ? "folder_sent_hint" : "folder_hint"));
    sheet.show(folder.states ?? new Map());
    refused.hidden = folder.refused.length === 0;
    refused.replaceChildren(
      h("li", {}, t("folder_refused", { count: folder.refused.length })),
      ...folder.refused.map(({ name, problem }) => h("li", {}, `${name}: ${sentence(problem)}`)),
    );
    see.hidden = !folder.group;
    stop.hidden = !folder.sending;
    takeBack.hidden = Boolean(folder.group);
    next.hidden = !isSent;
  }
}

/** The first pictures of a folder, each with what became of it. @param {File[]} files @param {AbortSignal} signal */
function contactSheet(files, signal) {
  const tiles = files.slice(0, SHOWN).map((file) => [file, tile(file, signal)]);
  const rest = files.length - tiles.length;
  const more = rest > 0 ? h("li", { class: "sheet-more" }, `+ ${number(rest)}`) : null;
  const element = h(
    "ul",
    { class: "contact-sheet", "aria-hidden": "true" },
    tiles.map(([, each]) => each),
    more,
  );
  const show = (states) => {
    for (const [file, each] of tiles) each.dataset.state = states.get(file) ?? "new";
  };
  return { element, show };
}

/** What the browser cannot show, a clip or a HEIC, is an empty tile. */
function tile(file, signal) {
  const url = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  const img = h("img", { src: url, alt: "", decoding: "async" });
  img.addEventListener("error", () => img.remove(), { once: true });
  return h("li", {}, icon("results"), img, h("span", { class: "sheet-mark" }, icon("check"), icon("warning")));
}
