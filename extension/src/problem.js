// What went wrong, by the same codes as the daemon's problem documents, with a few of the extension's own.

const TOLD = new Set(["role", "stage", "model", "host", "incident", "field", "reason"]);

export class Problem extends Error {
  /** @param {string} code  API, never renamed. @param {object} fields  what names the thing to fix. */
  constructor(code, fields = {}) {
    super(code);
    this.name = "Problem";
    this.code = code;
    this.fields = fields;
  }

  /** From an `application/problem+json` body. */
  static from({ code = "internal-error", ...fields } = {}) {
    return new Problem(code, fields);
  }

  /** As it travels to a page or lies in storage: data, and only what the words over the picture or their cause need. */
  toJSON() {
    const told = Object.entries(this.fields).filter(([name]) => TOLD.has(name));
    return { code: this.code, fields: Object.fromEntries(told) };
  }
}

/** Anything that was thrown, as a problem. */
export function problemOf(error) {
  return error instanceof Problem ? error : new Problem("internal-error");
}

// The one thing to do about each; what is not here can only be dismissed.
const REMEDIES = {
  unpaired: "pair",
  "not-the-daemon": "options",
  "daemon-unreachable": "retry",
  "no-reference": "faces",
  "unknown-reference": "faces",
  "consent-required": "faces",
  "several-faces": "faces",
  "reference-glasses": "faces",
  "no-face-found": "faces",
  "model-not-installed": "open",
  "licence-not-accepted": "open",
  "broken-weights": "open",
  "engine-unavailable": "options",
  "unknown-engine": "options",
  "invalid-options": "options",
  "not-enough-memory": "options",
  "host-not-allowed": "allow",
  "queue-full": "retry",
  "gpu-out-of-memory": "retry",
  "check-unavailable": "retry",
  "worker-died": "retry",
  "job-expired": "retry",
  "unknown-job": "retry",
  "internal-error": "retry",
  "disk-full": "retry",
  "disk-failed": "retry",
  interrupted: "retry",
};

const MENDED_AT_MODELS = new Set(["model-not-installed", "licence-not-accepted", "broken-weights"]);

/**
 * The one thing to do: `pair`, `options`, `faces`, `open`, `allow`, `retry`, or null.
 * @param {{ code: string, fields?: Record<string, any> }} problem
 * @returns {string | null}
 */
export function remedyFor({ code, fields = {} }) {
  if (code === "no-face-found" && fields.role !== "reference") return null;
  return REMEDIES[code] ?? null;
}

/** Where in the console a problem is mended. */
export function viewFor({ code }) {
  return MENDED_AT_MODELS.has(code) ? "models" : undefined;
}

/**
 * The key of a problem's sentence: `problem_no_face_found`, with `_reference` where the role matters.
 * @param {{ code: string, fields?: Record<string, any> }} problem
 */
export function messageKey({ code, fields = {} }) {
  const key = `problem_${code.replaceAll("-", "_")}`;
  return code === "no-face-found" && fields.role === "reference" ? `${key}_reference` : key;
}

/** The words for a problem, in the browser's language; an unknown code still gets a sentence. */
export function wordsFor(problem, i18n) {
  const { model, host, incident } = problem.fields ?? {};
  const substitute = String(model ?? host ?? incident ?? "");
  return i18n.getMessage(messageKey(problem), [substitute]) || i18n.getMessage("problem_other", [problem.code]);
}
