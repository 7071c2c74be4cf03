// Which jobs have a result that is still there.
export const isKept = ({ state, kind, expires_at: until }) =>
  state === "done" && Boolean(kind) && Date.parse(until) > Date.now();
