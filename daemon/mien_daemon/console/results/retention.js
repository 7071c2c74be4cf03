// Which jobs have a result that is still there. A look at a clip is none: it was a question.
export const isKept = ({ state, kind, starred, expires_at: until }) =>
  state === "done" && Boolean(kind) && kind !== "analyse" && (starred === true || Date.parse(until) > Date.now());
