// Short messages at the edge of the page; errors stay until they are read.

const SECONDS = 6;

/** Show one sentence. `kind`: "good", "bad" or "" ; `link`: {href, text} or undefined. */
export function toast(sentence, kind = "", link = undefined) {
  const box = document.getElementById("toasts");
  for (const old of box.children) {
    if (old.dataset.sentence === sentence) old.remove();
  }
  const item = document.createElement("div");
  item.className = `toast ${kind ? `toast-${kind}` : ""}`;
  item.dataset.sentence = sentence;
  const text = document.createElement("p");
  text.textContent = sentence;
  item.append(text);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.text;
    item.append(anchor);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-close";
  close.setAttribute("aria-label", "Close this message");
  close.textContent = "×";
  close.addEventListener("click", () => item.remove());
  item.append(close);
  box.append(item);
  if (kind !== "bad" && !link) setTimeout(() => item.remove(), SECONDS * 1000);
}
