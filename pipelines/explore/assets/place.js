// Where the image of a record is loaded from: the web, or this server; or why it is not.

import { link } from "./api.js";
import { state } from "./state.js";

const BUCKETS = { gs: (bucket, path) => `https://storage.googleapis.com/${bucket}/${path}`, s3: (bucket, path) => `https://${bucket}.s3.amazonaws.com/${path}` };
const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

/** { src, reason } for a URI: one of both is null. `asked` names the record to the server. */
export function source(uri, asked, images) {
  if (!uri) return { src: null, reason: "no image" };
  if (images.mode === "off") return { src: null, reason: "images are off" };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1].toLowerCase() ?? "file";
  const served = () => ({ src: link("image", { ...asked, version: state().version }), reason: null });
  if (scheme === "file") return images.local ? served() : { src: null, reason: "a local file: start with --images-root DIR" };
  if (scheme in BUCKETS && images.mode === "browser") {
    const [, bucket, path] = /^[^:]+:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? [];
    return /^[a-z0-9.-]+$/i.test(bucket ?? "") ? { src: BUCKETS[scheme](bucket, encoded(path)), reason: null } : { src: null, reason: "no address of an object" };
  }
  if (scheme !== "http" && scheme !== "https") return { src: null, reason: `${scheme}:// is not shown` };
  return images.mode === "server" ? served() : { src: uri, reason: null };
}

/** An image, or a placeholder that says why there is none; `missing` is called with its frame then. */
export function picture(uri, asked, images, { alt = "", loaded = null, missing = null, large = false } = {}) {
  const { src, reason } = source(uri, asked, images);
  const frame = element("span", { class: large ? "picture large" : "picture" });
  const placeholder = (said) => {
    frame.replaceChildren(element("span", { class: "placeholder" }, said));
    if (missing) queueMicrotask(() => missing(frame)); // once the caller is done, whose image it is
  };
  if (!src) {
    placeholder(reason);
    return frame;
  }
  const image = element("img", { alt, loading: large ? null : "lazy", decoding: "async", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => placeholder("could not be loaded"));
  if (loaded) image.addEventListener("load", () => loaded(image, frame));
  image.src = src;
  frame.append(image);
  return frame;
}
