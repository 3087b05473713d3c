// What the server pushes (server-sent events); the browser connects again by itself.

/** Call `heard(data)` with every event; `lost(true)` while the server does not answer. */
export function listen(path, heard, lost = () => {}) {
  let source = null;
  const open = () => {
    source = new EventSource(path);
    source.addEventListener("open", () => lost(false));
    source.addEventListener("message", ({ data }) => heard(JSON.parse(data)));
    source.addEventListener("error", () => {
      lost(true);
      // After an answer that is no stream the browser gives up; the server may only be starting.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
    });
  };
  open();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  return () => source.close();
}
