// Steps as bars over time, a lane for each component; times in which nothing ran are folded.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Row } from "./ask";

const LANE = 26;
const TOP = 28;
const LEFT = 150;
const FOLDED = 46;

interface Span {
  from: number;
  to: number;
  x: number;
  w: number;
}

const words = (us: number): string => {
  const s = us / 1e6;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
};

/** The times in which something ran, each with its place; what lies between has a fixed width. */
function spans(rows: Row[], width: number): Span[] {
  const ends = (row: Row) => Math.max(row.to_us ?? row.from_us, row.from_us + 1);
  const sorted = [...rows].sort((a, b) => a.from_us - b.from_us);
  const whole: [number, number][] = [];
  let ran = 0;
  for (const row of sorted) ran += ends(row) - row.from_us;
  const bridge = Math.max(ran / 4, 1e6);
  for (const row of sorted) {
    const last = whole[whole.length - 1];
    if (last && row.from_us <= last[1] + bridge) last[1] = Math.max(last[1], ends(row));
    else whole.push([row.from_us, ends(row)]);
  }
  const total = whole.reduce((sum, [from, to]) => sum + (to - from), 0) || 1;
  const room = Math.max(width - LEFT - 20 - FOLDED * (whole.length - 1), 60 * whole.length);
  let x = LEFT;
  return whole.map(([from, to]) => {
    const w = Math.max((room * (to - from)) / total, 24);
    const span = { from, to, x, w };
    x += w + FOLDED;
    return span;
  });
}

export function Timeline(props: { rows: Row[]; step: number | null; onStep: (n: number) => void }) {
  const { rows, step } = props;
  const pane = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(800);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const sizes = new ResizeObserver(() => setWidth(pane.current!.clientWidth));
    sizes.observe(pane.current!);
    const again = () => setTheme((n) => n + 1);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", again);
    addEventListener("themechange", again);
    return () => {
      sizes.disconnect();
      scheme.removeEventListener("change", again);
      removeEventListener("themechange", again);
    };
  }, []);
  const lanes = useMemo(() => [...new Set(rows.map((row) => row.component))], [rows]);
  const places = useMemo(() => {
    const at = spans(rows, width);
    const where = (us: number): number => {
      let low = 0;
      let high = at.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (at[middle]!.from <= us) low = middle;
        else high = middle - 1;
      }
      const span = at[low]!;
      return span.x + (Math.min(Math.max(us - span.from, 0), span.to - span.from) / (span.to - span.from || 1)) * span.w;
    };
    const lane = new Map(lanes.map((name, n) => [name, n]));
    const bars = rows.map((row) => {
      const x = where(row.from_us);
      return { row, x, y: TOP + lane.get(row.component)! * LANE, w: Math.max(where(row.to_us ?? row.from_us) - x, 3) };
    });
    return { at, bars };
  }, [rows, width, lanes]);
  const last = places.at[places.at.length - 1];
  const wide = Math.max(width - 4, last ? last.x + last.w + 20 : 0);
  const high = TOP + lanes.length * LANE + 10;
  useEffect(() => {
    const element = canvas.current!;
    const ratio = devicePixelRatio || 1;
    element.width = Math.min(wide * ratio, 16000);
    element.height = Math.min(high * ratio, 16000);
    const pen = element.getContext("2d")!;
    pen.scale(element.width / wide, element.height / high);
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    pen.fillStyle = colour("paper");
    pen.fillRect(0, 0, wide, high);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    lanes.forEach((name, n) => {
      pen.fillStyle = colour("ink");
      pen.fillText(name.length > 20 ? `${name.slice(0, 19)}…` : name, 8, TOP + n * LANE + LANE / 2);
      pen.fillStyle = colour("rule");
      pen.fillRect(0, TOP + (n + 1) * LANE - 1, wide, 1);
    });
    places.at.forEach((span, n) => {
      pen.fillStyle = colour("dim");
      const day = new Date(span.from / 1000).toISOString().slice(5, 16).replace("T", " ");
      if (span.w > 70 || n === 0) pen.fillText(day, span.x, 8);
      const end = new Date(span.to / 1000).toISOString().slice(5, 16).replace("T", " ");
      if (span.w > 170) pen.fillText(end, span.x + span.w - 70, 8);
      const next = places.at[n + 1];
      if (next) pen.fillText(words(next.from - span.to), span.x + span.w + 4, TOP - 6);
      if (next) {
        pen.fillStyle = colour("box");
        pen.fillRect(span.x + span.w + 4, TOP, FOLDED - 8, high - TOP);
      }
    });
    for (const bar of places.bars) {
      const { compared } = bar.row;
      const tone = compared ? compared.tone : bar.row.tone;
      pen.fillStyle = colour(tone || "edge");
      pen.fillRect(bar.x, bar.y + 5, bar.w, LANE - 11);
      // Not by colour alone: the sign of what differs stands before its words.
      if (compared && compared.tone !== "dim") pen.fillText(compared.text[0]!, bar.x + bar.w + 3, bar.y + LANE / 2);
    }
    const chosen = places.bars.find((bar) => bar.row.n === step);
    if (chosen) {
      pen.strokeStyle = colour("link");
      pen.lineWidth = 3;
      pen.strokeRect(chosen.x - 2, chosen.y + 3, chosen.w + 4, LANE - 7);
    }
  }, [places, step, wide, high, theme]);
  const pick = (event: MouseEvent) => {
    let best: { n: number; far: number } | null = null;
    for (const bar of places.bars) {
      if (event.offsetY < bar.y || event.offsetY > bar.y + LANE) continue;
      const far = Math.max(bar.x - event.offsetX, event.offsetX - bar.x - bar.w, 0);
      if (far < 12 && (best === null || far < best.far)) best = { n: bar.row.n, far };
    }
    if (best) props.onStep(best.n);
  };
  return (
    <div class="timeline" ref={pane} tabIndex={0} role="region" aria-label="Timeline">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${rows.length} steps of ${lanes.length} components over time. The table says the same in text.`}
        style={{ width: `${wide}px`, height: `${high}px` }}
        onClick={pick}
      />
    </div>
  );
}
