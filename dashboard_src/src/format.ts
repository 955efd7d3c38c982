// Numbers, times and units as people read them. Values arrive in metres, seconds and beats per minute.
export type Units = "metric" | "imperial";
let units: Units = (localStorage.getItem("units") as Units | null) ?? (navigator.language === "en-US" ? "imperial" : "metric");

export const unitSystem = (): Units => units;
export function setUnits(chosen: Units): void {
  units = chosen;
  localStorage.setItem("units", chosen);
}

const NONE = "–";
const number = (value: number, digits = 0) => value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const round = (value: number | null | undefined, digits = 0): string => (value === null || value === undefined ? NONE : number(value, digits));
export const distanceUnit = (): string => (units === "metric" ? "km" : "mi");
export const metresPerDistance = (): number => (units === "metric" ? 1000 : 1609.344);
export const climbUnit = (): string => (units === "metric" ? "m" : "ft");
export const toClimb = (metres: number): number => (units === "metric" ? metres : metres / 0.3048);
export const speedUnit = (): string => (units === "metric" ? "km/h" : "mph");
export const toSpeed = (mps: number): number => (mps * 3600) / metresPerDistance();

export function distance(metres: number | null | undefined): string {
  if (metres === null || metres === undefined) return NONE;
  const value = metres / metresPerDistance();
  return number(value, value < 100 ? 1 : 0);
}
export const withDistance = (metres: number | null | undefined): string => (metres ? `${distance(metres)} ${distanceUnit()}` : NONE);
export const climb = (metres: number | null | undefined): string => (metres === null || metres === undefined ? NONE : number(toClimb(metres)));

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NONE;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
export function hoursMinutes(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NONE;
  const minutes = Math.round(seconds / 60);
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}` : `${minutes} min`;
}
export const pace = (mps: number): string => `${duration(metresPerDistance() / mps)} /${distanceUnit()}`;
export function speed(mps: number | null | undefined, sport: string): string {
  if (!mps) return NONE;
  if (sport === "running" || sport === "walking") return pace(mps);
  if (sport === "swimming") return `${duration(100 / mps)} /100 m`;
  return `${number(toSpeed(mps), 1)} ${speedUnit()}`;
}

const day = (text: string): Date => new Date(`${text.slice(0, 10)}T00:00:00Z`);
const write = (when: Date, options: Intl.DateTimeFormatOptions) => when.toLocaleString("en-GB", { timeZone: "UTC", ...options });
export const shortDay = (text: string): string => write(day(text), { day: "numeric", month: "short" });
export const longDay = (text: string): string => write(day(text), { weekday: "long", day: "numeric", month: "long", year: "numeric" });
export const dayWithYear = (text: string): string => write(day(text), { day: "numeric", month: "short", year: "numeric" });
// Wall-clock times come as milliseconds that are to be shown as if they were UTC.
export const wallTime = (ms: number): string => write(new Date(ms), { hour: "2-digit", minute: "2-digit" });
export const wallDayTime = (ms: number): string => write(new Date(ms), { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const wallDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
export const instant = (text: string | null | undefined): string =>
  text ? new Date(text).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }) : NONE;
export function addDays(text: string, days: number): string {
  const when = day(text);
  when.setUTCDate(when.getUTCDate() + days);
  return when.toISOString().slice(0, 10);
}
export function clockHour(hours: number): string {
  const minutes = Math.round((((hours % 24) + 24) % 24) * 60) % 1440;
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

const SPORTS: Record<string, [string, string]> = {
  running: ["Running", "#2f6fed"], cycling: ["Cycling", "#e07b1a"], swimming: ["Swimming", "#12a5a5"], walking: ["Walking", "#5f9e3a"],
  strength: ["Strength", "#9159d1"], mind_body: ["Yoga and mobility", "#c2569b"], rowing: ["Rowing", "#2d8fb8"], snow: ["Snow", "#6aa7d8"],
  team_sport: ["Team sport", "#b5852b"], racket: ["Racket", "#8a9a1f"], combat: ["Combat", "#b24a3f"], dance: ["Dance", "#d06aa8"],
  multisport: ["Multisport", "#5a6ad0"], elliptical: ["Elliptical", "#7a8fa6"], skating: ["Skating", "#4f9fc4"], water: ["Water sport", "#1f93a8"], other: ["Other", "#8b93a3"],
};
export const sportName = (family: string | null): string => (family ? (SPORTS[family]?.[0] ?? words(family)) : NONE);
export const sportColour = (family: string): string => SPORTS[family]?.[1] ?? "#8b93a3";
export function words(text: string): string {
  const spaced = text.replaceAll("_", " ").toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
export function effortLength(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
}
