// What a view gets: whose page it is, what the address says, and how to go elsewhere.
import type { Athlete, Session } from "./api";

export interface Page {
  session: Session;
  athlete: Athlete;
  path: string[];
  query: URLSearchParams;
  signal: AbortSignal;
  // The same page with other parameters; an empty value takes one away.
  change: (changes: Record<string, string | null>) => void;
  go: (path: string, query?: Record<string, string>) => void;
  href: (path: string, query?: Record<string, string>) => string;
  announce: (text: string) => void;
  reload: () => void;
}
export type View = (page: Page) => Promise<HTMLElement>;

export interface Range { from: string; to: string }
