// Who gets whose face, and the jobs that follow from it. Pure functions over a draft's values.

/** At first the largest face gets the first reference and all others are left alone; of a clip its first person. */
export function assignFirst({ faces, clip }, reference) {
  return assignLargest(clip ? faces.slice(0, 1) : faces, reference);
}

export function assignLargest(faces, reference) {
  if (!reference || faces.length === 0) return {};
  const largest = faces.reduce((best, face) => (area(face) > area(best) ? face : best));
  return { [largest.index]: reference };
}

/** No face of the target is given that person any more. */
export function unassign({ assignments }, key) {
  for (const [index, given] of Object.entries(assignments)) if (given === key) delete assignments[index];
}

/** The face that a person is given to who was chosen without naming a face: undefined where no face is known. */
export function faceInMind(target) {
  if (!target?.faces?.length) return undefined;
  const { faces, pointed } = target;
  if (faces.some(({ index }) => index === pointed)) return pointed;
  const [first] = listAssigned(target);
  return first?.[0] ?? Number(Object.keys(assignFirst(target, "anyone"))[0]);
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

/**
 * The body of one job. A person each, or one for all chosen faces; "largest" while faces are not known. `people` are
 * the draft's references, each with the pictures of one person.
 */
export function jobFor(target, fallback, people, options, priority) {
  const assignments = listAssigned(target);
  const keys = assignments.map(([, key]) => key);
  const pictures = (key) => people.find((person) => person.key === key)?.pictures ?? [key];
  const one = pictures(keys[0] ?? fallback);
  const several = new Set(keys).size > 1;
  const who = several ? { references: keys.map(pictures) } : { reference: one.length > 1 ? one : one[0] };
  const faces = assignments.length ? assignments.map(([index]) => index) : "largest";
  return { kind: "swap", target: target.digest, ...who, options: { ...options, faces, priority } };
}

/** Which seconds of a clip are meant; nothing for all of it. @param {{ begin?: number, end?: number }} clip */
export function partOf({ begin, end }) {
  return { ...(begin ? { from: begin } : {}), ...(end ? { to: end } : {}) };
}

/** Whether there is enough to begin with. */
export function isReady(target, fallback) {
  if (!target.digest) return false;
  return target.faces ? listAssigned(target).length > 0 : Boolean(fallback);
}
