// One activity: its course, zones, laps, efforts, and why its records were merged, with the last word for the athlete.
import { get, post, Refused } from "../api";
import { colour, figure, lineOf, type Point, register } from "../charts";
import { badge, card, empty, h, PROVIDERS, pick, svg, table } from "../dom";
import * as f from "../format";
import type { Page } from "../page";

type Values = (number | null)[] | null;
interface Record_ { provider: string; provider_activity_id: string; acquired_via: string; relation: string; is_primary: boolean; wall_ms: number; started_at: string; ended_at: string; distance_m: number | null }
interface Pair {
  activity_id: string; other_activity_id: string; provider: string; provider_activity_id: string; other_provider: string; other_provider_activity_id: string; relation: string; matched_by: string; match_score: number | null; decision: string | null;
  overlap_over_union: number | null; containment: number | null; start_difference_seconds: number | null; end_difference_seconds: number | null; duration_ratio: number | null; distance_ratio: number | null; sport_fit: string;
  shared_heart_rate_minutes: number | null; heart_rate_difference_bpm: number | null; heart_rate_correlation: number | null; has_one_body: boolean; has_two_bodies: boolean; has_provenance: boolean; is_one_device: boolean;
}
interface Decision { provider: string; provider_activity_id: string; other_provider: string; other_provider_activity_id: string; decision: string }
interface Zone { scheme: string; zone: number; lower_bpm: number; upper_bpm: number | null; seconds: number }
interface Lap { provider: string; is_split: boolean; lap_number: number; lap_name: string | null; elapsed_seconds: number | null; distance_m: number | null; avg_hr_bpm: number | null; ascent_m: number | null }
interface Activity {
  activity: {
    activity_id: string; wall_ms: number; sport_family: string; sport: string | null; title: string | null; distance_m: number | null; moving_seconds: number | null; elapsed_seconds: number | null; ascent_m: number | null; energy_kcal: number | null;
    avg_hr_bpm: number | null; max_hr_bpm: number | null; source_of_distance: string | null; source_of_heart_rate: string | null; source_of_title: string | null; local_date: string; primary_provider: string;
  };
  heart_rate: { trimp: number | null; hrtss: number | null; covered_percent: number | null; decoupling_percent: number | null; decoupling_basis: string | null } | null;
  zones: Zone[]; efforts: { metric: string; window_seconds: number; value: number | null }[]; laps: Lap[];
  trace: { step_seconds: number; elapsed_seconds: number[]; heart_rate_bpm: Values; speed_mps: Values; altitude_m: Values; cadence_rpm: Values; power_w: Values };
  route: { latitude_deg: number[]; longitude_deg: number[]; elapsed_seconds: number[] } | null;
  sources: Record_[]; pairs: Pair[]; decisions: Decision[]; can_decide: boolean;
}

export async function activityView(page: Page): Promise<HTMLElement> {
  const id = page.path[1] as string;
  const data = await get<Activity>(`/api/activities/${encodeURIComponent(id)}`, { athlete: page.athlete.athlete_id }, page.signal);
  const a = data.activity;
  register("activity", () => [{ name: "activity", data: [a] }, { name: "sources", data: data.sources }]);
  const head = h("div", { class: "head" }, h("div", {},
    h("p", {}, h("a", { href: page.href("/activities") }, "Activities")), h("h1", {}, a.title ?? f.sportName(a.sport_family)),
    h("p", { class: "sub" }, `${f.sportName(a.sport_family)}, ${f.wallDayTime(a.wall_ms)} local time`)),
    h("div", { class: "badges" }, ...data.sources.map((source) => badge(source.provider, source.is_primary ? "· times" : source.relation === "same" ? "" : `· ${f.words(source.relation).toLowerCase()}`)), h("a", { href: page.href(`/heart-rate/${a.local_date}`) }, "The whole day")));
  return h("div", {}, head, h("div", { class: "grid" }, facts(data), ...course(page, data), zones(page, data), efforts(data), laps(data), merging(page, data)));
}

function facts(data: Activity): HTMLElement {
  const { activity: a, heart_rate: hr } = data;
  const from = (provider: string | null) => provider && h("small", {}, `from ${PROVIDERS[provider] ?? provider}`);
  const fact = (name: string, value: string, more: ReturnType<typeof from> | false = null) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more || null));
  const seconds = a.moving_seconds ?? a.elapsed_seconds;
  return h("section", { class: "card", "aria-label": "Facts" }, h("dl", { class: "facts" },
    fact("Distance", a.distance_m ? f.withDistance(a.distance_m) : "–", from(a.distance_m ? a.source_of_distance : null)),
    fact("Moving", f.duration(a.moving_seconds)), fact("Elapsed", f.duration(a.elapsed_seconds)),
    fact(a.sport_family === "running" || a.sport_family === "walking" || a.sport_family === "swimming" ? "Pace" : "Speed", a.distance_m && seconds ? f.speed(a.distance_m / seconds, a.sport_family) : "–"),
    fact("Ascent", a.ascent_m === null ? "–" : `${f.climb(a.ascent_m)} ${f.climbUnit()}`),
    fact("Heart rate", a.avg_hr_bpm ? `${f.round(a.avg_hr_bpm)} / ${f.round(a.max_hr_bpm)} bpm` : "–", a.avg_hr_bpm ? h("small", {}, `average / highest, from ${PROVIDERS[a.source_of_heart_rate ?? ""] ?? "–"}`) : null),
    fact("Load", hr?.trimp ? `${f.round(hr.trimp)}` : "–", h("small", {}, hr?.hrtss ? `TRIMP; hrTSS ${f.round(hr.hrtss)}` : "TRIMP")),
    fact("Energy", a.energy_kcal ? `${f.round(a.energy_kcal)} kcal` : "–"),
    hr?.decoupling_percent !== null && hr?.decoupling_percent !== undefined ? fact("Decoupling", `${f.round(hr.decoupling_percent, 1)} %`, h("small", {}, `heart rate against ${hr.decoupling_basis}`)) : null,
    hr?.covered_percent ? fact("Heart rate covers", `${f.round(hr.covered_percent)} %`) : null));
}

const zoneScheme = (data: Activity, wanted: string | null): string | null => {
  const schemes = [...new Set(data.zones.map((zone) => zone.scheme))];
  return wanted && schemes.includes(wanted) ? wanted : (["own", "%HRmax", "polar"].find((name) => schemes.includes(name)) ?? schemes[0] ?? null);
};

function course(page: Page, data: Activity): HTMLElement[] {
  const { trace, activity: a } = data;
  const scheme = zoneScheme(data, page.query.get("zones"));
  const bands = data.zones.filter((zone) => zone.scheme === scheme);
  const minutes = trace.elapsed_seconds.map((second) => second / 60);
  const pairs = (values: (number | null)[]) => minutes.map((minute, n) => [minute, values[n] ?? null]);
  const axis = { type: "value", min: 0, max: minutes.at(-1), splitLine: { show: false }, axisLabel: { formatter: (minute: number) => f.duration(minute * 60) } };
  const nodes: HTMLElement[] = [];
  const chart = (name: string, title: string, values: (number | null)[], unit: string, tint: string, size: string, words: (value: number) => string, more: object = {}, yAxis: object = {}) => figure({
    name, title, size, summary: `From ${words(Math.min(...known(values)))} to ${words(Math.max(...known(values)))}.`,
    option: () => ({
      grid: { left: 46, right: 14, top: 24, bottom: 24 }, xAxis: axis, yAxis: { type: "value", name: unit, scale: true, ...yAxis },
      tooltip: { formatter: (points: Point[]) => { const value = (points[0]?.value as number[] | undefined) ?? []; return `${f.duration((value[0] ?? 0) * 60)}\n${value[1] === null || value[1] === undefined ? "–" : words(value[1])}`; } },
      series: [lineOf(name, colour(tint), pairs(values), { lineStyle: { width: 1.6, color: colour(tint) }, ...more })],
    }),
  });
  const hr = trace.heart_rate_bpm;
  if (hr && known(hr).length) {
    const node = chart("heart rate trace", "Heart rate", hr, "bpm", "heart", "", (value) => `${f.round(value)} bpm`, {
      markArea: { silent: true, label: { show: false }, data: bands.map((zone) => [{ yAxis: zone.lower_bpm, itemStyle: { color: colour(`zone-${zone.zone}`), opacity: 0.13 } }, { yAxis: zone.upper_bpm ?? 250 }]) },
    });
    nodes.push(node);
  } else {
    nodes.push(card("Heart rate", null, empty("No heart-rate samples", a.avg_hr_bpm ? "Only an average was recorded." : "Nothing measured the heart in this activity.")));
  }
  const smooth = smoothed(trace.speed_mps, Math.max(1, Math.round(20 / trace.step_seconds)));
  if (smooth && known(smooth).length) {
    const feet = a.sport_family === "running" || a.sport_family === "walking";
    // Standing still has no pace; slower than 20 minutes is standing still.
    const shown = feet ? smooth.map((value) => (value && f.metresPerDistance() / value < 1200 ? f.metresPerDistance() / value / 60 : null)) : smooth.map((value) => (value === null ? null : f.toSpeed(value)));
    const node = chart("speed trace", feet ? "Pace" : "Speed", shown, feet ? `min/${f.distanceUnit()}` : f.speedUnit(), "ctl", "low", (value) => (feet ? `${f.duration(value * 60)} /${f.distanceUnit()}` : `${f.round(value, 1)} ${f.speedUnit()}`), {}, feet ? { inverse: true, max: slowest(known(shown)), nameLocation: "start", axisLabel: { formatter: (minutes: number) => f.duration(minutes * 60) } } : {});
    node.classList.add(data.route || trace.altitude_m ? "half" : "all");
    nodes.push(node);
  }
  if (trace.altitude_m && known(trace.altitude_m).length) {
    const node = chart("altitude trace", "Altitude", trace.altitude_m.map((value) => (value === null ? null : f.toClimb(value))), f.climbUnit(), "tsb", "low", (value) => `${f.round(value)} ${f.climbUnit()}`, { areaStyle: { color: colour("tsb"), opacity: 0.25, origin: "start" } });
    node.classList.add("half");
    nodes.push(node);
  }
  if (trace.power_w && known(trace.power_w).length) nodes.push(chart("power trace", "Power", smoothed(trace.power_w, 5) as (number | null)[], "W", "atl", "low", (value) => `${f.round(value)} W`));
  if (data.route && data.route.latitude_deg.length > 1) nodes.push(route(data, bands));
  return nodes;
}
// The scale leaves out the slowest steps around a stop, which would press all the rest flat.
const slowest = (paces: number[]): number => Math.ceil([...paces].sort((a, b) => a - b)[Math.floor(paces.length * 0.97)] ?? 10);
const known = (values: (number | null)[]): number[] => values.filter((value): value is number => value !== null);

function smoothed(values: Values, window: number): Values {
  if (!values) return null;
  return values.map((value, n) => {
    if (value === null) return null;
    const near = known(values.slice(Math.max(0, n - Math.floor(window / 2)), n + Math.ceil(window / 2) + 1));
    return near.reduce((sum, one) => sum + one, 0) / near.length;
  });
}

// Drawn to scale, without a map: no tile server learns where somebody lives.
function route(data: Activity, bands: Zone[]): HTMLElement {
  const { latitude_deg: lat, longitude_deg: lon, elapsed_seconds: at } = data.route as NonNullable<Activity["route"]>;
  const middle = (Math.min(...lat) + Math.max(...lat)) / 2;
  const scale = Math.cos((middle * Math.PI) / 180);
  const west = Math.min(...lon);
  const north = Math.max(...lat);
  const wide = Math.max((Math.max(...lon) - west) * scale, 1e-6);
  const high = Math.max(north - Math.min(...lat), 1e-6);
  const unit = Math.min(460 / wide, 300 / high);
  const x = (n: number) => 20 + ((lon[n] as number) - west) * scale * unit;
  const y = (n: number) => 20 + (north - (lat[n] as number)) * unit;
  const hr = data.trace.heart_rate_bpm;
  const zoneAt = (n: number) => {
    const bpm = hr?.[Math.floor((at[n] as number) / data.trace.step_seconds)];
    return bpm ? (bands.findLast((zone) => bpm >= zone.lower_bpm)?.zone ?? 0) : 0;
  };
  const picture = svg("svg", { class: "route", viewBox: `0 0 ${(40 + wide * unit).toFixed(0)} ${(62 + high * unit).toFixed(0)}`, role: "img", "aria-label": "The route, north is up, coloured by heart-rate zone" });
  let from = 0;
  for (let n = 1; n < lat.length; n += 1) {
    if (n < lat.length - 1 && zoneAt(n) === zoneAt(from)) continue;
    const points = Array.from({ length: n - from + 1 }, (_, k) => `${x(from + k).toFixed(1)},${y(from + k).toFixed(1)}`).join(" ");
    const zone = zoneAt(from);
    picture.append(svg("polyline", { points, fill: "none", stroke: zone ? `var(--zone-${zone})` : "var(--accent)", "stroke-width": 3.2, "stroke-linecap": "round", "stroke-linejoin": "round" }));
    from = n;
  }
  const spot = (n: number, fill: string, name: string) => svg("g", {}, svg("title", {}, name), svg("circle", { cx: x(n), cy: y(n), r: 6, fill, stroke: "var(--card)", "stroke-width": 2 }));
  picture.append(spot(lat.length - 1, "var(--text)", "End"), spot(0, "var(--good)", "Start"));
  const bar = niceLength(wide / scale * 111_320 * scale);
  const pixels = (bar / 111_320) * unit;
  picture.append(svg("path", { d: `M20 ${(57 + high * unit).toFixed(1)}h${pixels.toFixed(1)}`, stroke: "var(--soft)", "stroke-width": 2 }), svg("text", { x: 20, y: 51 + high * unit, fill: "var(--soft)", "font-size": 11 }, bar >= 1000 ? `${bar / 1000} km` : `${bar} m`));
  register("route", () => [{ name: "latitude", data: lat }, { name: "longitude", data: lon }]);
  const node = card("Route", "north is up; colours: zones", picture);
  node.classList.add("half");
  return node;
}
function niceLength(metres: number): number {
  const rough = metres / 4;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  return ([5, 2, 1].find((step) => step * power <= rough) ?? 1) * power;
}

const SCHEMES: Record<string, string> = { own: "Your own", "%HRmax": "% of maximum", "%HRR": "% of reserve", "%LTHR": "% of threshold", polar: "Polar", strava: "Strava", fitbit: "Fitbit" };
function zones(page: Page, data: Activity): HTMLElement | null {
  const scheme = zoneScheme(data, page.query.get("zones"));
  if (!scheme) return null;
  const rows = data.zones.filter((zone) => zone.scheme === scheme);
  const all = rows.reduce((sum, zone) => sum + zone.seconds, 0);
  const schemes = [...new Set(data.zones.map((zone) => zone.scheme))];
  register("activity zones", () => [{ name: scheme, data: rows.map((zone) => zone.seconds) }]);
  const node = card("Time in zones", schemes.length > 1 ? chooser(page, schemes, scheme) : SCHEMES[scheme] ?? scheme, h("div", { class: "zones" }, ...rows.map((zone) => h("div", { class: "zone" },
    h("span", {}, `Zone ${zone.zone} `, h("span", { class: "note" }, zone.upper_bpm ? `${f.round(zone.lower_bpm)}–${f.round(zone.upper_bpm - 1)}` : `≥ ${f.round(zone.lower_bpm)}`)),
    h("span", { class: "track" }, svg("svg", { "aria-hidden": "true" }, svg("rect", { width: `${all ? (100 * zone.seconds) / all : 0}%`, height: "100%", fill: `var(--zone-${zone.zone})` }))),
    h("b", {}, `${f.duration(zone.seconds)} · ${all ? f.round((100 * zone.seconds) / all) : 0} %`)))));
  node.classList.add("half");
  return node;
}
function chooser(page: Page, schemes: string[], chosen: string): HTMLElement {
  if (schemes.length <= 3) return pick("Zones", schemes.map((name) => [name, SCHEMES[name] ?? name]), chosen, (name) => page.change({ zones: name }));
  return h("select", { "aria-label": "Zones", change: (event) => page.change({ zones: (event.target as HTMLSelectElement).value }) }, ...schemes.map((name) => h("option", { value: name, selected: name === chosen }, SCHEMES[name] ?? name)));
}

function efforts(data: Activity): HTMLElement | null {
  const found = data.efforts.filter((one) => one.value !== null);
  if (!found.length) return null;
  const metrics = [...new Set(found.map((one) => one.metric))];
  const windows = [...new Set(found.map((one) => one.window_seconds))].sort((a, b) => a - b);
  const value = (metric: string, window: number) => {
    const one = found.find((effort) => effort.metric === metric && effort.window_seconds === window);
    if (!one || one.value === null) return "–";
    return metric === "speed" ? f.speed(one.value, data.activity.sport_family) : `${f.round(one.value)} ${metric === "power" ? "W" : "bpm"}`;
  };
  register("efforts", () => [{ name: "efforts", data: found }]);
  const node = card("Best efforts", "highest average over a time", table(["Over", ...metrics.map(f.words)], windows.map((window) => [f.effortLength(window), ...metrics.map((metric) => value(metric, window))]), metrics.map((_, n) => n + 1)));
  node.classList.add("half");
  return node;
}

function laps(data: Activity): HTMLElement | null {
  if (!data.laps.length) return null;
  const first = data.laps.find((lap) => !lap.is_split) ?? (data.laps[0] as Lap);
  const rows = data.laps.filter((lap) => lap.provider === first.provider && lap.is_split === first.is_split);
  const node = card(first.is_split ? "Splits" : "Laps", `as ${PROVIDERS[first.provider] ?? first.provider} tells them`, table([first.is_split ? "Split" : "Lap", "Time", "Distance", "Pace", "Heart rate"], rows.map((lap) => [
    lap.lap_name ?? String(lap.lap_number), f.duration(lap.elapsed_seconds), f.withDistance(lap.distance_m), lap.distance_m && lap.elapsed_seconds ? f.speed(lap.distance_m / lap.elapsed_seconds, data.activity.sport_family) : "–", lap.avg_hr_bpm ? `${f.round(lap.avg_hr_bpm)} bpm` : "–"]), [1, 2, 3, 4]));
  node.classList.add("half");
  return node;
}

// --- why these records are one activity --------------------------------------------------------------------------

const FIT: Record<string, string> = { same: "the same sport", kin: "sports that devices take for each other", multisport: "a multisport record", generic: "a general sport, which fits every other", clash: "sports that do not fit" };
const BY: Record<string, string> = { override: "because you said so", provenance: "because one is a copy of the other's file", heart_rate: "because of their heart rates", measures: "because they measure the same", overlap: "because of their times" };
const percent = (share: number | null) => (share === null ? "–" : `${Math.round(share * 100)} %`);

function reasons(pair: Pair): string[] {
  const found = [];
  if (pair.has_provenance) found.push("the file name of one holds the id of the other: a relayed copy, certain");
  found.push(`${percent(pair.overlap_over_union)} of their time is common; the shorter one lies to ${percent(pair.containment)} inside the other`);
  if (pair.start_difference_seconds !== null) found.push(`they start ${f.duration(Math.abs(pair.start_difference_seconds))} apart and end ${f.duration(Math.abs(pair.end_difference_seconds ?? 0))} apart`);
  if (pair.duration_ratio !== null) found.push(`their lengths agree to ${percent(pair.duration_ratio)}${pair.distance_ratio !== null ? `, their distances to ${percent(pair.distance_ratio)}` : ""}`);
  if (pair.shared_heart_rate_minutes) found.push(`over ${pair.shared_heart_rate_minutes} common minutes the heart rates are ${f.round(pair.heart_rate_difference_bpm, 1)} bpm apart${pair.heart_rate_correlation !== null ? `, correlation ${f.round(pair.heart_rate_correlation, 2)}` : ""}: ${pair.has_one_body ? "one body" : pair.has_two_bodies ? "two bodies" : "no proof either way"}`);
  found.push(`${FIT[pair.sport_fit] ?? pair.sport_fit}${pair.is_one_device ? ", the same device" : ""}`);
  return found;
}

function merging(page: Page, data: Activity): HTMLElement {
  const inside = data.pairs.filter((pair) => pair.activity_id === pair.other_activity_id);
  const outside = data.pairs.filter((pair) => pair.activity_id !== pair.other_activity_id || pair.relation === "possible");
  const records = table(["Record", "Relation", "From", "Length", "Distance", "Id"], data.sources.map((source) => [
    badge(source.provider, source.acquired_via === "archive" ? "archive" : ""), source.is_primary ? "gives the times" : f.words(source.relation), f.wallTime(source.wall_ms), f.duration((Date.parse(source.ended_at) - Date.parse(source.started_at)) / 1000), f.withDistance(source.distance_m), source.provider_activity_id]), [3, 4]);
  const title = data.sources.length > 1 ? "Why these records are one activity" : "Where it comes from";
  const status = h("p", { class: "note", role: "status" });
  const decide = async (pair: Pair, decision: "same" | "different" | "undo", button: HTMLButtonElement) => {
    button.disabled = true;
    try {
      await post("/api/decisions", {
        athlete: page.athlete.athlete_id, decision,
        one: { provider: pair.provider, provider_activity_id: pair.provider_activity_id }, other: { provider: pair.other_provider, provider_activity_id: pair.other_provider_activity_id },
      }, page.session.csrf);
      page.announce("Kept. The next build obeys it.");
      page.reload();
    } catch (error) {
      button.disabled = false;
      status.textContent = error instanceof Refused ? `That was not kept: ${error.message}` : "That was not kept.";
    }
  };
  const button = (pair: Pair, decision: "same" | "different" | "undo", text: string) => {
    const node: HTMLButtonElement = h("button", { type: "button", "data-decision": decision, click: () => void decide(pair, decision, node) }, text);
    return node;
  };
  const item = (pair: Pair) => {
    const together = pair.activity_id === pair.other_activity_id;
    const made = data.decisions.find((known) => sameRecords(known, pair));
    const pending = made && made.decision !== pair.decision;
    const says = made ? (made.decision === "force_same" ? "You said: the same." : "You said: different.") : "";
    return h("li", { class: "pair" }, h("div", { class: "row" }, h("span", { class: "badges" }, badge(pair.provider), badge(pair.other_provider), h("span", { class: `badge ${together ? "good" : "warn"}` }, together ? f.words(pair.relation) : pair.relation === "possible" ? "Possible" : "Different")),
      h("span", { class: "note" }, `${together ? "Merged " : ""}${BY[pair.matched_by] ?? pair.matched_by}, score ${f.round(pair.match_score, 2)}`)),
      h("ul", {}, ...reasons(pair).map((reason) => h("li", {}, reason))),
      data.can_decide && h("div", { class: "row" }, made ? h("span", { class: "note" }, `${says} ${pending ? "The next build obeys: fit-platform update." : ""}`) : h("span", {}),
        h("span", { class: "badges" }, made && button(pair, "undo", "Take that back"), made?.decision !== "force_different" && together && button(pair, "different", "These are different"), made?.decision !== "force_same" && !together && button(pair, "same", "These are the same"))));
  };
  register("pairs", () => [{ name: "pairs", data: data.pairs }, { name: "decisions", data: data.decisions }]);
  return card(title, `${data.sources.length} ${data.sources.length === 1 ? "record" : "records"}`, records, status,
    inside.length ? h("ul", { class: "pairs" }, ...inside.map(item)) : null,
    outside.length ? h("div", {}, h("h2", {}, "Compared, and not merged"), h("ul", { class: "pairs" }, ...outside.filter((pair) => !inside.includes(pair)).map(item))) : null);
}
function sameRecords(known: Decision, pair: Pair): boolean {
  const a = `${known.provider} ${known.provider_activity_id}`;
  const b = `${known.other_provider} ${known.other_provider_activity_id}`;
  const c = `${pair.provider} ${pair.provider_activity_id}`;
  const d = `${pair.other_provider} ${pair.other_provider_activity_id}`;
  return (a === c && b === d) || (a === d && b === c);
}
