// Heart rate over a range: the hourly maximum, resting heart rate, zones, wear.
import { get } from "../api";
import { colour, figure, lineOf, type Point } from "../charts";
import { card, empty, h } from "../dom";
import * as f from "../format";
import type { Page } from "../page";
import { rangePicker } from "../range";

type Numbers = (number | null)[];
interface Moment { max_bpm: number; wall_ms: number; local_date: string; local_hour: number }
interface HeartRate {
  first: string; last: string; resolution: "hour" | "day"; days_by: "day" | "month"; hours: number; average_of_hourly_max_bpm: number | null; current: Moment | null; highest: Moment | null;
  points: { wall_ms: number[]; max_bpm: Numbers; avg_bpm: Numbers; min_bpm: Numbers };
  daily: { local_date: string[]; resting_bpm: Numbers; resting_bpm_provider: Numbers; worn_minutes: Numbers; [zone: string]: (number | null)[] | string[] };
}
const ZONES = ["1: 50–60 %", "2: 60–70 %", "3: 70–80 %", "4: 80–90 %", "5: from 90 %"];

export async function heartRateView(page: Page): Promise<HTMLElement> {
  const query = { athlete: page.athlete.athlete_id, from: page.query.get("from"), to: page.query.get("to") };
  const data = await get<HeartRate>("/api/heart-rate", query, page.signal);
  const head = h("div", { class: "head" }, h("div", {}, h("h1", {}, "Heart rate"), h("p", { class: "sub" }, `${f.dayWithYear(data.first)} to ${f.dayWithYear(data.last)}, local time`)),
    rangePicker(page, { from: data.first, to: data.last }));
  if (!data.hours) return h("div", {}, head, card("No heart rate", null, empty("Nothing was recorded in this range", "Choose another one, or sync those days.")));
  return h("div", {}, head, h("div", { class: "grid" }, tiles(page, data), hourly(page, data), resting(page, data), zones(page, data), worn(page, data)));
}

function tiles(page: Page, data: HeartRate): HTMLElement {
  const tile = (name: string, value: string, detail: string, link?: string) => h("dl", { class: "tile", "data-tile": name }, h("dt", {}, name),
    h("dd", { class: "value", "data-value": value }, value, h("small", {}, "bpm")), h("dd", { class: "change" }, link ? h("a", { href: link }, detail) : detail));
  const dayOf = (moment: Moment) => page.href(`/heart-rate/${moment.local_date}`);
  const rest = data.daily.resting_bpm.filter((value) => value !== null) as number[];
  return h("div", { class: "tiles" },
    data.current && tile("Current hourly maximum", f.round(data.current.max_bpm), f.wallDayTime(data.current.wall_ms), dayOf(data.current)),
    tile("Average hourly maximum", f.round(data.average_of_hourly_max_bpm, 1), `of ${data.hours.toLocaleString("en-GB")} hours`),
    data.highest && tile("Highest", f.round(data.highest.max_bpm), f.wallDayTime(data.highest.wall_ms), dayOf(data.highest)),
    tile("Average resting", rest.length ? f.round(rest.reduce((a, b) => a + b, 0) / rest.length, 1) : "–", data.days_by === "month" ? `${rest.length} months` : `${rest.length} nights`));
}

function hourly(page: Page, data: HeartRate): HTMLElement {
  const { wall_ms: at, max_bpm, avg_bpm } = data.points;
  const by = data.resolution === "hour" ? "hour" : "day";
  // A line over hours that nobody measured would claim something: a gap breaks it.
  const step = by === "hour" ? 3_600_000 : 86_400_000;
  const pairs = (values: Numbers) => at.flatMap((ms, n): (number | null | undefined)[][] => {
    const gap = n > 0 && ms - (at[n - 1] as number) > 1.5 * step;
    return gap ? [[(at[n - 1] as number) + step, null], [ms, values[n]]] : [[ms, values[n]]];
  });
  return figure({
    name: "hourly maximum", title: by === "hour" ? "Hourly maximum" : "Highest hour of each day", size: "tall",
    summary: `${at.length} ${by}s, ${f.round(data.average_of_hourly_max_bpm, 1)} beats per minute on average.`,
    legend: [["Maximum", "heart"], ["Average", "ctl"], [`Average of the hourly maxima ${f.round(data.average_of_hourly_max_bpm, 1)}`, "soft"]],
    note: "Choose a moment to see its day. Pinch, or scroll with Ctrl, to zoom.",
    option: () => ({
      xAxis: { type: "time", min: at[0], max: at.at(-1), splitLine: { show: false } },
      yAxis: { type: "value", name: "bpm", scale: true },
      dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, moveOnMouseMove: "shift" }],
      tooltip: { formatter: (points: Point[]) => {
        const n = at.indexOf(Number((points[0]?.value as number[] | undefined)?.[0]));
        if (n < 0) return "not worn";
        const when = by === "hour" ? f.wallDayTime(at[n] as number) : f.dayWithYear(f.wallDay(at[n] as number));
        return `${when}\nMaximum ${f.round(max_bpm[n])}\nAverage ${f.round(avg_bpm[n])}`;
      } },
      series: [
        lineOf("maximum", colour("heart"), pairs(max_bpm), { lineStyle: { width: 1.4, color: colour("heart") }, sampling: "lttb",
          markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colour("soft"), type: "dashed" }, data: [{ yAxis: data.average_of_hourly_max_bpm }] } }),
        lineOf("average", colour("ctl"), pairs(avg_bpm), { lineStyle: { width: 1, color: colour("ctl"), opacity: 0.7 }, sampling: "lttb" }),
      ],
    }),
    table: () => ({ head: ["From", "Maximum", "Average", "Minimum"], rows: at.slice(-500).map((ms, n) => { const k = Math.max(0, at.length - 500) + n; return [by === "hour" ? f.wallDayTime(ms) : f.dayWithYear(f.wallDay(ms)), f.round(max_bpm[k]), f.round(avg_bpm[k]), f.round(data.points.min_bpm[k])]; }).reverse() }),
    onPoint: (wallMs) => page.go(`/heart-rate/${f.wallDay(Math.min(Math.max(wallMs, at[0] as number), at.at(-1) as number))}`),
  });
}

const dayAxis = (days: string[]) => ({ type: "category", data: days, axisLabel: { formatter: (value: string) => f.shortDay(value) } });
const dayLink = (page: Page, data: HeartRate, day: string) => (data.days_by === "month" ? f.dayWithYear(day) : h("a", { href: page.href(`/heart-rate/${day}`) }, f.dayWithYear(day)));
const toDay = (page: Page, days: string[], data: HeartRate) => (place: number) => {
  const day = days[place] as string;
  if (data.days_by === "month") page.change({ from: day, to: f.addDays(day, 30) });
  else page.go(`/heart-rate/${day}`);
};

function resting(page: Page, data: HeartRate): HTMLElement {
  const { local_date: days, resting_bpm: ours, resting_bpm_provider: theirs } = data.daily;
  const node = figure({
    name: "resting", title: "Resting heart rate", summary: "Our value and the provider's, by day.", legend: [["Ours", "heart"], ["Provider's", "soft"]],
    note: "Ours: the lowest half hour of the night. The provider's own value stands beside it, never mixed in.",
    option: () => ({
      xAxis: dayAxis(days), yAxis: { type: "value", name: "bpm", scale: true },
      tooltip: { formatter: (points: Point[]) => { const n = points[0]?.dataIndex ?? 0; return `${f.dayWithYear(days[n] as string)}\nOurs ${f.round(ours[n], 1)}\nProvider's ${f.round(theirs[n])}`; } },
      series: [lineOf("ours", colour("heart"), ours), lineOf("provider", colour("soft"), theirs, { lineStyle: { width: 1.5, type: "dashed", color: colour("soft") } })],
    }),
    table: () => ({ head: ["Day", "Ours", "Provider's"], rows: days.map((day, n) => [dayLink(page, data, day), f.round(ours[n], 1), f.round(theirs[n])]).reverse() }),
    onPoint: toDay(page, days, data),
  });
  node.classList.add("half");
  return node;
}

// Weeks, from Monday: zones of single days are mostly noise.
function zones(page: Page, data: HeartRate): HTMLElement {
  const weeks: string[] = [];
  const sums: number[][] = [];
  data.daily.local_date.forEach((day, n) => {
    const monday = data.days_by === "month" ? day : f.addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
    if (weeks.at(-1) !== monday) {
      weeks.push(monday);
      sums.push([0, 0, 0, 0, 0]);
    }
    for (let zone = 0; zone < 5; zone += 1) (sums.at(-1) as number[])[zone]! += ((data.daily[`zone_${zone + 1}_seconds`] as Numbers)[n] ?? 0) / 3600;
  });
  const known = (data.daily.zone_1_seconds as Numbers).some((value) => value !== null);
  if (!known) {
    const node = card("Time in zones", null, empty("No zones", "They need the athlete's maximum heart rate: `fit-platform athletes NAME --max-hr …`"));
    node.classList.add("half");
    return node;
  }
  const node = figure({
    name: "zones", title: `Time in zones, by ${data.days_by === "month" ? "month" : "week"}`, summary: "Hours in the five zones of the maximum heart rate.", legend: ZONES.map((name, n) => [name, `zone-${n + 1}`]),
    option: () => ({
      xAxis: dayAxis(weeks), yAxis: { type: "value", name: "h" },
      tooltip: { axisPointer: { type: "shadow" }, formatter: (points: Point[]) => { const n = points[0]?.dataIndex ?? 0; return [`${data.days_by === "month" ? "Month" : "Week"} from ${f.dayWithYear(weeks[n] as string)}`, ...ZONES.map((name, zone) => `Zone ${name}  ${f.hoursMinutes((sums[n]?.[zone] ?? 0) * 3600)}`)].join("\n"); } },
      series: ZONES.map((name, zone) => ({ type: "bar", stack: "all", name, barMaxWidth: 30, data: sums.map((week) => week[zone]), itemStyle: { color: colour(`zone-${zone + 1}`) } })),
    }),
    table: () => ({ head: ["From", ...ZONES.map((name) => `Zone ${name}`)], rows: weeks.map((week, n) => [f.dayWithYear(week), ...(sums[n] as number[]).map((hours) => f.hoursMinutes(hours * 3600))]).reverse() }),
    onPoint: (place) => page.change({ from: weeks[place] as string, to: f.addDays(weeks[place] as string, data.days_by === "month" ? 30 : 6) }),
  });
  node.classList.add("half");
  return node;
}

function worn(page: Page, data: HeartRate): HTMLElement {
  const { local_date: days, worn_minutes: minutes } = data.daily;
  return figure({
    name: "worn", title: "Worn", size: "low", summary: "Hours a day that any device measured.", note: "Time that any device covers; a gap longer than one and a half samples counts as not worn.",
    option: () => ({
      xAxis: dayAxis(days), yAxis: { type: "value", name: "h", max: 24, interval: 6 },
      tooltip: { axisPointer: { type: "shadow" }, formatter: (points: Point[]) => { const n = points[0]?.dataIndex ?? 0; return `${f.dayWithYear(days[n] as string)}\n${f.hoursMinutes((minutes[n] ?? 0) * 60)}`; } },
      series: [{ type: "bar", name: "worn", barMaxWidth: 18, data: minutes.map((value) => (value === null ? null : value / 60)), itemStyle: { color: colour("heat-2") } }],
    }),
    table: () => ({ head: ["Day", "Worn"], rows: days.map((day, n) => [dayLink(page, data, day), f.hoursMinutes((minutes[n] ?? 0) * 60)]).reverse() }),
    onPoint: toDay(page, days, data),
  });
}
