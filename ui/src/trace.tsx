// The trace of one output: steps, three views of them, and the details of the chosen one.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask, askText, type Doc, type Row, rowsAddress, stepAddress, type Step, viewAddress } from "./ask";
import { CompareBar, CompareDialog } from "./compare";
import { Graph } from "./graph";
import { Keys, keysAreOn } from "./help";
import { type State, useAddress, type View } from "./state";
import { Steps } from "./steps";
import { csv, Table } from "./table";
import { Timeline } from "./timeline";

const VIEWS: [View, string][] = [
  ["graph", "Graph"],
  ["timeline", "Timeline"],
  ["table", "Table"],
];
const save = (name: string, content: BlobPart, type: string) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

export function Trace({ name, firstKey, mayFlag }: { name: string; firstKey: string; mayFlag: boolean }) {
  const [state, change] = useAddress();
  const [doc, setDoc] = useState<Doc | null>(null);
  const [every, setEvery] = useState<Row[] | null>(null);
  const [details, setDetails] = useState("");
  const [trouble, setTrouble] = useState("");
  const [said, setSaid] = useState("");
  const [news, setNews] = useState(false);
  const [isFolded, setFolded] = useState(false);
  const [tab, setTab] = useState<"steps" | "middle" | "right">("steps");
  const [comparedWith, setComparedWith] = useState("");
  const [isLoading, setLoading] = useState(true);
  // Called within the event that asks for a dialog, which so has the keyboard before the next key is
  // pressed. A dialog that a state lets appear has it only after a paint: what a quick hand types until
  // then would be lost, or taken for other keys of this page.
  const openCompare = useRef(() => {});
  const openKeys = useRef(() => {});
  const compareButton = useRef<HTMLButtonElement>(null);
  const key = useRef(firstKey);
  const [keyNow, setKeyNow] = useState(firstKey);
  const commands = useRef<Record<string, () => void>>({});
  const right = useRef<HTMLDivElement>(null);

  const failed = (error: unknown) => setTrouble(error instanceof Error ? error.message : String(error));
  const show = (found: Doc) => {
    key.current = found.key;
    setKeyNow(found.key);
    setDoc(found);
    dispatchEvent(new Event("drawn"));
  };
  const load = (signal?: AbortSignal) => {
    const seen = (other: string) => ask<Doc>(viewAddress(name, key.current, other, state.by, state.open), signal).then((found) => {
        setComparedWith(other);
        show(found);
      });
    setLoading(true);
    return seen(state.other)
      .then(() => setTrouble(""))
      .catch((error) => {
        if (signal?.aborted) return;
        failed(error);
        // The trace is there, though what it is to be compared with is not.
        return state.other ? seen("").catch(() => {}) : undefined;
      })
      .finally(() => {
        if (!signal?.aborted) setLoading(false);
      });
  };
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal);
    return () => stop.abort();
  }, [name, state.by, state.open.join("\n"), state.other]);
  // Empty until what is shown is compared.
  const other = comparedWith === state.other ? comparedWith : "";

  const wantsAll = state.q !== "" || state.warned || state.view !== "graph";
  const rows = useMemo<Row[] | null>(
    () => (doc?.by === "run" ? (doc.steps as Row[]) : every),
    [doc, every],
  );
  useEffect(() => setEvery(null), [other]);
  useEffect(() => {
    if (!wantsAll || rows !== null || doc === null) return;
    const stop = new AbortController();
    ask<{ rows: Row[] }>(rowsAddress(name, key.current, other), stop.signal)
      .then(({ rows }) => setEvery(rows))
      .catch((error) => {
        if (!stop.signal.aborted) failed(error);
      });
    return () => stop.abort();
  }, [wantsAll, rows === null, doc === null, other]);

  const isLike = (row: Row): boolean => {
    const wanted = state.q.toLowerCase();
    return (
      (!state.warned || row.warned) &&
      (wanted === "" || `#${row.n} ${row.component} ${row.state} ${row.why} ${row.code} ${row.started} ${row.compared?.text ?? ""}`.toLowerCase().includes(wanted))
    );
  };
  const isFiltered = state.q !== "" || state.warned;
  const steps: Step[] = useMemo(() => {
    if (isFiltered) return (rows ?? []).filter(isLike);
    return doc?.steps ?? [];
  }, [doc, rows, state.q, state.warned]);
  const shownRows = useMemo(() => (rows ?? []).filter(isLike), [rows, state.q, state.warned]);
  useEffect(() => {
    if (isFiltered && rows) setSaid(`${steps.length} of ${doc?.total ?? 0} steps`);
  }, [steps.length, isFiltered]);

  const step = state.step !== null && doc && state.step < doc.total ? state.step : null;
  // For what goes on from it when the server has answered.
  const stepNow = useRef(step);
  stepNow.current = step;
  useEffect(() => {
    if (step === null) {
      setDetails("");
      return;
    }
    const stop = new AbortController();
    askText(stepAddress(name, key.current, other, step), stop.signal)
      .then(setDetails)
      .catch((error) => {
        if (!stop.signal.aborted) failed(error);
      });
    return () => stop.abort();
  }, [step, keyNow, other]);

  useEffect(() => {
    const source = new EventSource("/page/news");
    source.addEventListener("runs", () => setNews(true));
    return () => source.close();
  }, []);
  // What is new is looked at once nobody reads: the trace that is shown changes only where it differs.
  useEffect(() => {
    if (!news) return;
    setNews(false);
    ask<Doc>(viewAddress(name, null, other, state.by, state.open)).then((found) => {
      if (JSON.stringify({ ...found, key: "" }) === JSON.stringify({ ...doc, key: "" })) return;
      setEvery(null);
      show(found);
      setSaid("This trace has changed: new runs were recorded");
    }, failed);
  }, [news]);

  const onStep = (n: number) => change({ step: n < 0 ? null : n });
  const onGroup = (group: string) => {
    const open = state.open.includes(group) ? state.open.filter((each) => each !== group) : [...state.open, group];
    change({ open });
  };
  const toDetails = () => {
    setFolded(false);
    setTab("right");
    setTimeout(() => right.current?.focus(), 0);
  };
  const nextWarned = (sign: number) => {
    const find = (all: Row[]) => {
      const warned = all.filter((row) => row.warned);
      if (warned.length === 0) return setSaid("No step has a warning");
      const from = stepNow.current ?? (sign > 0 ? -1 : all.length);
      const ahead = sign > 0 ? warned.find((row) => row.n > from) : warned.findLast((row) => row.n < from);
      onStep((ahead ?? (sign > 0 ? warned[0] : warned[warned.length - 1]))!.n);
    };
    if (rows) find(rows);
    else
      ask<{ rows: Row[] }>(rowsAddress(name, key.current, other)).then(({ rows }) => {
        setEvery(rows);
        find(rows);
      }, failed);
  };
  const compare = () => openCompare.current();
  const stopComparing = () => {
    change({ other: "" });
    compareButton.current?.focus();
  };
  // Which group the chosen step is in: its details say so.
  const group = useMemo<string | null>(() => {
    if (!doc || doc.by === "run" || details === "") return null;
    const told = new DOMParser().parseFromString(details, "text/html").querySelector<HTMLElement>("[data-stage]");
    return (doc.by === "stage" ? told?.dataset.stage : told?.dataset.component) ?? null;
  }, [doc?.by, details]);
  // Before the next key is pressed: after a paint, `n` pressed twice would go one warning on.
  useLayoutEffect(() => {
    const keys = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
      // What is pressed while a dialog is open is its own, also where a click took the focus out of it.
      if (document.querySelector("dialog[open]")) return;
      // A field of a dialog that was just closed has the focus a moment longer.
      const isInField = target.closest("input,select,textarea") && !target.closest("dialog");
      if (isInField && event.key !== "Escape") return;
      const todo: Record<string, () => void> = {
        "/": () => document.getElementById("id")?.focus(),
        g: () => change({ view: "graph" }),
        t: () => change({ view: "timeline" }),
        b: () => change({ view: "table" }),
        f: () => mayFlag && location.assign(`/flag/${encodeURIComponent(name)}`),
        d: compare,
        n: () => nextWarned(1),
        p: () => nextWarned(-1),
        "[": () => {
          if (group !== null) change({ open: state.open.filter((each) => each !== group) });
        },
        "]": () => {
          if (group !== null && !state.open.includes(group)) change({ open: [...state.open, group] });
        },
        "?": () => openKeys.current(),
        Enter: () => {
          if (target === document.body && step !== null) toDetails();
        },
        Escape: () => onStep(-1),
        ...commands.current,
      };
      const act = todo[event.key];
      if (!act || (event.key === "Home" && target.closest("[role=listbox],[role=table]"))) return;
      if (event.key !== "Enter" && event.key !== "Escape") event.preventDefault();
      act();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  // The words above the trace are the server's; their links choose a step here.
  useEffect(() => {
    const said = document.getElementById("words");
    const choose = (event: Event) => {
      const n = (event.target as HTMLElement).closest<HTMLElement>("a[data-step]")?.dataset.step;
      if (n === undefined) return;
      event.preventDefault();
      onStep(Number(n));
    };
    said?.addEventListener("click", choose);
    return () => said?.removeEventListener("click", choose);
  }, []);
  const inDetails = (event: MouseEvent) => {
    const link = (event.target as HTMLElement).closest("a");
    const n = link?.getAttribute("href")?.match(/^#frame-(\d+)$/)?.[1];
    if (n === undefined) return;
    event.preventDefault();
    onStep(Number(n));
  };
  const png = async () => {
    const address = `/o/${encodeURIComponent(name)}.svg`;
    const image = new Image();
    image.src = address;
    try {
      await image.decode();
      const [w, h] = [image.naturalWidth || 1200, image.naturalHeight || 800];
      const scale = Math.min(2, 8000 / w, 8000 / h);
      const canvas = document.createElement("canvas");
      canvas.width = w * scale;
      canvas.height = h * scale;
      const pen = canvas.getContext("2d")!;
      pen.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => blob && save(`${name.replaceAll(/[^\w.-]+/g, "_")}.png`, blob, "image/png"));
    } catch {
      setTrouble("The picture cannot be drawn here; the SVG has the same");
    }
  };
  const share = () =>
    navigator.clipboard.writeText(location.href).then(
      () => setSaid("The address is copied: it leads to this view"),
      () => setSaid(location.href),
    );
  const isBusy = isLoading || (trouble === "" && ((wantsAll && rows === null) || (step !== null && details === "")));
  const at = `/o/${encodeURIComponent(name)}`;
  const pane = (which: typeof tab, more: string) => `pane ${more}${tab === which ? " shown" : ""}`;
  return (
    <>
      <div class="actions">
        {mayFlag && (
          <a class="button" href={`/flag/${encodeURIComponent(name)}`}>
            Flag this output
          </a>
        )}
        <button onClick={share}>Copy link</button>
        <button onClick={png}>PNG</button>
        <a class="button" href={`${at}.svg`}>
          SVG
        </a>
        <a class="button" href={`${at}.json`}>
          JSON
        </a>
        <a class="button" href={`${at}.txt`}>
          Text
        </a>
        <a class="button" href={`${at}.html`}>
          Printable page
        </a>
        <button ref={compareButton} onClick={compare}>
          Compare…
        </button>
        <button onClick={() => openKeys.current()}>Keys</button>
      </div>
      {trouble && (
        <div class="banner" role="alert">
          {trouble}. <button onClick={() => load()}>Try again</button>{" "}
          {state.other && !other && <button onClick={stopComparing}>Stop comparing</button>}
        </div>
      )}
      {state.other && (other || !trouble) && (
        <CompareBar name={name} other={state.other} found={other ? (doc?.compared ?? null) : null} onStop={stopComparing} />
      )}
      <p class="dim" role="status">
        {said}
      </p>
      <div class="tabs">
        {(["steps", "middle", "right"] as const).map((which) => (
          <button key={which} aria-pressed={tab === which} onClick={() => setTab(which)}>
            {{ steps: "Steps", middle: VIEWS.find(([view]) => view === state.view)![1], right: "Details" }[which]}
          </button>
        ))}
      </div>
      <div class={`panes${isFolded ? " folded" : ""}`} aria-busy={isBusy}>
        <section class={pane("steps", "left")} aria-label="Steps">
          <Filter state={state} change={change} by={doc?.by ?? ""} total={doc?.total ?? 0} />
          {doc === null ? (
            <p class="details dim">Loading…</p>
          ) : (
            <Steps
              steps={steps}
              step={step}
              group={group}
              grouped={!isFiltered && doc.by !== "run"}
              onStep={onStep}
              onGroup={onGroup}
            />
          )}
        </section>
        <section class={pane("middle", "middle")} aria-label="Picture">
          <div class="bar">
            {VIEWS.map(([view, word]) => (
              <button key={view} aria-pressed={state.view === view} onClick={() => change({ view })}>
                {word}
              </button>
            ))}
            {state.view === "graph" && (
              <>
                <button aria-label="Zoom in" onClick={() => commands.current["+"]?.()}>
                  +
                </button>
                <button aria-label="Zoom out" onClick={() => commands.current["-"]?.()}>
                  −
                </button>
                <button onClick={() => commands.current["0"]?.()}>Fit all</button>
                <button onClick={() => commands.current.Home?.()}>Output</button>
              </>
            )}
            {state.view === "table" && (
              <button onClick={() => save("steps.csv", csv(shownRows), "text/csv")}>CSV</button>
            )}
            {isFolded && <button onClick={() => setFolded(false)}>Details</button>}
          </div>
          {doc === null ? null : state.view === "graph" ? (
            <Graph doc={doc} step={step} group={group} onStep={onStep} onGroup={onGroup} onDetails={toDetails} commands={commands} />
          ) : rows === null ? (
            <p class="details dim">Loading…</p>
          ) : state.view === "timeline" ? (
            <Timeline rows={shownRows} step={step} onStep={onStep} />
          ) : (
            <Table rows={shownRows} step={step} onStep={onStep} />
          )}
        </section>
        {!isFolded && (
          <section class={pane("right", "right")} aria-label="Details">
            <div class="bar">
              <h2>Details</h2>
              <button onClick={() => setFolded(true)}>Fold away</button>
            </div>
            <div
              class="scroll details"
              ref={right}
              tabIndex={0}
              role="region"
              aria-label="Details of the chosen step"
              onClick={inDetails}
            >
              {details === "" ? (
                <p class="dim">Choose a step to see what it read, wrote and ran with.</p>
              ) : (
                // Written by the server, in which every value is text.
                <div dangerouslySetInnerHTML={{ __html: details }} />
              )}
            </div>
          </section>
        )}
      </div>
      <CompareDialog
        name={name}
        other={state.other}
        open={openCompare}
        onShow={(named) => {
          change({ other: named, view: "graph" });
          setTab("middle");
        }}
      />
      <Keys open={openKeys} />
    </>
  );
}

function Filter(props: { state: State; change: (part: Partial<State>) => void; by: string; total: number }) {
  const { state, change, by } = props;
  return (
    <div class="bar">
      <h2>Steps</h2>
      <select
        aria-label="Group steps"
        value={by || "run"}
        onChange={(event) => change({ by: event.currentTarget.value, open: [] })}
      >
        <option value="run">each by itself</option>
        <option value="component">by component</option>
        <option value="stage">by stage</option>
      </select>
      <input
        type="search"
        aria-label="Filter steps"
        placeholder="Filter"
        value={state.q}
        onInput={(event) => change({ q: event.currentTarget.value })}
      />
      <label>
        <input type="checkbox" checked={state.warned} onChange={(event) => change({ warned: event.currentTarget.checked })} />
        only warnings
      </label>
      {(state.q !== "" || state.warned) && <button onClick={() => change({ q: "", warned: false })}>Clear filter</button>}
    </div>
  );
}
