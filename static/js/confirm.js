// Asking before something is lost.

const element = (id) => document.getElementById(id);

/** Whether the person says yes to a question. */
export async function confirmed(question, explanation) {
  const dialog = element("confirm");
  element("confirm-title").textContent = question;
  element("confirm-text").textContent = explanation;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "yes";
}
