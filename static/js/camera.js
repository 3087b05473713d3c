// The camera: choosing it, opening it, and a sentence for every way in which that fails.

/** Why there is no camera; `message` says what to do. */
export class CameraError extends Error {}

const SENTENCES = {
  NotAllowedError:
    "The camera is blocked. Click the camera sign beside the address, allow it, then try again.",
  NotFoundError: "No camera was found. Plug one in, or use a video file.",
  NotReadableError: "Another program is using the camera. Close it, then try again.",
  AbortError: "The camera could not be started. Unplug it, plug it in again, and try again.",
  SecurityError: "This browser does not allow cameras here. Look into its settings.",
};

/** A sentence when this browser cannot do a call at all, else null. */
export function whyNot() {
  if (!("RTCPeerConnection" in window)) {
    return "This browser cannot do video calls (WebRTC). Use a recent Chrome, Edge, Firefox or Safari.";
  }
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    return (
      "This page is not secure, and browsers give a camera only to secure ones. Open it as " +
      "http://localhost on this machine, or start Understudy with --host 0.0.0.0 and use the https:// address it prints."
    );
  }
  return null;
}

/** Open a camera. A remembered one that is gone is replaced by any other. */
export async function openCamera({ deviceId, resolution }) {
  const problem = whyNot();
  if (problem) throw new CameraError(problem);
  const [width, height] = resolution.split("x").map(Number);
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
  try {
    return await open({ ...size, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) });
  } catch (error) {
    if (deviceId && ["OverconstrainedError", "NotFoundError"].includes(error.name)) {
      return openCamera({ deviceId: "", resolution });
    }
    throw new CameraError(
      SENTENCES[error.name] ?? `The camera could not be opened (${error.name}).`,
    );
  }
}

function open(video) {
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

/** Cameras with names: `[{id, name}]`. */
export async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices
    .filter((device) => device.kind === "videoinput")
    .map((device, number) => ({
      id: device.deviceId,
      name: device.label || `Camera ${number + 1}`,
    }));
}
