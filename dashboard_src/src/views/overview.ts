// Overview: how the last days compare, load, weeks, a year of days, records.
import { get } from "../api";
import { colour, figure, lineOf, type Point, register } from "../charts";
import { card, empty, h, pick, svg } from "../dom";
import * as f from "../format";
import type { Page } from "../page";

interface Period { first: string; last: string; activities: number; distance_m: number; moving_seconds: number; ascent_m: number; trimp: number; resting_bpm: number | null; asleep_minutes: number | null; steps: number | null }
interface Sport { sport_family: string; moving_seconds: number[]; distance_m: number[]; activities: number[] }
interface Best { metric: string; window_seconds: number; value: number; activity_id: string; local_date: string; title: string | null; sport_family: string }
interface Overview {
  as_of: string; periods: Record<string, { now: Period; before: Period }>;
  load: { local_date: string[]; trimp: (number | null)[]; ctl: (number | null)[]; atl: (number | null)[]; tsb: (number | null)[] };
  weeks: { monday: string[]; sports: Sport[] };
  calendar: { first: string; last: string; local_date: string[]; moving_seconds: number[]; trimp: number[]; activities: number[] };
  records: Best[]; totals: { activities: number; first_day: string | null; distance_m: number | null; moving_seconds: number | null };
}

export async function overviewView(page: Page): Promise<HTMLElement> {
  const data = await get<Overview>("/api/overview", { athlete: page.athlete.athlete_id }, page.signal);
  const length = page.query.get("days") === "28" ? "28" : "7";
  const head = h("div", { class: "head" },
    h("div", {}, h("h1", {}, "Overview"), h("p", { class: "sub" }, `${page.athlete.display_name}, up to ${f.longDay(data.as_of)}; compared with the ${length} days before`)),
    pick("Compare", [["7", "Last 7 days"], ["28", "Last 28 days"]], length, (days) => page.change({ days: days === "7" ? null : days })));
  if (!data.totals.activities && !data.load.local_date.length && data.periods["28"]?.now.steps === null) {
    return h("div", {}, head, card("No data yet", null, empty("Nothing recorded so far", "Run `fit-platform sync`, then load this page again.")));
  }
  const { now, before } = data.periods[length] as { now: Period; before: Period };
  return h("div", {}, head, h("div", { class: "grid" },
    tiles(now, before), load(data), weeks(page, data), calendar(page, data), records(page, data)));
}

function tiles(now: Period, before: Period): HTMLElement {
  const tile = (name: string, value: string, unit: string, a: number | null, b: number | null, better: 1 | -1 | 0, difference: (d: number) => string) => {
    const d = a === null || b === null ? null : a - b;
    const mark = d === null || Math.abs(d) < 1e-9 ? "" : d > 0 ? "▲ " : "▼ ";
    const tone = !d || !better ? "" : d * better > 0 ? "up" : "down";
    return h("dl", { class: "tile", "data-tile": name }, h("dt", {}, name), h("dd", { class: "value", "data-value": a }, value, unit && h("small", {}, unit)),
      h("dd", { class: "change" }, d === null ? "nothing to compare with" : h("span", { class: tone }, mark ? `${mark}${difference(Math.abs(d))}${d > 0 ? " more" : " less"}` : "as before"), null));
  };
  register("overview tiles", () => [{ name: "now", data: [now] }, { name: "before", data: [before] }]);
  return h("div", { class: "tiles" },
    tile("Activities", String(now.activities), "", now.activities, before.activities, 0, (d) => String(d)),
    tile("Moving time", f.hoursMinutes(now.moving_seconds), "", now.moving_seconds, before.moving_seconds, 0, (d) => f.hoursMinutes(d)),
    tile("Distance", f.distance(now.distance_m), f.distanceUnit(), now.distance_m, before.distance_m, 0, (d) => f.distance(d)),
    tile("Ascent", f.climb(now.ascent_m), f.climbUnit(), now.ascent_m, before.ascent_m, 0, (d) => f.climb(d)),
    tile("Load", f.round(now.trimp), "TRIMP", now.trimp, before.trimp, 0, (d) => f.round(d)),
    tile("Resting heart rate", f.round(now.resting_bpm, 1), "bpm", now.resting_bpm, before.resting_bpm, -1, (d) => f.round(d, 1)),
    tile("Sleep a night", now.asleep_minutes === null ? "–" : f.hoursMinutes(now.asleep_minutes * 60), "", now.asleep_minutes, before.asleep_minutes, 1, (d) => f.hoursMinutes(d * 60)),
    tile("Steps a day", f.round(now.steps), "", now.steps, before.steps, 1, (d) => f.round(d)));
}

function load(data: Overview): HTMLElement {
  const { local_date: days, ctl, atl, tsb, trimp } = data.load;
  const last = days.length - 1;
  if (last < 0 || ctl.every((value) => value === null)) {
    const node = card("Fitness, fatigue, form", null, empty("No training load", "It needs activities with heart rate, and the athlete's sex, maximum and resting heart rate: `fit-platform athletes NAME --sex … --max-hr … --resting-hr …`"));
    return node;
  }
  const node = figure({
    name: "load", title: "Fitness, fatigue, form", size: "",
    summary: `On ${days[last]}: fitness ${f.round(ctl[last], 1)}, fatigue ${f.round(atl[last], 1)}, form ${f.round(tsb[last], 1)}.`,
    legend: [[`Fitness (CTL) ${f.round(ctl[last], 1)}`, "ctl"], [`Fatigue (ATL) ${f.round(atl[last], 1)}`, "atl"], [`Form (TSB) ${f.round(tsb[last], 1)}`, "tsb"]],
    note: "From Banister's TRIMP; time constants 42 and 7 days; form is of the day before.",
    option: () => ({
      xAxis: { type: "category", data: days, axisLabel: { formatter: (value: string) => f.shortDay(value) }, splitLine: { show: false } },
      yAxis: { type: "value" },
      tooltip: { formatter: (points: Point[]) => {
        const at = points[0]?.dataIndex ?? 0;
        return `${f.dayWithYear(days[at] as string)}\nFitness ${f.round(ctl[at], 1)}\nFatigue ${f.round(atl[at], 1)}\nForm ${f.round(tsb[at], 1)}\nLoad of the day ${f.round(trimp[at])}`;
      } },
      series: [
        { type: "bar", name: "TSB", data: tsb, itemStyle: { color: colour("tsb"), opacity: 0.55 }, barCategoryGap: "20%", emphasis: { disabled: true } },
        lineOf("CTL", colour("ctl"), ctl, { areaStyle: { color: colour("ctl"), opacity: 0.1 } }),
        lineOf("ATL", colour("atl"), atl),
      ],
    }),
    table: () => ({ head: ["Day", "Load", "Fitness", "Fatigue", "Form"], rows: days.map((day, n) => [f.dayWithYear(day), f.round(trimp[n]), f.round(ctl[n], 1), f.round(atl[n], 1), f.round(tsb[n], 1)]).reverse() }),
  });
  node.classList.add("half");
  return node;
}

function weeks(page: Page, data: Overview): HTMLElement {
  const measure = page.query.get("weeks") === "distance_m" ? "distance_m" : "moving_seconds";
  // A short history would be a thin strip at the right: begin where it begins, with two months at least.
  const used = data.weeks.monday.findIndex((_, n) => data.weeks.sports.some((sport) => (sport.activities[n] as number) > 0));
  const cut = Math.max(0, Math.min(used < 0 ? Infinity : used, data.weeks.monday.length - 9));
  const monday = data.weeks.monday.slice(cut);
  const sports = data.weeks.sports.map((sport) => ({ ...sport, moving_seconds: sport.moving_seconds.slice(cut), distance_m: sport.distance_m.slice(cut), activities: sport.activities.slice(cut) }));
  const shown = (value: number) => (measure === "distance_m" ? value / f.metresPerDistance() : value / 3600);
  const unit = measure === "distance_m" ? f.distanceUnit() : "h";
  const totals = monday.map((_, n) => sports.reduce((sum, sport) => sum + (sport[measure][n] as number), 0));
  const node = figure({
    name: "weeks", title: "Weeks by sport", summary: `Last week ${f.round(shown(totals.at(-1) ?? 0), 1)} ${unit}.`,
    legend: sports.slice(0, 6).map((sport) => [f.sportName(sport.sport_family), f.sportColour(sport.sport_family)]),
    note: pick("Measure", [["moving_seconds", "Time"], ["distance_m", "Distance"]], measure, (chosen) => page.change({ weeks: chosen === "moving_seconds" ? null : chosen })),
    option: () => ({
      xAxis: { type: "category", data: monday, axisLabel: { formatter: (value: string) => f.shortDay(value) } },
      yAxis: { type: "value", name: unit },
      tooltip: { axisPointer: { type: "shadow" }, formatter: (points: Point[]) => {
        const at = points[0]?.dataIndex ?? 0;
        const parts = sports.filter((sport) => (sport.activities[at] as number) > 0).map((sport) => `${f.sportName(sport.sport_family)} ${f.round(shown(sport[measure][at] as number), 1)} ${unit}`);
        return [`Week of ${f.shortDay(monday[at] as string)}: ${f.round(shown(totals[at] as number), 1)} ${unit}`, ...parts].join("\n");
      } },
      series: sports.map((sport) => ({ type: "bar", stack: "all", name: sport.sport_family, barMaxWidth: 26, data: sport[measure].map(shown), itemStyle: { color: f.sportColour(sport.sport_family) } })),
    }),
    table: () => ({ head: ["Week of", ...sports.map((sport) => f.sportName(sport.sport_family)), "All"], rows: monday.map((day, n) => [f.dayWithYear(day), ...sports.map((sport) => f.round(shown(sport[measure][n] as number), 1)), f.round(shown(totals[n] as number), 1)]).reverse() }),
    onPoint: (place) => page.go("/activities", { from: monday[place] as string, to: f.addDays(monday[place] as string, 6) }),
  });
  node.classList.add("half");
  return node;
}

function calendar(page: Page, data: Overview): HTMLElement {
  const { first, last, local_date, moving_seconds, activities, trimp } = data.calendar;
  const at = new Map(local_date.map((day, n) => [day, n]));
  const sorted = [...moving_seconds].sort((a, b) => a - b);
  const limit = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  const steps = [limit(0.25), limit(0.5), limit(0.8)];
  const level = (seconds: number) => (seconds <= 0 ? 0 : 1 + steps.filter((step) => seconds > step).length);
  const weekday = (day: string) => (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
  const start = f.addDays(first, -weekday(first));
  const picture = svg("svg", { class: "calendar", viewBox: "0 0 732 112", role: "group", "aria-label": "Training time by day over a year" });
  ["Mon", "Wed", "Fri"].forEach((name, n) => picture.append(svg("text", { x: 0, y: 29 + n * 26 }, name)));
  let month = "";
  for (let day = start, n = 0; day <= last; day = f.addDays(day, 1), n += 1) {
    const x = 28 + Math.floor(n / 7) * 13;
    const y = 18 + (n % 7) * 13;
    if (n % 7 === 0 && day.slice(0, 7) !== month && Number(day.slice(8)) <= 7) {
      month = day.slice(0, 7);
      picture.append(svg("text", { x, y: 11 }, new Date(`${day}T00:00:00Z`).toLocaleString("en-GB", { month: "short", timeZone: "UTC" })));
    }
    if (day < first) continue;
    const place = at.get(day);
    const seconds = place === undefined ? 0 : (moving_seconds[place] as number);
    const box = svg("rect", { x, y, width: 11, height: 11, rx: 2.5, class: `heat-${place === undefined ? 0 : Math.max(1, level(seconds))}` });
    if (place === undefined) {
      picture.append(box);
      continue;
    }
    const words = `${f.dayWithYear(day)}: ${activities[place]} ${activities[place] === 1 ? "activity" : "activities"}, ${f.hoursMinutes(seconds)}, load ${f.round(trimp[place])}`;
    picture.append(svg("a", { href: page.href("/activities", { from: day, to: day }), "aria-label": words }, svg("title", {}, words), box));
  }
  register("calendar", () => [{ name: "moving_seconds", data: local_date.map((day, n) => [day, moving_seconds[n]]) }]);
  const strip = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "A year of days" }, picture);
  requestAnimationFrame(() => { strip.scrollLeft = strip.scrollWidth; }); // on a narrow screen, the last months first
  return card("A year of days", `${local_date.length} days with training since ${f.dayWithYear(first)}`, strip);
}

const NAMES: Record<string, string> = { distance_m: "Farthest", elapsed_seconds: "Longest", ascent_m: "Most ascent" };
function records(page: Page, data: Overview): HTMLElement {
  const group = (metric: string, title: string, value: (one: Best) => string) => {
    const found = data.records.filter((one) => one.metric === metric);
    if (!found.length) return null;
    return h("div", { class: "third card" }, h("header", {}, h("h2", {}, title)), h("table", {}, h("tbody", {}, ...found.map((one) => h("tr", {},
      h("th", { scope: "row" }, f.effortLength(one.window_seconds)), h("td", { class: "n" }, value(one)),
      h("td", {}, h("a", { href: page.href(`/activities/${one.activity_id}`) }, f.dayWithYear(one.local_date))))))));
  };
  const single = data.records.filter((one) => one.metric in NAMES);
  const amount = (one: Best) => (one.metric === "distance_m" ? f.withDistance(one.value) : one.metric === "ascent_m" ? `${f.climb(one.value)} ${f.climbUnit()}` : f.hoursMinutes(one.value));
  register("records", () => [{ name: "records", data: data.records }]);
  const parts = [
    single.length ? h("div", { class: "third card" }, h("header", {}, h("h2", {}, "Records")), h("table", {}, h("tbody", {}, ...single.map((one) => h("tr", {},
      h("th", { scope: "row" }, NAMES[one.metric] as string), h("td", { class: "n" }, amount(one)), h("td", {}, h("a", { href: page.href(`/activities/${one.activity_id}`) }, one.title ?? f.sportName(one.sport_family)))))))) : null,
    group("speed", "Best running pace", (one) => f.pace(one.value)),
    group("heart_rate", "Highest heart rate held", (one) => `${f.round(one.value)} bpm`),
    group("power", "Best power", (one) => `${f.round(one.value)} W`),
  ].filter((part) => part !== null);
  const node = h("div", { class: "grid" }, ...parts);
  node.style.gridColumn = "span 12";
  return node;
}
