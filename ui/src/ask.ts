// What the page asks the server, and the shapes of its answers (render/view.py).
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
}
export interface Group {
  group: string;
  about: string;
  tone: string;
  open: boolean;
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
}
export interface Arrow {
  from: string;
  to: string;
  d: string;
  said: string;
  called: boolean;
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
}
export interface Match {
  what: string;
  name: string;
  component: string | null;
  at: string | null;
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

export function viewAddress(name: string, key: string | null, by: string, open: string[]): string {
  const query = new URLSearchParams({ output: name });
  if (key) query.set("key", key);
  if (by) query.set("by", by);
  for (const each of open) query.append("open", each);
  return `/page/view?${query}`;
}
export const rowsAddress = (name: string, key: string): string =>
  `/page/rows?${new URLSearchParams({ output: name, key })}`;
export const stepAddress = (name: string, key: string, n: number): string =>
  `/page/step?${new URLSearchParams({ output: name, key, n: String(n) })}`;
