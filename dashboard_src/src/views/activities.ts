// The list of activities: filters, order and page are in the address.
import { get } from "../api";
import { register } from "../charts";
import { badge, card, type Child, empty, h, PROVIDERS } from "../dom";
import * as f from "../format";
import type { Page } from "../page";

interface Row {
  activity_id: string; wall_ms: number; sport_family: string; sport: string | null; title: string | null; distance_m: number | null; moving_seconds: number | null;
  ascent_m: number | null; avg_hr_bpm: number | null; trimp: number | null; sources: { provider: string; relation: string; is_primary: boolean }[];
}
interface Review { activity_id: string; provider: string; other_provider: string; started_at: string; match_score: number | null; held_back_minutes: number | null }
interface List { skip: number; page: number; totals: { activities: number; distance_m: number | null; moving_seconds: number | null }; sports: string[]; activities: Row[]; review: Review[] }

const COLUMNS: [string, string, boolean][] = [
  ["title", "Activity", false], ["started_at", "When", false], ["sport_family", "Sport", false], ["distance_m", "Distance", true], ["moving_seconds", "Time", true],
  ["ascent_m", "Ascent", true], ["avg_hr_bpm", "Heart rate", true], ["trimp", "Load", true],
];

export async function activitiesView(page: Page): Promise<HTMLElement> {
  const { query } = page;
  const names = ["from", "to", "sport", "provider", "q", "sort", "order", "skip"];
  const data = await get<List>("/api/activities", { athlete: page.athlete.athlete_id, ...Object.fromEntries(names.map((name) => [name, query.get(name)])) }, page.signal);
  register("activities", () => [{ name: "activities", data: data.activities }]);
  const { totals } = data;
  const head = h("div", { class: "head" }, h("div", {}, h("h1", {}, "Activities"),
    h("p", { class: "sub" }, `${totals.activities.toLocaleString("en-GB")} real ${totals.activities === 1 ? "activity" : "activities"}, each once, ${f.withDistance(totals.distance_m)}, ${f.hoursMinutes(totals.moving_seconds ?? 0)}`)));
  return h("div", {}, head, filters(page, data), h("div", { class: "grid" }, review(page, data.review), list(page, data)));
}

function filters(page: Page, data: List): HTMLElement {
  const { query } = page;
  const change = (changes: Record<string, string | null>) => page.change({ ...changes, skip: null });
  const select = (label: string, name: string, options: [string, string][]) => h("label", {}, label, h("select", { name, change: (event) => change({ [name]: (event.target as HTMLSelectElement).value || null }) },
    h("option", { value: "" }, "All"), ...options.map(([value, text]) => h("option", { value, selected: query.get(name) === value }, text))));
  const day = (label: string, name: string) => h("label", {}, label, h("input", { type: "date", name, value: query.get(name), change: (event) => change({ [name]: (event.target as HTMLInputElement).value || null }) }));
  const active = ["from", "to", "sport", "provider", "q"].some((name) => query.get(name));
  const bar = h("form", { class: "filters", role: "search", submit: (event) => { event.preventDefault(); change({ q: (bar.elements.namedItem("q") as HTMLInputElement).value || null }); } },
    h("label", {}, "Title", h("input", { type: "search", name: "q", maxlength: 80, value: query.get("q"), placeholder: "Find …", change: (event) => change({ q: (event.target as HTMLInputElement).value || null }) })),
    select("Sport", "sport", data.sports.map((sport) => [sport, f.sportName(sport)])),
    select("Recorded by", "provider", Object.entries(PROVIDERS)), day("From", "from"), day("To", "to"),
    active && h("button", { type: "button", class: "plain", click: () => change({ from: null, to: null, sport: null, provider: null, q: null }) }, "Clear"));
  bar.style.marginBottom = "1rem";
  return bar;
}

function review(page: Page, pairs: Review[]): HTMLElement | null {
  if (!pairs.length) return null;
  return card("For you to decide", "possible copies, never counted twice", h("ul", { class: "pairs" }, ...pairs.map((pair) => h("li", { class: "pair" }, h("div", { class: "row" },
    h("span", { class: "badges" }, badge(pair.provider), badge(pair.other_provider)), h("span", {}, f.instant(pair.started_at), pair.held_back_minutes ? `, ${f.round(pair.held_back_minutes)} min held back` : ""),
    h("a", { href: page.href(`/activities/${pair.activity_id}`) }, "Look and decide"))))));
}

function list(page: Page, data: List): HTMLElement {
  const sort = page.query.get("sort") ?? "started_at";
  const order = page.query.get("order") ?? "desc";
  const head = COLUMNS.map(([name, text, numeric]) => h("th", { scope: "col", class: numeric ? "n" : null, "aria-sort": sort === name ? (order === "desc" ? "descending" : "ascending") : null },
    h("button", { type: "button", "data-sort": name, click: () => page.change({ sort: name, order: sort === name && order === "desc" ? "asc" : "desc", skip: null }) }, text, sort === name ? (order === "desc" ? " ↓" : " ↑") : "")));
  if (!data.activities.length) return card("Nothing fits", null, empty("No activity fits these filters", "Take one of them away."));
  const cell = (label: string, child: Child, name = "n") => h("td", { class: name, "data-label": label }, child);
  const rows = data.activities.map((row) => {
    const dot = h("i", { "aria-hidden": "true" });
    dot.style.background = f.sportColour(row.sport_family);
    const link = page.href(`/activities/${row.activity_id}`);
    return h("tr", { class: "open", "data-activity": row.activity_id },
      h("td", { class: "wide" }, h("a", { class: "title", href: link }, row.title ?? f.sportName(row.sport_family)), h("div", { class: "badges" }, ...merged(row).map(([provider, n]) => badge(provider, n > 1 ? `×${n}` : "")))),
      h("td", { class: "wide" }, f.wallDayTime(row.wall_ms)),
      h("td", { class: "wide" }, h("span", { class: "badge" }, dot, f.sportName(row.sport_family))),
      cell("Distance", row.distance_m ? f.withDistance(row.distance_m) : "–"), cell("Time", f.duration(row.moving_seconds)),
      cell("Ascent", row.ascent_m ? `${f.climb(row.ascent_m)} ${f.climbUnit()}` : "–"), cell("Heart rate", row.avg_hr_bpm ? `${f.round(row.avg_hr_bpm)} bpm` : "–"), cell("Load", f.round(row.trimp)));
  });
  const from = data.skip + 1;
  const to = data.skip + data.activities.length;
  const turn = (skip: number, text: string, possible: boolean) => h("button", { type: "button", disabled: !possible, click: () => page.change({ skip: skip ? String(skip) : null }) }, text);
  return h("section", { class: "card", "aria-label": "Activities" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Activities, one row each" }, h("table", { class: "stack" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows))),
    data.totals.activities > data.page && h("div", { class: "pager" }, turn(Math.max(0, data.skip - data.page), "← Newer", data.skip > 0), h("span", { class: "note" }, `${from} to ${to} of ${data.totals.activities}`), turn(data.skip + data.page, "Older →", to < data.totals.activities)));
}

function merged(row: Row): [string, number][] {
  const counts = new Map<string, number>();
  for (const source of row.sources) counts.set(source.provider, (counts.get(source.provider) ?? 0) + 1);
  return [...counts];
}
