// The range of days that a page shows, in its address as `from` and `to`.
import { h, pick } from "./dom";
import { addDays } from "./format";
import type { Page, Range } from "./page";

const LENGTHS: [string, string][] = [["7", "7 d"], ["28", "28 d"], ["90", "90 d"], ["365", "1 y"], ["3650", "10 y"]];

export function rangePicker(page: Page, shown: Range): HTMLElement {
  const length = Math.round((Date.parse(shown.to) - Date.parse(shown.from)) / 86_400_000) + 1;
  const day = (name: "from" | "to") => h("label", {}, name === "from" ? "From" : "To", h("input", {
    type: "date", value: shown[name], name,
    change: (event) => {
      const value = (event.target as HTMLInputElement).value;
      const other = name === "from" ? { from: value, to: shown.to } : { from: shown.from, to: value };
      if (value && other.from <= other.to) page.change(other);
    },
  }));
  return h("div", { class: "filters" },
    pick("Length", LENGTHS, String(length), (days) => page.change({ from: addDays(shown.to, 1 - Number(days)), to: shown.to })),
    day("from"), day("to"));
}
