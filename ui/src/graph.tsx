// The graph: what is in view is drawn, far away as a few paths; one tab stop, arrows follow lines.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Arrow, Box, Doc } from "./ask";
import { Minimap, pathsOf } from "./minimap";

const FAR = 0.4;
const LEAST = 0.85;
// In a smaller pane a minimap would hide more than it shows.
const MAPPED = [420, 300] as const;
const LINE = 17;
interface Place {
  x: number;
  y: number;
  k: number;
}

/** The boxes and lines between the chosen box and the output, which is box 0. */
function wayTo(doc: Doc, key: string | null): Set<string> {
  const way = new Set<string>();
  if (key === null) return way;
  const out = new Map<string, Arrow[]>();
  for (const arrow of doc.arrows) {
    const known = out.get(arrow.from);
    if (known) known.push(arrow);
    else out.set(arrow.from, [arrow]);
  }
  const waiting = [key];
  while (waiting.length) {
    const at = waiting.pop()!;
    if (way.has(at)) continue;
    way.add(at);
    for (const arrow of out.get(at) ?? []) waiting.push(arrow.to);
  }
  return way;
}

export function Graph(props: {
  doc: Doc;
  step: number | null;
  group: string | null;
  onStep: (n: number) => void;
  onGroup: (name: string) => void;
  onDetails: () => void;
  commands: { current: Record<string, () => void> };
}) {
  const { doc, step, group } = props;
  const pane = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [at, setAt] = useState<Place | null>(null);
  const byKey = useMemo(() => new Map(doc.boxes.map((box) => [box.key, box])), [doc]);
  // A step that is folded away is in the box of its group.
  const chosen =
    step === null ? null : (doc.boxes.find((box) => box.n === step || (box.group !== null && box.group === group)) ?? null);
  const moved = useRef(false);
  const [focused, setFocused] = useState<string | null>(null);
  const wantsFocus = useRef(false);
  const stop = focused !== null && byKey.has(focused) ? focused : (chosen?.key ?? doc.boxes[0]?.key ?? null);

  useLayoutEffect(() => {
    const element = pane.current!;
    const look = () => setSize([element.clientWidth, element.clientHeight]);
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);

  const output = (k: number): Place => {
    const box = doc.boxes[0];
    if (!box) return { x: 0, y: 0, k };
    // At the right edge; in the middle where all fits.
    const x = doc.width * k < size[0] - 40 ? (size[0] - doc.width * k) / 2 : size[0] - 24 - (box.x + box.w) * k;
    const y = doc.height * k < size[1] - 40 ? (size[1] - doc.height * k) / 2 : size[1] / 2 - (box.y + box.h / 2) * k;
    return { x, y, k };
  };
  useLayoutEffect(() => {
    if (size[0] > 0 && !moved.current) setAt(output(Math.max(LEAST, Math.min(1, (size[1] - 40) / doc.height))));
  }, [doc, size]);
  const place = at ?? output(1);

  const show = (box: Box) => {
    moved.current = true;
    setAt((before) => {
      const now = before ?? place;
      const k = Math.max(now.k, 0.6);
      const left = box.x * k + now.x;
      const top = box.y * k + now.y;
      const inside = now.k === k && left > 8 && top > 8 && left + box.w * k < size[0] - 8 && top + box.h * k < size[1] - 8;
      return inside ? now : { k, x: size[0] / 2 - (box.x + box.w / 2) * k, y: size[1] / 2 - (box.y + box.h / 2) * k };
    });
  };
  useEffect(() => {
    if (chosen && size[0] > 0) show(chosen);
  }, [chosen?.key, doc, size[0] > 0]);
  useEffect(() => {
    if (!wantsFocus.current || stop === null) return;
    const element = document.getElementById(`box-${stop}`);
    if (element) {
      wantsFocus.current = false;
      (element as unknown as SVGElement).focus();
    }
  });

  const zoom = (by: number, cx = size[0] / 2, cy = size[1] / 2) => {
    moved.current = true;
    setAt((before) => {
      const now = before ?? place;
      const k = Math.max(0.02, Math.min(3, now.k * by));
      return { k, x: cx - ((cx - now.x) / now.k) * k, y: cy - ((cy - now.y) / now.k) * k };
    });
  };
  const shift = (dx: number, dy: number) => {
    moved.current = true;
    setAt((before) => ({ ...(before ?? place), x: (before ?? place).x + dx, y: (before ?? place).y + dy }));
  };
  const fit = () => {
    moved.current = true;
    const k = Math.min(1, (size[0] - 40) / doc.width, (size[1] - 40) / doc.height);
    setAt({ k, x: (size[0] - doc.width * k) / 2, y: (size[1] - doc.height * k) / 2 });
  };
  const go = (x: number, y: number) => {
    moved.current = true;
    setAt((before) => {
      const { k } = before ?? place;
      // A side of which all fits stays in the middle.
      const put = (at: number, long: number, room: number) =>
        long * k <= room ? (room - long * k) / 2 : room / 2 - Math.max(0, Math.min(long, at)) * k;
      return { k, x: put(x, doc.width, size[0]), y: put(y, doc.height, size[1]) };
    });
  };
  const home = () => setAt(output(Math.max(LEAST, Math.min(1, place.k))));
  props.commands.current = { "+": () => zoom(1.25), "-": () => zoom(0.8), "0": fit, Home: home };

  useEffect(() => {
    const element = pane.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
      else shift(-event.deltaX, -event.deltaY);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  });
  const held = useRef(new Map<number, [number, number]>());
  const down = (event: PointerEvent) => {
    if (event.button === 0) held.current.set(event.pointerId, [event.clientX, event.clientY]);
  };
  const move = (event: PointerEvent) => {
    const before = held.current.get(event.pointerId);
    if (!before) return;
    const others = [...held.current.entries()].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const now: [number, number] = [event.clientX, event.clientY];
    held.current.set(event.pointerId, now);
    const other = others[0];
    if (other) {
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const is = Math.hypot(now[0] - other[0], now[1] - other[1]);
      const box = pane.current!.getBoundingClientRect();
      if (was > 0) zoom(is / was, (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top);
    } else shift(now[0] - before[0], now[1] - before[1]);
  };
  const up = (event: PointerEvent) => held.current.delete(event.pointerId);

  const enter = (box: Box) => {
    setFocused(box.key);
    if (box.group !== null) props.onGroup(box.group);
    else if (box.n !== null) props.onStep(box.n);
  };
  const keys = (event: KeyboardEvent) => {
    const box = stop === null ? undefined : byKey.get(stop);
    if (!box) return;
    let next: Box | undefined;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const ends = doc.arrows
        .filter((arrow) => (event.key === "ArrowLeft" ? arrow.to : arrow.from) === box.key)
        .map((arrow) => byKey.get(event.key === "ArrowLeft" ? arrow.from : arrow.to)!)
        .filter((each) => each.key !== box.key);
      next = ends.sort((a, b) => Math.abs(a.y - box.y) - Math.abs(b.y - box.y))[0];
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const sign = event.key === "ArrowDown" ? 1 : -1;
      next = doc.boxes
        .filter((each) => Math.abs(each.x - box.x) < 1 && sign * (each.y - box.y) > 0)
        .sort((a, b) => sign * (a.y - b.y))[0];
    } else if (event.key === "Home") next = doc.boxes[0];
    else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      enter(box);
      if (box.n !== null) props.onDetails();
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
    if (!next) return;
    wantsFocus.current = true;
    setFocused(next.key);
    if (next.n !== null) props.onStep(next.n);
    show(next);
  };

  const way = useMemo(() => wayTo(doc, chosen?.key ?? null), [doc, chosen?.key]);
  const inView = (x: number, y: number, w: number, h: number): boolean =>
    (x + w) * place.k + place.x > -60 && x * place.k + place.x < size[0] + 60 && (y + h) * place.k + place.y > -60 && y * place.k + place.y < size[1] + 60;
  const seen = doc.boxes.filter((box) => inView(box.x, box.y, box.w, box.h));
  const isFar = place.k < FAR && doc.boxes.length > 60;
  const drawn = isFar ? seen.filter((box) => box.key === stop || box === chosen) : seen;
  const far = isFar ? pathsOf(seen) : [];
  const view: [number, number, number, number] = [
    -place.x / place.k,
    -place.y / place.k,
    (size[0] - place.x) / place.k,
    (size[1] - place.y) / place.k,
  ];
  const isAllInView = view[0] <= 1 && view[1] <= 1 && view[2] >= doc.width - 1 && view[3] >= doc.height - 1;
  const lines = doc.arrows.filter((arrow) => {
    const a = byKey.get(arrow.from)!;
    const b = byKey.get(arrow.to)!;
    const x = Math.min(a.x, b.x);
    const y = Math.min(a.y, b.y);
    return inView(x, y, Math.max(a.x + a.w, b.x + b.w) - x, Math.max(a.y + a.h, b.y + b.h) - y);
  });
  const plain = lines.filter((arrow) => !(way.has(arrow.from) && way.has(arrow.to)));
  const strong = lines.filter((arrow) => way.has(arrow.from) && way.has(arrow.to));
  return (
    <>
      <div class="graph" ref={pane}>
        <svg
          role="group"
          aria-label={`Graph of ${doc.total} steps: arrows follow what each was made from`}
          onPointerDown={down}
          onPointerMove={move}
          onPointerUp={up}
          onPointerCancel={up}
          onPointerLeave={up}
          onKeyDown={keys}
        >
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
              <path class="head" d="M0 0L8 4L0 8z" />
            </marker>
          </defs>
          <g transform={`translate(${place.x} ${place.y}) scale(${place.k})`}>
            {isFar ? (
              <path class="line" d={plain.filter((arrow) => !arrow.called).map((arrow) => arrow.d).join("")} />
            ) : (
              plain.map((arrow) => <Line key={`${arrow.from}-${arrow.to}-${arrow.called}`} arrow={arrow} strong={false} />)
            )}
            {strong.map((arrow) => (
              <Line key={`${arrow.from}-${arrow.to}-${arrow.called}`} arrow={arrow} strong />
            ))}
            {far.map(([state, d]) => (
              <path key={state} class={`far f-${state}`} d={d} />
            ))}
            {drawn.map((box) => (
              <OneBox key={box.key} box={box} chosen={box === chosen} stop={box.key === stop} onEnter={enter} onFocus={setFocused} />
            ))}
          </g>
        </svg>
        {!isAllInView && size[0] >= MAPPED[0] && size[1] >= MAPPED[1] && <Minimap doc={doc} view={view} onGo={go} />}
        {seen.length === 0 && doc.boxes.length > 0 && (
          <button class="lost" onClick={home}>
            Nothing here. Back to the output
          </button>
        )}
      </div>
    </>
  );
}

function Line({ arrow, strong }: { arrow: Arrow; strong: boolean }) {
  return (
    <path class={`line${arrow.called ? " called" : ""}${strong ? " strong" : ""}`} d={arrow.d} marker-end="url(#arrow)">
      <title>{arrow.said}</title>
    </path>
  );
}

function OneBox(props: { box: Box; chosen: boolean; stop: boolean; onEnter: (box: Box) => void; onFocus: (key: string) => void }) {
  const { box } = props;
  const last = box.shape === "component" ? 1 : 2;
  const tone = (n: number): string => {
    if (n === 0) return "strong";
    if (box.compared && n === box.lines.length - 1) return box.compared.tone === "dim" ? "dim" : `is-${box.compared.tone}`;
    return n === last && box.state ? `is-${box.state}` : "dim";
  };
  return (
    <g
      id={`box-${box.key}`}
      class={`${box.shape} b-${box.state}${props.chosen ? " chosen" : ""}`}
      role="button"
      tabindex={props.stop ? 0 : -1}
      aria-pressed={box.n === null ? undefined : props.chosen}
      aria-expanded={box.group === null ? undefined : false}
      aria-label={box.lines.join(", ")}
      onClick={() => props.onEnter(box)}
      onFocus={() => props.onFocus(box.key)}
    >
      {box.shape === "component" && <rect x={box.x + 4} y={box.y + 4} width={box.w} height={box.h} rx={2} />}
      <rect x={box.x} y={box.y} width={box.w} height={box.h} rx={box.shape === "source" || box.shape === "more" ? 14 : 5} />
      {box.lines.map((line, n) => (
        <text key={n} class={tone(n)} x={box.x + 12} y={box.y + 19 + n * LINE}>
          {line}
        </text>
      ))}
    </g>
  );
}
