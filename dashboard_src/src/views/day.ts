// One day's heart rate, every sample of it.
import { get } from "../api";
import { colour, figure, lineOf, type Point } from "../charts";
import { badge, card, empty, h, table } from "../dom";
import * as f from "../format";
import type { Page } from "../page";

interface Day {
  local_date: string;
  facts: Record<string, number | null> | null;
  samples: { provider: string; feed: string; second: number[]; bpm: number[] }[];
  hours: { local_hour: number[]; max_bpm: number[]; avg_bpm: number[]; min_bpm: number[]; covered_minutes: number[]; cadence_seconds: (number | null)[]; provider: string[] };
  activities: { activity_id: string; title: string | null; sport_family: string; from_second: number; to_second: number; max_hr_bpm: number | null }[];
}
const COLOURS: Record<string, string> = { fitbit: "fitbit", polar: "ctl", strava: "strava" };
const PAUSE_SECONDS = 900; // a line over a longer gap would claim what nobody measured

export async function dayView(page: Page): Promise<HTMLElement> {
  const day = page.path[1] as string;
  const data = await get<Day>(`/api/heart-rate/${encodeURIComponent(day)}`, { athlete: page.athlete.athlete_id }, page.signal);
  const head = h("div", { class: "head" },
    h("div", {}, h("p", {}, h("a", { href: page.href("/heart-rate") }, "Heart rate")), h("h1", {}, f.longDay(data.local_date)), h("p", { class: "sub" }, "Local time")),
    h("div", { class: "filters" }, h("a", { href: page.href(`/heart-rate/${f.addDays(day, -1)}`), rel: "prev" }, "← Day before"), h("a", { href: page.href(`/heart-rate/${f.addDays(day, 1)}`), rel: "next" }, "Day after →")));
  const facts = data.facts;
  if (!facts || !data.samples.length) {
    const words = facts ? "The published copy holds this day by the hour only." : "No device measured on this day.";
    return h("div", {}, head, h("div", { class: "grid" }, card(facts ? "No single samples" : "No heart rate", null, empty(words, "Look at another day.")), facts && hours(data)));
  }
  return h("div", {}, head, h("div", { class: "grid" }, tiles(facts), samples(data), activities(page, data), hours(data)));
}

function tiles(facts: Record<string, number | null>): HTMLElement {
  const tile = (name: string, value: string, unit: string, detail = "") => h("dl", { class: "tile", "data-tile": name }, h("dt", {}, name), h("dd", { class: "value" }, value, h("small", {}, unit)), h("dd", { class: "change" }, detail));
  return h("div", { class: "tiles" },
    tile("Maximum", f.round(facts.max_bpm), "bpm"), tile("Average", f.round(facts.avg_bpm), "bpm"), tile("Minimum", f.round(facts.min_bpm), "bpm"),
    tile("Resting", f.round(facts.resting_bpm, 1), "bpm", facts.resting_bpm_provider ? `provider: ${f.round(facts.resting_bpm_provider)}` : ""),
    tile("Worn", f.hoursMinutes((facts.worn_minutes ?? 0) * 60), "", `${(facts.sample_count ?? 0).toLocaleString("en-GB")} samples`));
}

function samples(data: Day): HTMLElement {
  const midnight = Date.parse(`${data.local_date}T00:00:00Z`);
  const series = data.samples.map((one) => {
    const points: (number | null)[][] = [];
    one.second.forEach((second, n) => {
      const before = one.second[n - 1];
      if (before !== undefined && second - before > (one.feed === "activity" ? 60 : PAUSE_SECONDS)) points.push([midnight + (before + 1) * 1000, null]);
      points.push([midnight + second * 1000, one.bpm[n] as number]);
    });
    return { one, points };
  });
  const name = (one: { provider: string; feed: string }) => `${one.provider}${one.feed === "activity" ? " recording" : ""}`;
  return figure({
    name: "day samples", title: "Every sample", size: "tall", summary: `${data.samples.reduce((sum, one) => sum + one.second.length, 0)} samples.`,
    legend: data.samples.map((one) => [f.words(name(one)), one.feed === "activity" ? "heart" : (COLOURS[one.provider] ?? "soft")]),
    note: "Shaded: activities. Scroll with Ctrl to zoom.",
    option: () => ({
      xAxis: { type: "time", min: midnight, max: midnight + 86_400_000, splitLine: { show: false }, axisLabel: { formatter: (ms: number) => f.wallTime(ms) } },
      yAxis: { type: "value", name: "bpm", scale: true },
      dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, moveOnMouseMove: "shift" }],
      tooltip: { formatter: (points: Point[]) => [f.wallTime(Number(points[0]?.axisValue)), ...points.filter((p) => Array.isArray(p.value) && p.value[1] !== null).map((p) => `${f.words(p.seriesName)} ${(p.value as number[])[1]}`)].join("\n") },
      series: series.map(({ one, points }, n) => lineOf(name(one), colour(one.feed === "activity" ? "heart" : (COLOURS[one.provider] ?? "soft")), points, {
        lineStyle: { width: 1.2 }, sampling: "lttb",
        ...(n === 0 ? { markArea: { silent: true, itemStyle: { color: colour("accent"), opacity: 0.1 }, data: data.activities.map((a) => [{ xAxis: midnight + a.from_second * 1000 }, { xAxis: midnight + a.to_second * 1000 }]) } } : {}),
      })),
    }),
  });
}

function activities(page: Page, data: Day): HTMLElement | null {
  if (!data.activities.length) return null;
  return card("Activities of the day", null, table(["Activity", "From", "Length", "Highest"], data.activities.map((one) => [
    h("a", { href: page.href(`/activities/${one.activity_id}`) }, one.title ?? f.sportName(one.sport_family)), f.clockHour(one.from_second / 3600), f.hoursMinutes(one.to_second - one.from_second), one.max_hr_bpm ? `${f.round(one.max_hr_bpm)} bpm` : "–"]), [1, 2, 3]));
}

function hours(data: Day): HTMLElement {
  const { hours: rows } = data;
  return card("Hour by hour", null, h("details", { class: "data" }, h("summary", {}, `${rows.local_hour.length} hours`), table(["Hour", "Maximum", "Average", "Minimum", "Covered", "Cadence", "Source"], rows.local_hour.map((hour, n) => [
    `${String(hour).padStart(2, "0")}:00`, f.round(rows.max_bpm[n]), f.round(rows.avg_bpm[n], 1), f.round(rows.min_bpm[n]), `${f.round(rows.covered_minutes[n])} min`, rows.cadence_seconds[n] ? `${f.round(rows.cadence_seconds[n])} s` : "–", badge(rows.provider[n] as string)]), [1, 2, 3, 4, 5])));
}
