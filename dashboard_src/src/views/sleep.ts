// Sleep: when and how long, stages, and what was measured in the night.
import { get } from "../api";
import { colour, figure, lineOf, type Point } from "../charts";
import { badge, card, empty, h, pick } from "../dom";
import * as f from "../format";
import type { Page } from "../page";
import { rangePicker } from "../range";

interface Night { local_date: string; provider: string; from_hour: number | null; to_hour: number | null; asleep_minutes: number | null; deep_minutes: number | null; light_minutes: number | null; rem_minutes: number | null; awake_minutes: number | null }
interface Sleep {
  first: string; last: string; nights_by: "day" | "month"; nights: Night[]; averages: Record<string, Record<string, number | null>>;
  health: { local_date: string[]; hrv_rmssd_ms: (number | null)[]; blood_oxygen_percent: (number | null)[]; breathing_rate_per_minute: (number | null)[] };
}
const STAGES: [keyof Night & string, string, string][] = [["deep_minutes", "Deep", "ctl"], ["light_minutes", "Light", "heat-2"], ["rem_minutes", "REM", "atl"], ["awake_minutes", "Awake", "tsb"]];

export async function sleepView(page: Page): Promise<HTMLElement> {
  const data = await get<Sleep>("/api/sleep", { athlete: page.athlete.athlete_id, from: page.query.get("from"), to: page.query.get("to") }, page.signal);
  const head = h("div", { class: "head" }, h("div", {}, h("h1", {}, "Sleep"), h("p", { class: "sub" }, "Each night stands under the day of waking; clock times of home")), rangePicker(page, { from: data.first, to: data.last }));
  const providers = Object.keys(data.averages);
  if (!providers.length) return h("div", {}, head, card("No nights", null, empty("No night was recorded in this range", "Choose another one, or sync those days.")));
  const count = (provider: string) => data.averages[provider]?.nights ?? 0;
  const asked = page.query.get("by");
  const provider = asked && providers.includes(asked) ? asked : [...providers].sort((a, b) => count(b) - count(a))[0] as string;
  const nights = data.nights.filter((night) => night.provider === provider);
  const chooser = providers.length > 1 ? h("div", { class: "filters" }, pick("Measured by", providers.map((name) => [name, `${f.words(name)} (${count(name)})`]), provider, (name) => page.change({ by: name }))) : h("div", {}, badge(provider));
  chooser.style.marginBottom = "1rem";
  return h("div", {}, head, chooser, h("div", { class: "grid" }, tiles(data.averages[provider] as Record<string, number | null>), stages(data, nights), clock(nights), ...health(data)));
}

function tiles(average: Record<string, number | null>): HTMLElement {
  const tile = (name: string, minutes: number | null | undefined, detail = "") => h("dl", { class: "tile", "data-tile": name }, h("dt", {}, name), h("dd", { class: "value", "data-value": minutes ?? null }, minutes ? f.hoursMinutes(minutes * 60) : "–"), h("dd", { class: "change" }, detail));
  const share = (minutes: number | null | undefined) => (minutes && average.asleep_minutes ? `${f.round((100 * minutes) / average.asleep_minutes)} % of sleep` : "");
  return h("div", { class: "tiles" }, tile("Asleep", average.asleep_minutes, `average of ${f.round(average.nights)} nights`), tile("Deep", average.deep_minutes, share(average.deep_minutes)), tile("Light", average.light_minutes, share(average.light_minutes)), tile("REM", average.rem_minutes, share(average.rem_minutes)), tile("Awake", average.awake_minutes));
}

const axis = (days: string[]) => ({ type: "category", data: days, axisLabel: { formatter: (value: string) => f.shortDay(value) } });

function stages(data: Sleep, nights: Night[]): HTMLElement {
  const days = nights.map((night) => night.local_date);
  return figure({
    name: "sleep stages", title: data.nights_by === "month" ? "Month by month" : "Night by night", summary: `${nights.length} nights.`, legend: STAGES.map(([, text, tint]) => [text, tint]),
    option: () => ({
      xAxis: axis(days), yAxis: { type: "value", name: "h" },
      tooltip: { axisPointer: { type: "shadow" }, formatter: (points: Point[]) => { const night = nights[points[0]?.dataIndex ?? 0] as Night; return [f.dayWithYear(night.local_date), `Asleep ${f.hoursMinutes((night.asleep_minutes ?? 0) * 60)}`, ...STAGES.map(([key, text]) => `${text} ${night[key] === null ? "–" : f.hoursMinutes((night[key] as number) * 60)}`)].join("\n"); } },
      series: STAGES.map(([key, , tint]) => ({ type: "bar", stack: "night", name: key, barMaxWidth: 26, data: nights.map((night) => (night[key] === null ? null : (night[key] as number) / 60)), itemStyle: { color: colour(tint) } })),
    }),
    table: () => ({ head: ["Night to", "Asleep", ...STAGES.map(([, text]) => text)], rows: nights.map((night) => [f.dayWithYear(night.local_date), f.hoursMinutes((night.asleep_minutes ?? 0) * 60), ...STAGES.map(([key]) => (night[key] === null ? "–" : f.hoursMinutes((night[key] as number) * 60)))]).reverse() }),
  });
}

function clock(nights: Night[]): HTMLElement | null {
  const known = nights.filter((night) => night.from_hour !== null && night.to_hour !== null);
  if (!known.length) return null;
  const days = known.map((night) => night.local_date);
  const low = Math.floor(Math.min(...known.map((night) => night.from_hour as number)));
  const node = figure({
    name: "sleep clock", title: "From when to when", summary: "Hours in bed by the clock.",
    option: () => ({
      xAxis: axis(days), yAxis: { type: "value", min: 0, max: Math.ceil(Math.max(...known.map((night) => night.to_hour as number))) - low, inverse: true, axisLabel: { formatter: (hours: number) => f.clockHour(hours + low) } },
      tooltip: { axisPointer: { type: "shadow" }, formatter: (points: Point[]) => { const night = known[points[0]?.dataIndex ?? 0] as Night; return `${f.dayWithYear(night.local_date)}\n${f.clockHour(night.from_hour as number)} to ${f.clockHour(night.to_hour as number)}`; } },
      series: [
        { type: "bar", stack: "clock", name: "before", data: known.map((night) => (night.from_hour as number) - low), itemStyle: { color: "transparent" }, emphasis: { disabled: true }, barMaxWidth: 18 },
        { type: "bar", stack: "clock", name: "in bed", data: known.map((night) => (night.to_hour as number) - (night.from_hour as number)), itemStyle: { color: colour("ctl"), borderRadius: 4 }, barMaxWidth: 18 },
      ],
    }),
    table: () => ({ head: ["Night to", "From", "To"], rows: known.map((night) => [f.dayWithYear(night.local_date), f.clockHour(night.from_hour as number), f.clockHour(night.to_hour as number)]).reverse() }),
  });
  node.classList.add("half");
  return node;
}

function health(data: Sleep): HTMLElement[] {
  const { local_date: days } = data.health;
  const one = (name: string, title: string, values: (number | null)[], unit: string, tint: string, digits: number) => {
    if (!values.some((value) => value !== null)) return null;
    const node = figure({
      name, title, summary: `${values.filter((value) => value !== null).length} nights.`,
      option: () => ({
        xAxis: axis(days), yAxis: { type: "value", name: unit, scale: true, ...(unit === "%" ? { max: 100, min: ({ min }: { min: number }) => Math.floor(min) - 1 } : {}) },
        tooltip: { formatter: (points: Point[]) => { const n = points[0]?.dataIndex ?? 0; return `${f.dayWithYear(days[n] as string)}\n${f.round(values[n], digits)} ${unit}`; } },
        series: [lineOf(name, colour(tint), values)],
      }),
      table: () => ({ head: ["Day", unit], rows: days.map((day, n) => [f.dayWithYear(day), f.round(values[n], digits)]).reverse() }),
    });
    node.classList.add("half");
    return node;
  };
  return [one("hrv", "Heart-rate variability (RMSSD)", data.health.hrv_rmssd_ms, "ms", "heart", 0), one("breathing", "Breathing", data.health.breathing_rate_per_minute, "per minute", "fitbit", 1), one("oxygen", "Blood oxygen", data.health.blood_oxygen_percent, "%", "ctl", 1)].filter((node): node is HTMLElement => node !== null);
}
