// Loaded before the page is painted, so that it never flashes in the wrong colours.
let stored = null;
try {
  stored = localStorage.getItem("theme");
} catch {
  // Site data are blocked: nothing is remembered.
}
if (stored === "dark" || stored === "light") document.documentElement.dataset.theme = stored;

document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("theme-toggle").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // The same.
    }
  });
});
