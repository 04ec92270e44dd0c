// Takes the result away: as a file, or as the command that gives the same.

import { link } from "./api.js";
import { state } from "./state.js";

const FORMATS = [["ids", "Ids"], ["ndjson", "NDJSON"], ["csv", "CSV"], ["parquet", "Parquet"]];
const inShell = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export function takeAway({ dataset }) {
  const menu = element("div", { class: "menu" });
  const made = element("details", { class: "take-away" }, element("summary", {}, "Take away"), menu);
  made.addEventListener("toggle", () => {
    if (!made.open) return;
    const { group, query, version } = state();
    const links = FORMATS.map(([format, said]) => element("a", { href: link("export", { group, query, version, format }), download: "" }, said));
    const words_ = ["metadata-etl", "query", inShell(dataset), inShell(query || 'reference_id != ""'), ...(group === "items" ? [] : ["--group", group]), ...(version ? ["--version", version] : []), "--format", "ndjson"];
    menu.replaceChildren(element("p", { class: "downloads" }, links), element("p", { class: "note" }, "The same in a terminal:"), element("pre", { class: "command", tabindex: "0" }, words_.join(" ")));
  });
  return made;
}
