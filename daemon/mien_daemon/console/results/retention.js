// Which jobs have a result that is still there. A look at a clip is none: it was a question.
export const isKept = ({ state, kind, expires_at: until }) =>
  state === "done" && Boolean(kind) && kind !== "analyse" && Date.parse(until) > Date.now();
