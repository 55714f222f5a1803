// What the page shows is in its address, so that a link leads to the same view.
import { useEffect, useState } from "preact/hooks";

export type View = "graph" | "timeline" | "table";
export interface State {
  view: View;
  by: string;
  open: string[];
  step: number | null;
  q: string;
  warned: boolean;
  other: string;
}

function read(): State {
  const query = new URLSearchParams(location.search);
  const view = query.get("view");
  const step = query.get("step");
  return {
    view: view === "timeline" || view === "table" ? view : "graph",
    by: query.get("by") ?? "",
    open: query.getAll("open"),
    step: step !== null && /^\d{1,9}$/.test(step) ? Number(step) : null,
    q: query.get("q") ?? "",
    warned: query.get("warned") === "1",
    other: query.get("with") ?? "",
  };
}

function write(state: State, push: boolean): void {
  const query = new URLSearchParams();
  if (state.view !== "graph") query.set("view", state.view);
  if (state.by) query.set("by", state.by);
  for (const name of state.open) query.append("open", name);
  if (state.step !== null) query.set("step", String(state.step));
  if (state.q) query.set("q", state.q);
  if (state.warned) query.set("warned", "1");
  if (state.other) query.set("with", state.other);
  const text = query.toString();
  const address = location.pathname + (text ? `?${text}` : "");
  if (push) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

export type Change = (part: Partial<State>) => void;

export function useAddress(): [State, Change] {
  const [state, set] = useState(read);
  useEffect(() => {
    const back = () => set(read());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const change: Change = (part) =>
    set((before) => {
      const next = { ...before, ...part };
      // Another view, grouping or comparison is a place to come back to; a step or a letter typed is not.
      write(next, next.view !== before.view || next.by !== before.by || next.other !== before.other);
      return next;
    });
  return [state, change];
}
