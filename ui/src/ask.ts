// What the page asks the server, and the shapes of its answers (render/view.py).
/** How a step compares, in a sign and words. */
export interface Compared {
  text: string;
  tone: string;
}
export interface Row {
  n: number;
  component: string;
  started: string;
  took: string;
  state: string;
  tone: string;
  code: string;
  why: string;
  from_us: number;
  to_us: number | null;
  warned: boolean;
  compared: Compared | null;
}
export interface Group {
  group: string;
  about: string;
  tone: string;
  open: boolean;
  compared: Compared | null;
}
export type Step = Row | Group;
export interface Box {
  key: string;
  x: number;
  y: number;
  w: number;
  h: number;
  lines: string[];
  shape: string;
  state: string;
  n: number | null;
  group: string | null;
  compared: Compared | null;
}
export interface Arrow {
  from: string;
  to: string;
  d: string;
  said: string;
  called: boolean;
}
export interface Comparison {
  other: string;
  said: string;
  there: { run: string; said: string; about: string }[];
  there_total: number;
}
export interface Doc {
  key: string;
  name: string;
  by: string;
  total: number;
  width: number;
  height: number;
  boxes: Box[];
  arrows: Arrow[];
  steps: Step[];
  compared: Comparison | null;
}
export interface Match {
  what: string;
  name: string;
  component: string | null;
  at: string | null;
  note: string | null;
}

export const isGroup = (step: Step): step is Group => "group" in step;

export class AskError extends Error {}

async function answered(address: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(address, { signal: signal ?? null, credentials: "same-origin" });
  if (response.status === 401) {
    location.assign(`/login?then=${encodeURIComponent(location.pathname + location.search)}`);
  }
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new AskError(told.title ?? `The server answers with status ${response.status}`);
  }
  return response;
}

export const ask = async <T>(address: string, signal?: AbortSignal): Promise<T> =>
  (await answered(address, signal)).json();
export const askText = async (address: string, signal?: AbortSignal): Promise<string> =>
  (await answered(address, signal)).text();

/** `other` is the output that each step is compared with; empty where it is not. */
export function viewAddress(name: string, key: string | null, other: string, by: string, open: string[]): string {
  const query = asked(name, key, other);
  if (by) query.set("by", by);
  for (const each of open) query.append("open", each);
  return `/page/view?${query}`;
}
export const rowsAddress = (name: string, key: string, other: string): string => `/page/rows?${asked(name, key, other)}`;
export const stepAddress = (name: string, key: string, other: string, n: number): string =>
  `/page/step?${asked(name, key, other)}&n=${n}`;

function asked(name: string, key: string | null, other: string): URLSearchParams {
  const query = new URLSearchParams({ output: name });
  if (key) query.set("key", key);
  if (other) query.set("with", other);
  return query;
}
