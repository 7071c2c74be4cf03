// Engines that are variants of one network stand on one card; those that few people look for stand behind a line.
import { isOurs } from "../swap/option-words.js";
import { isUnderWay, sortEngines } from "./model-list.js";

/** "hyperswap-1a" is one of "hyperswap". @param {string} name */
export const familyOf = (name) => name.split("-")[0];

/**
 * The families in the order in which a person wants them, each with its engines, in two parts: those to see at once
 * (our own, and whatever is here or on its way) and all others.
 * @param {import("./model-list.js").ModelList} list
 */
export function listFamilies(list) {
  const families = new Map();
  for (const { name } of sortEngines([...list.engines.values()])) {
    const family = familyOf(name);
    families.set(family, [...(families.get(family) ?? []), name]);
  }
  const inOrder = [...families].map(([family, names]) => ({ family, names: names.toSorted() }));
  const isFirst = ({ names }) => names.some((name) => isOurs(name) || isHere(list, name));
  return { first: inOrder.filter(isFirst), others: inOrder.filter((each) => !isFirst(each)) };
}

function isHere(list, name) {
  return list.engines.get(name).state === "ready" || isUnderWay(list.workOn(name));
}
