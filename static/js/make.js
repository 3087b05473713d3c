// Elements made by scripts; text is always text, never markup.

/** `make("p", "soft", "Hello")`. */
export function make(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** A link that looks like a button, or any other link. */
export function link(href, className, text) {
  const made = make("a", className, text);
  made.href = href;
  return made;
}
