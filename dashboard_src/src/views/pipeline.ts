// Pipeline: is the data fresh, are the connections alive, what failed, what was removed.
import { get } from "../api";
import { register } from "../charts";
import { badge, card, type Child, empty, h, table } from "../dom";
import * as f from "../format";
import type { Page } from "../page";

interface Connection { provider: string; athlete_id: string; state: string; reason: string | null; expires_at: string | null; newest_day: Record<string, string>; missing_scopes: string[]; retention: number | string | null }
interface Quota { provider: string; budget: string; athlete_id: string | null; limit: number; used: number; left: number; kept_for_webhooks: number; resets_at: string | null }
interface Run { run_id: string; job: string; status: string; started_at: string | null; seconds: number | null; partitions: string; assets: number }
interface Check { asset: string; check: string; severity: string; at: string | null }
interface Facts {
  now: string; stale: Record<string, number | null>; runs: Run[]; checks: { passed: number; failed: Check[] };
  status: { target: string; connections: Connection[]; quota: Quota[]; last_build_at: string | null; published: string | null; quarantined_records: number | null; warehouse_busy: string | null };
  quarantine: { provider: string; resource: string; reason: string; records: number; newest_day: string }[] | null;
  receipts: { kind: string; athlete_id: string; providers: string[]; why: string; at: string; landing_objects: number; base_rows: number }[];
}
const STALE_DAYS = 3;
const mark = (text: string, tone: string) => h("span", { class: `badge ${tone}` }, text);
const STATES: Record<string, [string, string]> = { working: ["Working", "good"], expiring: ["Ends soon", "warn"], needs_consent: ["Needs consent", "bad"], revoked: ["Revoked", "bad"] };
const RUNS: Record<string, string> = { SUCCESS: "good", FAILURE: "bad", CANCELED: "warn", STARTED: "", QUEUED: "" };

export async function pipelineView(page: Page): Promise<HTMLElement> {
  const data = await get<Facts>("/api/pipeline", {}, page.signal);
  register("pipeline", () => [{ name: "connections", data: data.status.connections }, { name: "runs", data: data.runs }, { name: "checks", data: [data.checks] }]);
  const { status } = data;
  const bad = status.connections.filter((one) => one.state !== "working").length;
  const tile = (name: string, value: string, detail: string, tone = "") => h("dl", { class: "tile", "data-tile": name }, h("dt", {}, name), h("dd", { class: `value ${tone}` }, value), h("dd", { class: "change" }, detail));
  return h("div", {}, h("div", { class: "head" }, h("div", {}, h("h1", {}, "Pipeline"), h("p", { class: "sub" }, `As of ${f.instant(data.now)}; no provider was asked`)), h("button", { type: "button", click: () => page.reload() }, "Look again")),
    status.warehouse_busy && h("p", { class: "banner" }, `${status.warehouse_busy}. What is below without it is as of the last look.`),
    h("div", { class: "grid" },
      h("div", { class: "tiles" },
        tile("Connections", String(status.connections.length), bad ? `${bad} need you` : "all working", bad ? "down" : "up"),
        tile("Checks", String(data.checks.passed), data.checks.failed.length ? `${data.checks.failed.length} failing` : "passed, none failing", data.checks.failed.length ? "down" : ""),
        tile("In quarantine", status.quarantined_records === null ? "–" : f.round(status.quarantined_records), "records that could not become rows", status.quarantined_records ? "down" : ""),
        tile("Last build", f.instant(status.last_build_at), status.published ? "published" : "nothing published yet")),
      connections(data), checks(data), quarantine(data), runs(data), quota(status.quota), receipts(data)));
}

function connections(data: Facts): HTMLElement {
  const { connections: all } = data.status;
  if (!all.length) return card("Freshness and connections", null, empty("Nobody is linked", "Run `fit-platform link PROVIDER ATHLETE`, or `fit-platform demo`."));
  const rows = [...all].sort((a, b) => a.athlete_id.localeCompare(b.athlete_id) || a.provider.localeCompare(b.provider)).map((one): Child[] => {
    const [text, tone] = STATES[one.state] ?? [f.words(one.state), "warn"];
    const days = data.stale[`${one.athlete_id} ${one.provider}`] ?? null;
    const newest = Object.values(one.newest_day).sort().at(-1);
    const notes = [one.reason, one.expires_at ? `until ${one.expires_at.slice(0, 10)}` : null, one.missing_scopes.length ? `not granted: ${one.missing_scopes.join(", ")}` : null, typeof one.retention === "number" ? `kept ${one.retention} days` : null].filter(Boolean).join("; ");
    const age = days === null ? "no data yet" : days <= 0 ? "today" : days === 1 ? "yesterday" : `${f.round(days)} days ago`;
    return [one.athlete_id, badge(one.provider), mark(text, tone), newest ? f.dayWithYear(newest) : "–", mark(age, days === null || days > STALE_DAYS ? "warn" : "good"), notes || "–"];
  });
  return card("Freshness and connections", null, table(["Athlete", "Provider", "State", "Newest data", "Age", "Note"], rows));
}

function checks(data: Facts): HTMLElement {
  const { failed, passed } = data.checks;
  const node = card("Failing checks", `${passed} passed`, failed.length ? table(["Table", "Check", "How bad", "Since"], failed.map((one) => [one.asset, one.check, mark(one.severity, one.severity === "error" ? "bad" : "warn"), f.instant(one.at)])) : empty(passed ? "None" : "No check has run yet", passed ? "Every check of the last runs is green." : "They run with each build."));
  node.classList.add("half");
  return node;
}

function runs(data: Facts): HTMLElement {
  // Runs of `sync` and `demo` do not say how many assets they made: no column of dashes for them.
  const counted = data.runs.some((run) => run.assets > 0);
  const row = (run: Run): Child[] => [f.instant(run.started_at), mark(f.words(run.status), RUNS[run.status] ?? ""), run.seconds === null ? "–" : f.duration(run.seconds), run.partitions || "–", ...(counted ? [String(run.assets || "–")] : [])];
  const node = card("Last runs", null, data.runs.length ? table(["Started", "Status", "Took", "Days", ...(counted ? ["Assets"] : [])], data.runs.slice(0, 12).map(row), [2, 4]) : empty("No run yet", "Run `fit-platform sync`, or let the schedules do it."));
  node.classList.add("half");
  return node;
}

function quota(entries: Quota[]): HTMLElement {
  const node = card("Quota left", null, entries.length ? table(["Provider", "Budget", "Of", "Left", "Limit", "Resets"], entries.filter((one) => one.used || entries.length < 12).map((one) => [badge(one.provider), one.budget, one.athlete_id ?? "all", f.round(one.left), f.round(one.limit), f.instant(one.resets_at)]), [3, 4]) : empty("Nothing was asked yet", "The ledger fills with the first pull."));
  node.classList.add("half");
  return node;
}

function quarantine(data: Facts): HTMLElement {
  const rows = data.quarantine;
  const node = card("Quarantine", "kept aside with the reason; the rest of the day loads", rows === null ? empty("Not to be seen now", "The warehouse is in use; look again.") : rows.length ? table(["Resource", "Why", "Records", "Newest"], rows.map((one) => [`${one.provider} ${one.resource}`, one.reason, f.round(one.records), f.dayWithYear(one.newest_day)]), [2]) : empty("Empty", "Every record became a row."));
  node.classList.add("half");
  return node;
}

function receipts(data: Facts): HTMLElement {
  return card("Removed data", "receipts of retention, revocation and erasure", data.receipts.length ? table(["When", "Kind", "Athlete", "From", "Why", "Objects", "Rows"], data.receipts.map((one) => [f.instant(one.at), f.words(one.kind), one.athlete_id, one.providers.join(", "), one.why, f.round(one.landing_objects), f.round(one.base_rows)]), [5, 6]) : empty("Nothing was removed so far", "A retention setting, a revoked consent and `fit-platform erase` leave a receipt here."));
}
