// Adding a face: a picture, whether it shows one face, whose it is, and the consent. Nothing is kept before that.

import { Problem, problemOf, wordsFor } from "../src/problem.js";
import { faceChoice } from "./face-choice.js";
import { byId, make, say, showNotice } from "./parts.js";

const { chrome } = globalThis;
const MOST_BYTES = 50_000_000;
const BASES = [
  ["self", "face_basis_self", "face_statement_self"],
  ["written-permission", "face_basis_written_permission", "face_statement_written_permission"],
];

/**
 * Fill `box` with the form; `onAdded` hears of the face that is kept.
 * @param {HTMLElement} box
 * @param {{ connection: any, onAdded: (reference: { id: string, name: string }) => any, onFile?: (() => any) | null,
 *   onCamera: () => any, onCancel?: (() => any) | null }} parts  `onFile` opens another window where this one would
 *   shut while a file is chosen; without `onCancel` there is nothing to go back to.
 * @returns {{ take: (picture: Blob) => Promise<void> }}
 */
export function showAddFace(box, { connection, onAdded, onFile = null, onCamera, onCancel = null }) {
  const form = make("form", { className: "add-face" });
  const file = make("input", { type: "file", accept: "image/*", id: "file", hidden: true });
  const state = { blob: null, turn: null };
  const take = (picture) => look(form, { connection, state }, picture);
  file.addEventListener("change", () => file.files[0] && take(file.files[0]));
  const choose = action("face_file", "first", () => (onFile ? onFile() : file.click()), "choose-file");
  const camera = action("face_camera", "", onCamera, "camera");
  const cancel = onCancel && action("cancel", "plain", onCancel, "cancel-face");
  form.append(
    make("div", { className: "top" }, make("h2", {}, say("face_title")), cancel),
    make("p", { className: "soft small" }, say("face_words")),
    make("div", { className: "row", id: "picking" }, choose, camera),
    file,
    make("p", { className: "small", id: "looking", role: "status" }),
    notice(),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    keep(form, { connection, state, onAdded });
  });
  for (const kind of ["dragover", "drop"]) form.addEventListener(kind, (event) => event.preventDefault());
  form.addEventListener("drop", ({ dataTransfer }) => dataTransfer?.files[0] && take(dataTransfer.files[0]));
  document.addEventListener("paste", ({ clipboardData }) => {
    const [picture] = clipboardData?.files ?? [];
    if (picture && form.isConnected) take(picture);
  });
  box.replaceChildren(form);
  return { take };
}

/**
 * Whether the picture shows a face, said at once; of several one is chosen; then the rest of the form. A picture that
 * comes meanwhile takes the place of this one, however late the daemon answers about either.
 * @param {any} form
 * @param {any} app
 * @param {Blob | Promise<Blob>} given
 */
async function look(form, { connection, state }, given) {
  const turn = (state.turn = {});
  const isLatest = () => state.turn === turn;
  const looking = byId("looking");
  byId("face-notice").hidden = true;
  form.querySelector(".consent, .several")?.remove();
  looking.textContent = say("face_checking");
  try {
    const { picture, blob, found } = await examine(connection, given);
    const isOne = found.faces.length === 1;
    const next = isOne ? consent(picture) : await askWhose(form, { connection, state }, picture, found);
    if (!isLatest()) return;
    state.blob = blob;
    form.append(next);
    if (isOne) form.elements.namedItem("name").select();
    else form.querySelector(".person").focus();
  } catch (error) {
    if (isLatest()) refuse(error);
  } finally {
    if (isLatest()) looking.textContent = "";
  }
}

/** The picture, its name at the daemon, and the faces that the daemon finds in it: one at least. */
async function examine(connection, given) {
  const picture = await given;
  if (picture.size > MOST_BYTES) throw new Problem("image-too-large");
  const bytes = new Uint8Array(await picture.arrayBuffer());
  const daemon = await connection.proved();
  const blob = await daemon.putBlob(bytes);
  const found = await daemon.facesIn(blob);
  if (!found.faces.length) throw new Problem("no-face-found", { role: "reference" });
  return { picture, blob, found };
}

/** One button a person; the chosen one's part of the picture is looked at like any other. */
async function askWhose(form, app, picture, { faces, longest_side }) {
  const image = await createImageBitmap(picture).catch(() => {
    throw new Problem("several-faces", { role: "reference" }); // the daemon reads kinds that this browser does not
  });
  const scale = Math.max(image.width, image.height) / longest_side;
  const boxes = faces.map(({ bbox }) => bbox.map((edge) => edge * scale));
  return faceChoice(image, boxes, (alone) => look(form, app, alone));
}

async function keep(form, { connection, state, onAdded }) {
  const button = byId("keep");
  button.disabled = true;
  try {
    const said = new FormData(form);
    const words = { picture: state.blob, name: said.get("name"), basis: said.get("basis"), adult: true };
    const { id, name } = await connection.call((daemon) => daemon.addReference(words));
    await onAdded({ id, name });
  } catch (error) {
    refuse(error);
    button.disabled = false;
  }
}

function consent(picture) {
  const image = make("img", { src: URL.createObjectURL(picture), alt: say("face_picture"), className: "portrait" });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  const name = make("input", { type: "text", name: "name", value: say("face_me"), required: true, maxLength: 60 });
  const statement = make("p", { id: "statement" }, say("face_statement_self"));
  const keepIt = make("button", { id: "keep", className: "first" }, say("face_keep"));
  return make(
    "div",
    { className: "consent" },
    make(
      "div",
      { className: "who" },
      image,
      make("label", {}, make("span", { className: "small" }, say("face_name")), name),
    ),
    whose(statement),
    statement,
    make("p", { className: "soft small" }, say("face_record")),
    keepIt,
  );
}

/** On which basis; the statement below says in full what the button confirms. */
function whose(statement) {
  const box = make("fieldset", {}, make("legend", { className: "unseen" }, say("face_basis")));
  for (const [basis, words, stated] of BASES) {
    const radio = make("input", { type: "radio", name: "basis", value: basis, checked: basis === "self" });
    radio.addEventListener("change", () => (statement.textContent = say(stated)));
    box.append(make("label", { className: "tick" }, radio, make("span", {}, say(words))));
  }
  return box;
}

function notice() {
  const box = make("div", { className: "notice", id: "face-notice", hidden: true });
  box.setAttribute("role", "alert");
  return box;
}

function refuse(error) {
  showNotice(byId("face-notice"), wordsFor(problemOf(error), chrome.i18n));
}

function action(words, className, act, id) {
  const button = make("button", { type: "button", className, id }, say(words));
  button.addEventListener("click", act);
  return button;
}
