// The page: its frame, its address, and which view fills it.
import { get, post, Refused, type Session } from "./api";
import { clearCharts, redrawCharts } from "./charts";
import { h, pick, replace, withCode } from "./dom";
import { setUnits, type Units, unitSystem } from "./format";
import type { Page, View } from "./page";
import { activitiesView } from "./views/activities";
import { activityView } from "./views/activity";
import { dayView } from "./views/day";
import { heartRateView } from "./views/heart_rate";
import { overviewView } from "./views/overview";
import { pipelineView } from "./views/pipeline";
import { sleepView } from "./views/sleep";

const top = document.querySelector("#top") as HTMLElement;
const main = document.querySelector("#main") as HTMLElement;
const bottom = document.querySelector("#bottom") as HTMLElement;
const announcer = document.querySelector("#announcer") as HTMLElement;
const PAGES: [string, string][] = [["/", "Overview"], ["/heart-rate", "Heart rate"], ["/activities", "Activities"], ["/sleep", "Sleep"], ["/pipeline", "Pipeline"]];
const THEMES: [string, string][] = [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]];

let session: Session | null = null;
let running = new AbortController();

const systemDark = matchMedia("(prefers-color-scheme: dark)");
function theme(): void {
  const chosen = localStorage.getItem("theme") ?? "auto";
  document.documentElement.dataset.theme = chosen === "auto" ? (systemDark.matches ? "dark" : "light") : chosen;
  redrawCharts();
}
theme();
systemDark.addEventListener("change", theme);

function viewOf(path: string[]): View | null {
  const [first = "", second] = path;
  if (first === "") return overviewView;
  if (first === "heart-rate") return second ? dayView : heartRateView;
  if (first === "activities") return second ? activityView : activitiesView;
  if (first === "sleep") return sleepView;
  if (first === "pipeline") return pipelineView;
  return null;
}

function href(path: string, query: Record<string, string> = {}): string {
  const asked = new URLSearchParams(query);
  const athlete = asked.get("athlete") ?? chosenAthlete()?.athlete_id;
  if (athlete) asked.set("athlete", athlete);
  return asked.size ? `${path}?${asked}` : path;
}

function chosenAthlete() {
  const asked = new URLSearchParams(location.search).get("athlete") ?? localStorage.getItem("athlete");
  return session?.athletes.find((one) => one.athlete_id === asked) ?? session?.athletes[0];
}

function go(address: string, instead = false): void {
  history[instead ? "replaceState" : "pushState"](null, "", address);
  void show();
}

function frame(): void {
  const athlete = chosenAthlete();
  const here = `/${location.pathname.split("/")[1] ?? ""}`;
  const pages = PAGES.filter(([path]) => path !== "/pipeline" || session?.sees_pipeline);
  const links = pages.map(([path, text]) => h("a", { href: href(path), "aria-current": path === here ? "page" : null }, text));
  const chooser = (session?.athletes.length ?? 0) > 1 ? h("select", {
    "aria-label": "Athlete",
    change: (event) => {
      const chosen = (event.target as HTMLSelectElement).value;
      localStorage.setItem("athlete", chosen);
      // A day or an activity is one athlete's: from there, go up to the list.
      const path = location.pathname.startsWith("/activities/") ? "/activities" : location.pathname;
      const query = new URLSearchParams(location.search);
      query.set("athlete", chosen);
      go(`${path}?${query}`);
    },
  }, ...(session?.athletes ?? []).map((one) => h("option", { value: one.athlete_id, selected: one === athlete }, one.display_name))) : null;
  replace(top, h("div", { class: "bar" },
    h("a", { class: "brand", href: href("/"), "aria-label": athlete?.display_name && !chooser ? athlete.display_name : "Training" }, h("img", { src: "/assets/icon.svg", alt: "" }), h("span", {}, athlete?.display_name && !chooser ? athlete.display_name : "Training")),
    h("nav", { class: "pages", "aria-label": "Pages" }, ...links),
    h("div", { class: "tools" }, chooser)));
  replace(bottom, h("div", { class: "filters" },
    pick("Units", [["metric", "km"], ["imperial", "mi"]], unitSystem(), (chosen) => { setUnits(chosen as Units); void show(); }),
    pick("Colours", THEMES, localStorage.getItem("theme") ?? "auto", (chosen) => { localStorage.setItem("theme", chosen); theme(); frame(); }),
    h("span", {}, session?.sign_in === "none" ? "Only this machine can open this page." : `Signed in as ${session?.viewer ?? "nobody"}.`,
      session?.is_demo ? " Demo: every value is invented." : ""),
    session?.sign_in === "link" && h("button", { type: "button", class: "plain", click: () => void post("/api/leave", {}).then(() => location.assign("/")) }, "Sign out"),
    h("a", { href: "/assets/licences.txt" }, "Licences")));
}

async function show(): Promise<void> {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  main.setAttribute("aria-busy", "true");
  try {
    if (location.pathname === "/enter") await enter();
    session = await get<Session>("/api/session", {}, signal);
    frame();
    const node = await filled(signal);
    if (signal.aborted) return;
    clearCharts();
    replace(main, node);
  } catch (error) {
    if (signal.aborted) return;
    clearCharts();
    replace(main, problem(error));
    if (session === null) frame();
  }
  main.removeAttribute("aria-busy");
  const title = main.querySelector("h1")?.textContent ?? "Training";
  document.title = `${title} · Training`;
  document.body.dataset.shown = location.pathname + location.search;
}

async function filled(signal: AbortSignal): Promise<HTMLElement> {
  const path = location.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const view = viewOf(path);
  const athlete = chosenAthlete();
  if (view === null) return problem(new Refused(404, "there is no such page"));
  if (session?.nothing_published && view !== pipelineView) return problem(new Refused(503, session.nothing_published));
  const nobody = { athlete_id: "", display_name: "", timezone: "UTC", max_hr_bpm: null, resting_hr_bpm: null, is_shared: false };
  if (!athlete && view !== pipelineView) {
    return h("div", { class: "card empty" }, h("h1", {}, "Nothing to see yet"), h("p", {}, ...withCode("No athlete's data are open to you here. Link somebody with `fit-platform link`, or ask who runs this installation.")));
  }
  const query = new URLSearchParams(location.search);
  const page: Page = {
    session: session as Session, athlete: athlete ?? nobody, path, query, signal,
    change: (changes) => {
      for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
      go(`${location.pathname}?${query}`);
    },
    go: (target, asked) => go(href(target, asked)),
    href,
    announce: (text) => { announcer.textContent = text; },
    reload: () => void show(),
  };
  const node = await view(page);
  if (athlete?.is_shared) node.prepend(h("p", { class: "banner" }, `${athlete.display_name} shares this with you. What came over Strava's API is left out: Strava shows it to the athlete alone.`));
  return node;
}

async function enter(): Promise<void> {
  const token = location.hash.slice(1);
  if (token) await post("/api/enter", { token });
  history.replaceState(null, "", "/");
}

function problem(error: unknown): HTMLElement {
  const refused = error instanceof Refused ? error : null;
  if (refused === null) console.error(error);
  const title = refused === null ? "Something went wrong" : ({ 401: "Sign in first", 403: "Not for you", 404: "Not found", 503: session?.nothing_published ? "Nothing published yet" : "Not to be read now" } as Record<number, string>)[refused.status] ?? "That did not work";
  const detail = refused === null ? "The page could not be drawn; the browser's console says why." : refused.status === 401 ? "Open the link that you were given, or ask who runs this installation for one." : `${refused.message.charAt(0).toUpperCase()}${refused.message.slice(1)}.`;
  return h("div", { class: "card error", role: "alert" }, h("h1", {}, title), h("p", {}, ...withCode(detail)),
    h("p", {}, h("button", { type: "button", click: () => void show() }, "Try again")));
}

document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest("a");
  const address = link?.getAttribute("href");
  if (!link || !address?.startsWith("/") || address.startsWith("/assets/") || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const moved = new URL(address, location.href).pathname !== location.pathname;
  go(address);
  if (moved) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
});
addEventListener("popstate", () => void show());
void show();
