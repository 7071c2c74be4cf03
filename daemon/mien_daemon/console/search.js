// How a person's words are looked for in names.

/** Whether every word is in the text, without case and accents; no words are in every text. */
export function finds(words, text) {
  const folded = fold(text);
  return fold(words)
    .split(/\s+/)
    .every((word) => folded.includes(word));
}

function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
