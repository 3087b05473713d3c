// What the browser keeps of a person's choices. Where it may keep nothing, nothing is remembered.

/** The text kept under a name, or null. */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // Site data are blocked.
  }
}

export function remember(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // Private windows may keep nothing.
  }
}
