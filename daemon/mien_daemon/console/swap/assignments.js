// Who gets whose face, and the jobs that follow from it. Pure functions over a draft's values.

/** At first the largest face gets the first reference and all others are left alone. */
export function assignLargest(faces, reference) {
  if (!reference || faces.length === 0) return {};
  const largest = faces.reduce((best, face) => (area(face) > area(best) ? face : best));
  return { [largest.index]: reference };
}

export function area({ bbox: [x1, y1, x2, y2] }) {
  return (x2 - x1) * (y2 - y1);
}

/** Faces that get a reference, in order: [[index, reference], …]. */
export function listAssigned(target) {
  return Object.entries(target.assignments)
    .filter(([, reference]) => reference)
    .map(([index, reference]) => [Number(index), reference])
    .sort(([one], [other]) => one - other);
}

/** The body of one job. A reference each, or one for all chosen faces; "largest" while faces are not known. */
export function jobFor(target, fallback, options, priority) {
  const assignments = listAssigned(target);
  const references = assignments.map(([, reference]) => reference);
  const reference = new Set(references).size > 1 ? references : (references[0] ?? fallback);
  const faces = assignments.length ? assignments.map(([index]) => index) : "largest";
  return { kind: "swap", target: target.digest, reference, options: { ...options, faces, priority } };
}

/** Whether there is enough to begin with. */
export function isReady(target, fallback) {
  if (!target.digest || target.problem) return false;
  return target.faces ? listAssigned(target).length > 0 : Boolean(fallback);
}
