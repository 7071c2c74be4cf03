// What an engine needs of this machine, and whether that is there, in words.
import { bytes, t } from "./words.js";

/**
 * @typedef {{ fits: "yes" | "no" | "unknown", memory_bytes: number, device: string }} Need
 * @typedef {{ kind: "cpu" | "discrete" | "unified", memory_bytes: number | null }} Machine
 */

/** "needs 8 GB of GPU memory; this machine has none" @param {Need} engine @param {Machine} machine */
export function fitWords(engine, machine) {
  const isCard = needsCard(engine, machine);
  const needs = t(isCard ? "needs_gpu_memory" : "needs_memory", { size: memoryWords(engine.memory_bytes) });
  if (engine.fits !== "no") return needs;
  if (isCard && machine.kind === "cpu") return t("fit_has_none", { needs });
  return machine.memory_bytes ? t("fit_has", { needs, size: memoryWords(machine.memory_bytes) }) : needs;
}

/** Where main memory would do and the engine does not fit all the same, it is a card that it needs. */
function needsCard(engine, machine) {
  if (machine.kind === "discrete") return engine.device !== "cpu";
  return machine.kind === "cpu" && engine.fits === "no" && engine.memory_bytes < (machine.memory_bytes ?? 0);
}

/** Memory is sold in powers of two, and called by the names of powers of ten. */
function memoryWords(count) {
  return bytes((count / 2 ** 30) * 1e9);
}
