// Questions to the server. Answers are kept by the browser and asked for again with their ETag.
export interface Athlete { athlete_id: string; display_name: string; timezone: string; max_hr_bpm: number | null; resting_hr_bpm: number | null; is_shared: boolean }
export interface Session {
  viewer: string; sign_in: string; sees_pipeline: boolean; athletes: Athlete[]; csrf: string; version: string | null;
  nothing_published: string | null; is_demo: boolean; target: string;
}
export class Refused extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}
async function answer<T>(response: Response): Promise<T> {
  const body = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw new Refused(response.status, body.error ?? `the server answered ${response.status}`);
  return body as T;
}
export async function get<T>(path: string, query: Record<string, string | null | undefined> = {}, signal?: AbortSignal): Promise<T> {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) asked.set(name, value);
  const url = asked.size ? `${path}?${asked}` : path;
  return fetched<T>(url, { signal: signal ?? null });
}
export async function post<T>(path: string, body: unknown, csrf = ""): Promise<T> {
  const headers = { "content-type": "application/json", "x-fit-csrf": csrf };
  return fetched<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
}
async function fetched<T>(url: string, what: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, what);
  } catch (error) {
    if (what.signal?.aborted) throw error;
    throw new Refused(0, "the dashboard's server cannot be reached; is it still running?");
  }
  return answer<T>(response);
}
