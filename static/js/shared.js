// On a phone "Save" opens the system's own sheet; elsewhere it is an ordinary download.

const save = document.getElementById("save");
const asFile = (blob) => new File([blob], "understudy.mp4", { type: "video/mp4" });

if (matchMedia("(pointer: coarse)").matches && navigator.canShare?.({ files: [asFile(new Blob())] })) {
  save.textContent = "Save or share the film";
  save.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(save.href);
      await navigator.share({ files: [asFile(await answer.blob())], title: document.title });
    } catch (error) {
      // Closing the sheet is no error; where it cannot be opened the film is downloaded.
      if (error.name !== "AbortError") location.href = save.href;
    }
  });
}
